"""Call-backs over a real database: items come with the calls' own facts, once, and end in words."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from callers import (
    BUSY,
    HERE,
    NUMBER,
    OTHER,
    SEAT,
    SPOKEN,
    START,
    VIEWS,
    Centre,
    room_of,
    worked,
)
from room import refusal
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tahuri.callbacks import messages, queries
from tahuri.callbacks.automatic import Automatic, Pace
from tahuri.callbacks.caller_page import CallerPages
from tahuri.callbacks.deadlines import DEADLINES
from tahuri.callbacks.messages import FileGateway, HttpGateway, Message, NotTaken, Wording
from tahuri.calls.switchboard import take_over
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.deadlines import carry_out, due
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.log import Log, Writing, writing
from tahuri.telephony.protocol.facts import Fact


@pytest.fixture
async def centre(database: Database, pack: CityPack) -> AsyncIterator[Centre]:
    async with room_of(database, pack) as one:
        yield one


async def test_a_caller_has_one_item_however_often_they_ring(centre: Centre) -> None:
    """Given three calls of one number and one of another, all in vain; then there are two items,
    and the first knows all its calls and why it comes first."""
    await centre.in_vain("C1")
    await centre.in_vain("C2", 60, number=OTHER)
    await centre.in_vain("C3", 100, waits_s=35)
    await centre.in_vain("C4", 200)
    assert await centre.items() == ["C1", "C2"]
    item = await centre.item("C1")
    assert [call["call_id"] for call in item["calls"]] == ["C1", "C3", "C4"]
    assert [call["waited_s"] for call in item["calls"]] == [12, 35, 12]
    assert {one["code"]: one["points"] for one in item["reasons"]} == {"again": 4, "waited-long": 3}
    assert item["risk"] == 7
    assert item["dialable"] is True
    assert (await centre.item("C2"))["risk"] == 1


async def test_two_spellings_of_a_number_are_one_item(centre: Centre) -> None:
    """Given calls in vain of one mobile number that two trunks spell differently; then there is one
    item, each call keeps the number as it came, and an answer to a third spelling settles it."""
    await centre.in_vain("C1", number="081234567890")
    await centre.in_vain("C2", 60, number="+6281234567890")
    await centre.in_vain("C3", 90, number="+6281234567891")
    assert await centre.items() == ["C1", "C3"]
    came = await centre.database.all(
        "select p.body ->> 'number' from view_rows v join personal p on p.personal_id = "
        "v.body ->> 'caller' where v.view = 'call' order by v.key"
    )
    assert [number for (number,) in came] == ["081234567890", "+6281234567890", "+6281234567891"]
    await centre.arrives("C4", 120, number="006281234567890")
    await centre.tell("C4", "call-answered", 125, robot=False, **SEAT)
    assert (await centre.item("C1"))["outcome"] == "answered-later"
    assert (await centre.item("C3"))["state"] == "open"


async def test_a_caller_without_a_number_says_so_and_needs_only_an_outcome(centre: Centre) -> None:
    """Phones without a SIM card have no number: each call has its own item, none can be called."""
    await centre.in_vain("C1", number=None)
    await centre.in_vain("C2", 30, number=None)
    assert await centre.items() == ["C1", "C2"]
    item = await centre.item("C1")
    assert (item["dialable"], item["number_status"]) == (False, "none")
    answer = await centre.room.post("taker", "/api/callbacks/C1/call", {})
    assert refusal(answer) == (409, "callback-not-possible")
    assert answer.json()["context"]["reason"] == "no-number"
    assert (await centre.close("C1", "no-number")).status_code == 200
    assert (await centre.item("C1"))["state"] == "closed"


async def test_test_calls_and_answered_calls_open_nothing(centre: Centre) -> None:
    """Only who was not heard is owed a call."""
    await centre.in_vain("C1", test=True)
    await centre.arrives("C2", 10)
    await centre.tell("C2", "call-answered", 15, robot=False, **SEAT)
    await centre.gone("C2", 60, outcome="answered")
    assert await centre.items() == []


async def test_a_test_call_that_heard_itself_opens_nothing_though_a_failure_ended_it(
    centre: Centre,
) -> None:
    """Given media that dies in a loop-back test; then nobody is asked to call a program back."""
    await centre.tell(
        "C1", "call-arrived", 0,
        trunk="telco", number_status="none", request_uri_kind="service-urn", test=True,
        loopback=True,
    )  # fmt: skip
    await centre.gone("C1", 5, outcome="tested", by="failure", reason="media-lost")
    assert await centre.items() == []


async def test_a_conversation_that_we_lost_opens_an_item(centre: Centre) -> None:
    """Media or a node that fails takes the caller's help away in mid-sentence."""
    await centre.arrives("C1")
    await centre.tell("C1", "call-answered", 8, robot=False, **SEAT)
    await centre.gone("C1", 60, outcome="answered", by="failure", reason="media-lost")
    item = await centre.item("C1")
    assert item["calls"][0]["cause"] == "failure"
    assert item["calls"][0]["waited_s"] == 8
    assert item["reasons"][0] == {"code": "failure", "points": 5}
    await centre.gone("C9", 70, by="failure", reason="journal-unreadable")  # nothing else is known
    assert (await centre.item("C9"))["dialable"] is False


