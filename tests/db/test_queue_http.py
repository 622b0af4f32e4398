"""What supervisors and seats ask of the queue over HTTP, of a real switch with pretended media."""

import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from switch_bench import Bench, Browser, bench, until

import tahuri.calls.views
import tahuri.operators.views
from tahuri.calls.routes import routes
from tahuri.calls.switchboard import Switchboard
from tahuri.city.records import CityPack
from tahuri.kernel.db import Database
from tahuri.kernel.http import EXCEPTION_HANDLERS, SignedOn
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.roles import Role

VIEWS = (*tahuri.calls.views.VIEWS, *tahuri.operators.views.VIEWS)
PEOPLE = {
    "chief": SignedOn("chief", "Kepala", (Role.SUPERVISOR,)),
    "taker": SignedOn("op1", "Penerima", (Role.CALL_TAKER,)),
    "other": SignedOn("op2", "Penerima lain", (Role.CALL_TAKER,)),
    "ola": SignedOn("ola", "Ola", (Role.DISPATCHER,)),
}
WRAP_UP_S = 60.0


async def reader(request: Request) -> SignedOn | None:
    return PEOPLE.get(request.headers.get("who", ""))


class Room:
    """Programs of the room, and the switch that they ask."""

    def __init__(self, client: httpx.AsyncClient, one: Bench) -> None:
        self.client, self.bench = client, one

    async def post(self, who: str, path: str, body: dict[str, Any]) -> httpx.Response:
        headers = {"who": who, "Idempotency-Key": new_id()}
        return await self.client.post(path, json=body, headers=headers)

    async def refused(
        self, who: str, path: str, body: dict[str, Any]
    ) -> tuple[int, str, list[str]]:
        """Status, code and the fields that are named."""
        answer = await self.post(who, path, body)
        problem = answer.json()
        fields = [one["field"] for one in problem["errors"]]
        return answer.status_code, problem["code"], fields

    async def done(self, who: str, path: str, body: dict[str, Any]) -> None:
        answer = await self.post(who, path, body)
        assert answer.status_code == 200, answer.text

    async def waiting(self, number: int) -> str:
        """Somebody calls and waits; the call's id."""
        known = set(self.bench.switch.core.calls)
        await self.bench.call(f"<sip:+62000{number}@127.0.0.1>")
        (call_id,) = set(self.bench.switch.core.calls) - known
        return call_id

    def queue(self) -> list[str]:
        """Waiting calls in the order of their turns."""
        core = self.bench.switch.core
        found = [call for call in core.calls.values() if call.phase == "queued"]
        return [call.call_id for call in sorted(found, key=lambda call: -call.precedence)]


@pytest.fixture
async def room(database: Database, pack: CityPack, tmp_path: Path) -> AsyncIterator[Room]:
    """The routes of calls, over a database and a switch of their own."""
    app = Starlette(routes=list(routes.starlette()), exception_handlers=EXCEPTION_HANDLERS)
    app.state.db, app.state.views, app.state.pack = database, VIEWS, pack
    app.state.session_reader = reader
    folder = tmp_path / "notices"
    async with bench(
        tmp_path, offer_s=30, wrap_up_s=WRAP_UP_S, notice_folders=[str(folder)], seat_vanish_s=20
    ) as one:
        board = app.state.switchboard = Switchboard(str(one.settings.rpc_socket), database, VIEWS)
        board.client.start()
        await until(lambda: board.client.connected)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://centre.test") as client:
            client.cookies.set("tahuri_session", "of nobody")
            yield Room(client, one)
        await board.client.close()