async def test_a_silent_caller_is_called_back_and_stands_above_the_others(centre: Centre) -> None:
    """A stroke is silent too: the call was answered, and nobody knows what it was."""
    await centre.arrives("C1")
    await centre.tell("C1", "call-answered", 3, robot=False, **SEAT)
    await centre.tell("C1", "ghost-ended", 40, by="seat", answers=1, call_back=True)
    await centre.tell("C1", "call-ended", 40, outcome="answered", by="seat", reason="ghost")
    item = await centre.item("C1")
    assert (item["state"], item["calls"][0]["cause"]) == ("open", "silent")
    assert {"code": "silent", "points": 4} in item["reasons"]
    await centre.arrives("C2", number=OTHER)
    await centre.tell("C2", "call-answered", 3, robot=False, **SEAT)
    await centre.tell("C2", "ghost-ended", 40, by="seat", answers=0, call_back=False)
    await centre.tell("C2", "call-ended", 40, outcome="answered", by="seat", reason="ghost")
    assert await centre.items() == ["C1"]


async def test_whoever_rings_again_and_is_answered_needs_no_call_back(centre: Centre) -> None:
    """The item closes by itself and names the call."""
    await centre.in_vain("C1")
    await centre.arrives("C2", 60)
    await centre.tell("C2", "call-answered", 65, robot=False, **SEAT)
    item = await centre.item("C1")
    assert (item["state"], item["outcome"]) == ("closed", "answered-later")
    assert item["answered_call_id"] == "C2"
    assert item["outcome_s"] == 53
    await centre.gone("C2", 100, outcome="answered")
    await centre.in_vain("C3", 200)
    assert await centre.items() == ["C1", "C3"]


async def test_an_answer_of_before_that_is_told_late_closes_nothing(centre: Centre) -> None:
    """Given a caller who was answered at a node that is then cut off from the log, and who was lost
    at another one after it; when the first node's facts come; then they are still owed a call."""
    await centre.in_vain("C2", 600)
    await centre.arrives("C1", 0)
    await centre.tell("C1", "call-answered", 5, robot=False, **SEAT)
    assert (await centre.item("C2"))["state"] == "open"
    await centre.arrives("C3", 700)
    await centre.tell("C3", "call-answered", 705, robot=False, **SEAT)
    assert (await centre.item("C2"))["answered_call_id"] == "C3"