def sound(folder: Path, name: str, rate: int = 8000) -> None:
    """Half a second of silence."""
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / f"{name}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\0\0" * (rate // 2))


async def test_a_supervisor_lets_a_waiting_call_go_first_and_no_longer(room: Room) -> None:
    """Given two callers; when a supervisor raises the second; then the switch has them first and
    says who did it; lowered again, it is an ordinary turn."""
    first, second = await room.waiting(1), await room.waiting(2)
    await room.done("chief", f"/api/calls/{second}/precedence", {"precedence": 9})
    assert room.queue() == [second, first]
    told = await room.bench.told("precedence-set")
    assert (told.actor, told.body) == ("chief", {"precedence": 9, "reason": "operator"})
    await room.done("chief", f"/api/calls/{second}/precedence", {"precedence": 0})
    assert (await room.bench.told("precedence-set", 2)).body["precedence"] == 0


async def test_a_turn_is_changed_by_supervisors_of_calls_that_wait_within_its_scale(
    room: Room,
) -> None:
    """Each refusal says why, and changes nothing."""
    call = await room.waiting(1)
    path = f"/api/calls/{call}/precedence"
    for who in ("taker", "ola"):
        assert await room.refused(who, path, {"precedence": 1}) == (403, "not-allowed", [])
    for wrong in (10, -1, "1", None):
        assert await room.refused("chief", path, {"precedence": wrong}) == (
            422,
            "invalid",
            ["precedence"],
        )
    elsewhere = await room.refused("chief", "/api/calls/C9/precedence", {"precedence": 1})
    assert elsewhere[1] == "call-unknown"
    assert "precedence-set" not in room.bench.types()


async def test_a_waiting_call_is_for_a_language_or_an_agency_until_anybody_may_take_it(
    room: Room,
) -> None:
    """Given a caller; when a supervisor asks for a language and an agency; then the switch knows
    both; when for nothing; then it is anybody's."""
    call = await room.waiting(1)
    path = f"/api/calls/{call}/skill"
    await room.done("chief", path, {"language": "en", "agency_id": "DAMKAR"})
    told = await room.bench.told("skill-asked")
    assert told.body == {"language": "en", "agency_id": "DAMKAR", "reason": "operator"}
    await room.done("chief", path, {})
    held = room.bench.switch.core.calls[call]
    assert (held.language, held.agency_id) == (None, None)


async def test_a_skill_that_cannot_be_asked_is_named(room: Room) -> None:
    """An agency that is not in this city would keep the caller from everybody for a while."""
    call = await room.waiting(1)
    path = f"/api/calls/{call}/skill"
    assert await room.refused("chief", path, {"agency_id": "NOBODY"}) == (
        422,
        "invalid",
        ["agency_id"],
    )
    assert (await room.refused("chief", path, {"language": "English!"}))[2] == ["language"]
    assert await room.refused("taker", path, {"language": "en"}) == (403, "not-allowed", [])
    gone = await room.refused("chief", "/api/calls/C9/skill", {"language": "en"})
    assert gone[1] == "call-unknown"
    assert "skill-asked" not in room.bench.types()


async def test_a_notice_is_listed_switched_on_and_off(room: Room, tmp_path: Path) -> None:
    """Given a good recording and one that a caller could not hear; then both are listed, with what
    is wrong; the good one is switched on and off by supervisors, and no other."""
    sound(tmp_path / "notices", "gempa")
    sound(tmp_path / "notices", "banjir", rate=16000)
    answer = await room.client.get("/api/notices", headers={"who": "chief"})
    listed = {one["name"]: one["fault"] for one in answer.json()["notices"]}
    assert listed == {"gempa": None, "banjir": "not-8khz-mono"}
    assert (await room.client.get("/api/notices", headers={"who": "taker"})).status_code == 403
    await room.done("chief", "/api/surge", {"notice": "gempa"})
    assert (await room.bench.told("surge-switched")).body == {"notice": "gempa"}
    for wrong in ("banjir", "tsunami"):
        assert await room.refused("chief", "/api/surge", {"notice": wrong}) == (
            422,
            "invalid",
            ["notice"],
        )
    assert (await room.refused("taker", "/api/surge", {"notice": None}))[0] == 403
    surge = room.bench.switch.core.surge
    assert surge is not None
    assert (surge.notice, surge.operator_id) == ("gempa", "chief")
    await room.done("chief", "/api/surge", {"notice": None})
    assert room.bench.switch.core.surge is None


async def test_only_who_sits_there_gets_longer_to_write_up(room: Room) -> None:
    """Given an operator who writes up; when they ask for ten minutes; then the switch grants it;
    somebody else's seat, an empty one and a time beyond the limit are refused."""
    seat = Browser(room.bench, "M1", "op1")
    await seat.sit()
    call = await room.bench.call()
    await seat.ask("answer", call_id=await seat.offered())
    call.hang_up()
    await until(lambda: seat.state["seat"]["reason"] == "wrap-up")
    path = "/api/seats/M1/extend-wrap-up"
    assert (await room.refused("other", path, {"for_s": 60}))[1] == "seat-not-signed-on"
    assert (await room.refused("taker", "/api/seats/M9/extend-wrap-up", {"for_s": 60}))[1] == (
        "seat-not-signed-on"
    )
    for wrong in (0, 3601, "long"):
        assert await room.refused("taker", path, {"for_s": wrong}) == (422, "invalid", ["for_s"])
    assert (await room.refused("ola", path, {"for_s": 60}))[0] == 403
    assert "wrap-up-extended" not in room.bench.types()
    await room.done("taker", path, {"for_s": 600})
    assert (await room.bench.told("wrap-up-extended")).body["for_s"] == 600
    await seat.leave()


async def test_who_sits_at_two_seats_answers_at_the_one_where_it_rings(room: Room) -> None:
    """Given a desk whose browser writes up while its second seat is ready; then the call that rings
    there is answered by a program that names the call alone."""
    seats = [Browser(room.bench, name, "op1") for name in ("M1", "M2")]
    await seats[0].sit(ready=False)
    await seats[1].sit()
    call_id = await room.waiting(1)
    assert await seats[1].offered() == call_id
    await room.done("taker", f"/api/calls/{call_id}/answer", {})
    assert room.bench.switch.core.calls[call_id].seat_id == "M2"
    for seat in seats:
        await seat.leave()


async def test_what_the_switch_has_done_is_no_failure_because_the_log_is_away(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a log that goes away in that moment; then a program hears that it is done, and does not
    call the third party a second time."""

    async def away(*_: object) -> None:
        raise Unavailable("database", "went away")

    monkeypatch.setattr(Database, "one", away)
    call_id = await room.waiting(1)
    answer = await room.post("chief", f"/api/calls/{call_id}/precedence", {"precedence": 9})
    assert (answer.status_code, answer.json()) == (200, {"seq": 0})
    assert room.bench.switch.core.calls[call_id].precedence == 9


async def test_a_switch_that_is_down_is_said_and_nothing_is_promised(room: Room) -> None:
    """503, which programs try again; never a 200 for what nobody has heard."""
    call = await room.waiting(1)
    await room.bench.switch.stop()
    for path, body in (
        (f"/api/calls/{call}/precedence", {"precedence": 1}),
        (f"/api/calls/{call}/skill", {"language": "en"}),
        ("/api/surge", {"notice": None}),
        ("/api/seats/M1/extend-wrap-up", {"for_s": 60}),
    ):
        who = "taker" if "seats" in path else "chief"
        status, code, _ = await room.refused(who, path, body)
        assert (status, code) == (503, "switch-unavailable"), path
    await room.bench.resume()