async def test_signs_of_danger_are_seen_when_the_item_is_opened(centre: Centre) -> None:
    """Near an open incident, keys, a location, the night: each is told with its points."""
    incident = await centre.room.open(place=HERE)
    far = {"lat": -3.5, "lon": 128.3, "uncertainty_m": None, "method": None, "xml": ""}
    near = {"lat": -3.6954, "lon": 128.1814, "uncertainty_m": 100.0, "method": None, "xml": ""}
    broken = {"lat": 1e300, "lon": -3e300, "uncertainty_m": 1e300, "method": None, "xml": ""}
    night = 12 * 3600.0
    await centre.arrives("C1", night, location=near)
    await centre.tell("C1", "key-pressed", night + 3, digit="5")
    await centre.gone("C1", night + 5)
    item = await centre.item("C1")
    assert {one["code"] for one in item["reasons"]} == {"near-incident", "keys", "located", "night"}
    assert item["calls"][0]["near"] == incident
    await centre.in_vain("C2", 20, number=OTHER, location=far)
    assert (await centre.item("C2"))["calls"][0]["near"] is None
    await centre.in_vain("C3", 40, number="+620000000003", location=broken, status="withheld")
    assert {one["code"] for one in (await centre.item("C3"))["reasons"]} == {
        "located", "waited", "withheld",
    }  # fmt: skip


async def test_a_second_caller_about_an_open_incident_counts_as_near(centre: Centre) -> None:
    """Who told of a fire and now rings in vain may tell that it has reached the house."""
    await centre.arrives("C1")
    await centre.tell("C1", "call-answered", 5, robot=False, **SEAT)
    await centre.gone("C1", 60, outcome="answered")
    incident = await centre.room.open(call_id="C1")
    await centre.in_vain("C2", 100)
    assert (await centre.item("C2"))["calls"][0]["near"] == incident


async def test_a_call_taker_calls_back_and_each_attempt_is_kept(centre: Centre) -> None:
    """Who, when and with what result: the switch's own facts, once each."""
    await centre.in_vain("C1")
    answer = await centre.room.post("taker", "/api/callbacks/C1/call", {"trunk": "telco"})
    assert (answer.status_code, answer.json()) == (200, {"call_id": "O1"})
    assert centre.switch.asked == [
        (
            "call_back",
            {
                **SEAT,
                "callback_id": "C1",
                "number": NUMBER,
                "number_status": "present",
                "trunk": "telco",
            },
        )
    ]
    await centre.called("C1", "O1", 42)
    item = await centre.item("C1")
    assert (item["calling"], item["call_back_s"]) == ("O1", 30)
    assert refusal(await centre.close("C1", "prank")) == (409, "callback-not-possible")
    await centre.tell("O1", "call-ended", 50, **BUSY)
    item = await centre.item("C1")
    assert item["calling"] is None
    assert [(a["result"], a["status"], a["operator_id"]) for a in item["attempts"]] == [
        ("busy", 486, "taker")
    ]
    row = await centre.room.row("call", "O1")
    assert (row["direction"], row["outcome"], row["end_reason"]) == ("out", "not-reached", "busy")
    assert row["wrapped_up_at"] is not None
    assert (await centre.close("C1", "not-reached-after-attempts", note="Dua kali")).is_success
    assert (await centre.room.facts("callback/C1"))[-1][0] == "callbacks.item-closed"


async def test_who_may_not_or_cannot_call_is_refused(centre: Centre) -> None:
    """A dispatcher has no phone, a stranger no right, an unknown item no number."""
    await centre.in_vain("C1")
    for who, path, code in (
        ("ola", "/api/callbacks/C1/call", (403, "not-allowed")),
        ("crew", "/api/callbacks/C1/close", (403, "not-allowed")),
        ("taker", "/api/callbacks/C7/call", (404, "callback-unknown")),
        ("chief", "/api/callbacks/C1/call", (409, "seat-not-signed-on")),
    ):
        body = {"outcome": "prank"} if path.endswith("close") else {}
        assert refusal(await centre.room.post(who, path, body)) == code
    assert refusal(await centre.close("C7", "prank")) == (404, "callback-unknown")
    assert (await centre.close("C1", "prank")).is_success
    answer = await centre.room.post("taker", "/api/callbacks/C1/call", {})
    assert answer.json()["context"]["reason"] == "closed"
    headers = {"who": "taker"}
    unknown = await centre.room.client.get("/api/callbacks/C7/proof.json", headers=headers)
    assert unknown.status_code == 404


async def test_a_wrong_outcome_names_the_field(centre: Centre) -> None:
    """422 with the field; what was typed stays with who typed it."""
    await centre.in_vain("C1")
    for body, name in (
        ({"outcome": "reached-emergency"}, "incident_id"),
        ({"outcome": "prank", "incident_id": "I1"}, "incident_id"),
        ({"outcome": "vanished"}, "outcome"),
        ({}, "outcome"),
        ({"outcome": "prank", "note": "x" * 5000}, "note"),
        ({"outcome": "prank", "remark": ""}, "remark"),
    ):
        answer = await centre.room.post("taker", "/api/callbacks/C1/close", body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == name


async def test_an_emergency_takes_its_calls_into_the_case(centre: Centre) -> None:
    """The case's clock starts with the call that nobody answered, and its proof shows the way."""
    await centre.in_vain("C1")
    await centre.called("C1", "O1", 42, **SPOKEN)
    missing = await centre.close("C1", "reached-emergency", incident_id="I9")
    assert refusal(missing) == (404, "incident-unknown")
    incident = await centre.room.open(call_id="O1")
    closed = await centre.close("C1", "reached-emergency", incident_id=incident, note="Kebakaran")
    assert closed.is_success
    assert (await centre.room.row("incident", incident))["call_ids"] == ["O1", "C1"]
    case = await centre.room.get("taker", f"/api/incidents/{incident}/case.json")
    assert case["clocks"]["call_back_s"] == 30
    assert case["clocks"]["outcome_s"] > 0
    told = [line["type"] for line in case["timeline"]]
    for tag in ("item-opened", "attempt-begun", "attempt-ended", "item-closed"):
        assert f"callbacks.{tag}" in told
    assert any("Kebakaran" in line["text_id"] for line in case["timeline"])
    headers = {"who": "taker"}
    pdf = await centre.room.client.get(f"/api/incidents/{incident}/case.pdf", headers=headers)
    assert pdf.content.startswith(b"%PDF")
    proof = await centre.room.get("taker", "/api/callbacks/C1/proof.json")
    assert proof["clocks"]["call_back_s"] == 30
    assert {fact["stream"] for fact in proof["facts"]} == {"callback/C1", "call/C1", "call/O1"}
    assert all(len(fact["digest"]) == 64 for fact in proof["facts"])
    assert any(body and body.get("number") == NUMBER for body in proof["personal"].values())


async def test_call_me_back_is_an_item_too(centre: Centre) -> None:
    """Asked on an answered call; asked twice it is the same item."""
    await centre.arrives("C1")
    await centre.tell("C1", "call-answered", 5, robot=False, **SEAT)
    await centre.gone("C1", 60, outcome="answered")
    for _ in range(2):
        answer = await centre.room.post("taker", "/api/callbacks", {"call_id": "C1"})
        assert answer.json()["callback_id"] == "C1"
    assert (await centre.item("C1"))["reasons"][0] == {"code": "asked", "points": 4}
    await centre.close("C1", "prank")
    again = await centre.room.post("taker", "/api/callbacks", {"call_id": "C1"})
    assert again.json()["callback_id"] not in ("C1", None)
    assert refusal(await centre.room.post("taker", "/api/callbacks", {"call_id": "C7"})) == (
        404,
        "call-unknown",
    )
    await centre.called("C1", "O1", 90, **BUSY)
    ours = await centre.room.post("taker", "/api/callbacks", {"call_id": "O1"})
    assert ours.json()["errors"][0]["field"] == "call_id"
    await centre.arrives("C8", 300, test=True)
    assert (await centre.room.post("taker", "/api/callbacks", {"call_id": "C8"})).status_code == 422


async def test_a_closed_item_is_taken_up_again_with_a_reason(centre: Centre) -> None:
    """Unless the caller has another open one by now: one caller, one item."""
    await centre.in_vain("C1")
    await centre.close("C1", "prank")
    path, body = "/api/callbacks/C1/reopen", {"reason": "Yang menjawab orang lain"}
    assert (await centre.room.post("taker", path, body)).is_success
    assert (await centre.item("C1"))["state"] == "open"
    await centre.close("C1", "prank")
    await centre.in_vain("C2", 500)
    answer = await centre.room.post("taker", path, body)
    assert answer.json()["context"]["reason"] == "other-open"
    assert (await centre.room.post("taker", path, {"reason": ""})).status_code == 422


async def test_nobody_called_in_time_is_told_once(centre: Centre) -> None:
    """The deadline belongs to the item: an attempt or an outcome ends it."""
    await centre.in_vain("C1")
    await centre.in_vain("C2", 5, number=OTHER)
    await centre.in_vain("C3", 9, number="+620000000003")
    await centre.called("C2", "O1", 20, **BUSY)
    await centre.close("C3", "prank")
    waits = await due(centre.database, clock.now() + timedelta(days=400))
    assert [key for key, *_ in waits] == ["callback/C1"]
    assert waits[0][3] == START + timedelta(seconds=12 + 180)
    await carry_out(centre.database, VIEWS, DEADLINES, waits[0])
    await carry_out(centre.database, VIEWS, DEADLINES, waits[0])
    assert (await centre.item("C1"))["overdue"] is True
    told = [tag for tag, _ in await centre.room.facts("callback/C1")]
    assert told.count("callbacks.overdue") == 1


async def test_a_call_back_that_nobody_tells_the_end_of_keeps_its_caller_from_no_other(
    centre: Centre,
) -> None:
    """Given a call-back at a machine that is then lost with its journal, and one that has ended;
    when an hour is over; then the first caller is nobody's call any more and can be called and
    closed, and of the second nothing is told."""
    await centre.in_vain("C1")
    await centre.in_vain("C2", number=OTHER)
    await centre.called("C1", "O1", 60)
    await centre.called("C2", "O2", 60, **BUSY)
    assert (await centre.item("C1"))["calling"] == "O1"
    for found in await due(centre.database, START + timedelta(seconds=60 + 3600)):
        await carry_out(centre.database, VIEWS, DEADLINES, found)
    item = await centre.item("C1")
    assert item["calling"] is None
    assert [one["result"] for one in item["attempts"]] == ["end-unknown"]
    assert [one["result"] for one in (await centre.item("C2"))["attempts"]] == ["busy"]
    assert await due(centre.database) == []
    assert (await centre.close("C1", "not-reached-after-attempts")).is_success


async def test_a_free_seat_is_offered_the_riskiest_item_first(centre: Centre) -> None:
    """The centre calls back by itself, spaced, and leaves the rest to people."""
    await centre.in_vain("C1")
    await centre.in_vain("C2", 30, number=OTHER, waits_s=40)
    await centre.in_vain("C3", 40, number=None)
    automatic = Automatic(centre.database, centre.switch, Pace())
    centre.switch.free = False
    assert await automatic.look() is None
    centre.switch.free = True
    assert [await automatic.look() for _ in range(3)] == ["C2", "C1", None]
    op, asked = centre.switch.asked[1]
    assert (op, asked["number"]) == ("offer_call_back", OTHER)
    centre.switch.refuses = True
    assert await Automatic(centre.database, centre.switch, Pace()).look() is None


async def test_callers_who_were_tried_in_vain_keep_nobody_from_a_first_call_back(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a quake's many risky items that are done with, when a seat is free, then the next."""
    monkeypatch.setattr(queries, "OFFERS_MAX", 2)
    for one in ("C1", "C2", "C3"):
        await centre.in_vain(one, number=f"{NUMBER}{one[1]}", waits_s=40)
        await centre.called(one, f"A{one}", 100, automatic=True, **BUSY)
    await centre.in_vain("C4", 30, number=OTHER, waits_s=5)
    automatic = Automatic(centre.database, centre.switch, Pace(attempts_max=1))
    assert [await automatic.look() for _ in range(2)] == ["C4", None]


async def test_a_caller_who_cannot_be_reached_gets_one_message(
    centre: Centre, tmp_path: Path
) -> None:
    """Only after an attempt in vain, once an item, with a link only where there is a page."""
    file = tmp_path / "messages.jsonl"
    await centre.in_vain("C1")
    assert await centre.jobs() == []
    await centre.called("C1", "O1", 42, **BUSY)
    await centre.called("C1", "O2", 200, **BUSY)
    assert await centre.jobs() == [(messages.SEND, {"callback_id": "C1"})] * 2
    pages = CallerPages("https://112.example/caller", b"secret", 24)
    await worked(centre, FileGateway(file), pages)
    (line,) = file.read_text().splitlines()
    message = msgspec.json.decode(line, type=Message)
    assert message.link == f"https://112.example/caller#{pages.token('C1')}"
    assert message.to == NUMBER
    assert message.link in message.text
    assert (await centre.item("C1"))["message"] == "sent"
    told = [tag for tag, _ in await centre.room.facts("callback/C1")]
    assert told.count("callbacks.message-sent") == 1
    plain = Wording("112", "Kota Ambon").message("C1", NUMBER)
    assert plain.link is None
    assert "http" not in plain.text


async def test_a_gateway_that_is_down_is_told_and_tried_again(centre: Centre) -> None:
    """The outcome is a fact each time; a closed item gets no message any more."""
    await centre.in_vain("C1")
    await centre.called("C1", "O1", 42, **BUSY)
    await worked(centre, HttpGateway("http://127.0.0.1:9/messages"))
    tag, body = (await centre.room.facts("callback/C1"))[-1]
    assert (tag, body["gateway"]) == ("callbacks.message-failed", "http")
    assert NUMBER not in str(body)
    (record,) = await centre.database.all(
        "select status::text, attempts from procrastinate_jobs where task_name = %s",
        (messages.SEND,),
    )
    assert record == ("todo", 1)  # it waits for its next try
    await centre.close("C1", "prank")
    await centre.in_vain("C2", 500)
    await centre.called("C2", "O2", 542, **BUSY)
    await centre.close("C2", "prank")
    await worked(centre, None)
    assert (await centre.item("C2"))["message"] == "none"


async def test_the_http_gateway_posts_json_and_believes_only_a_2xx() -> None:
    """What a city's own gateway has to take: one POST, a key that makes repeating harmless."""
    seen: list[tuple[str, bytes]] = []

    async def take(request: Request) -> Response:
        seen.append((request.headers["idempotency-key"], await request.body()))
        return Response(status_code=500 if len(seen) == 2 else 202)

    import uvicorn

    app = Starlette(routes=[Route("/sms", take, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    task = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    gateway = HttpGateway(f"http://127.0.0.1:{port}/sms")
    message = Wording("112", "Kota Ambon").message("C1", NUMBER)
    await gateway.send(message)
    with pytest.raises(NotTaken, match="answered 500"):
        await gateway.send(message)
    server.should_exit = True
    await task
    assert seen[0][0] == "C1"
    assert msgspec.json.decode(seen[0][1])["to"] == NUMBER


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A full or missing disk costs the message, and says so."""
    with pytest.raises(NotTaken, match="cannot be written"):
        await FileGateway(tmp_path / "missing" / "file").send(
            Wording("112", "Kota Ambon").message("C1", NUMBER)
        )


async def test_a_bug_in_what_follows_never_keeps_a_fact_out_of_the_log(centre: Centre) -> None:
    """The call's own fact counts more than what is made of it."""

    async def broken(log: Log, stream: StreamId, event: Event, at: datetime) -> None:
        raise ValueError("a bug")

    fact = Fact(
        id="E1", at=START, stream="call/C1", type="calls.call-queued", body={}, personal={},
        actor="switch",
    )  # fmt: skip
    write = Writing(actor="switch", command="E1", now=clock.now())
    async with writing(centre.database, VIEWS, write) as log:
        await take_over(log, fact, (broken,))
    assert [tag for tag, _ in await centre.room.facts("call/C1")] == ["calls.call-queued"]
