"""An agency's desk at a seat of its own: what it may do, and what stays with the room."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from room import MARKET, VIEWS, Room, call, reader, refusal
from starlette.applications import Starlette

import tahuri.calls.routes
from tahuri.calls.events import CallAnswered, CallEnded
from tahuri.calls.switchboard import Switchboard
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.event import StreamId
from tahuri.kernel.http import EXCEPTION_HANDLERS
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.telephony import rpc


@pytest.fixture
async def asked(room: Room, pack: CityPack, tmp_path: Path) -> AsyncIterator[list[Any]]:
    """What the switch is asked by the calls' routes, which the room has now."""
    told: list[Any] = []

    async def answer(op: str, arguments: rpc.Message) -> object:
        told.append((op, dict(arguments)))
        return {"seat_id": arguments["seat_id"]} if op == "take" else None

    server = rpc.Server(tmp_path / "switch.sock", answer)
    await server.start()
    app = Starlette(
        routes=tahuri.calls.routes.routes.starlette(), exception_handlers=EXCEPTION_HANDLERS
    )
    board = Switchboard(str(tmp_path / "switch.sock"), room.database, VIEWS)
    app.state.db, app.state.views, app.state.pack = room.database, VIEWS, pack
    app.state.session_reader, app.state.switchboard = reader, board
    app.state.seat_token = lambda claims: f"{claims['skills']['desk']} {claims['roles']}"
    app.state.signalling = lambda _: "ws://room/seat"

    async def languages_of(_: str) -> tuple[str, ...]:
        return ("id",)

    app.state.languages_of = languages_of
    rooms = room.client
    transport = httpx.ASGITransport(app)
    room.client = httpx.AsyncClient(transport=transport, base_url="http://room")
    board.client.start()
    async with asyncio.timeout(5):
        while not board.client.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    try:
        yield told
    finally:
        room.client = rooms
        await board.client.close()
        await server.stop()


async def answered(room: Room, call_id: str, operator_id: str, *, over: bool = True) -> None:
    """A call that this operator has had."""
    await call(room, call_id)
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(room.database, VIEWS, write) as log:
        events: list[Any] = [CallAnswered(seat_id="D1", operator_id=operator_id)]  # type: ignore[arg-type]
        if over:
            events.append(CallEnded(outcome="answered", by="caller", reason="hung-up"))
        await log.append(StreamId("call", call_id), events)


async def test_a_desk_takes_a_seat_as_a_desk_of_its_agency(room: Room, asked: list[Any]) -> None:
    """The switch must know that the ordinary caller does not ring there."""
    answer = await room.post("desk", "/api/seats/D1/take", {"kind": "browser"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["token"] == "agency-desk ['agency_desk']"
    (_, told) = next(one for one in asked if one[0] == "take")
    assert told["skills"] == {"languages": ["id"], "agency_id": "DAMKAR", "desk": "agency-desk"}
    for path in ("ready", "extend-wrap-up", "leave"):
        done = await room.post("desk", f"/api/seats/D1/{path}", {})
        assert done.status_code == 200, (path, done.text)
    assert [op for op, _ in asked][-3:] == ["ready", "extend_wrap_up", "leave"]


@pytest.mark.parametrize(
    ("who", "desk"), [("taker", "taker"), ("chief", "supervisor"), ("desk", "agency-desk")]
)
async def test_each_sits_as_its_role_says(
    room: Room, asked: list[Any], who: str, desk: str
) -> None:
    """A supervisor's browser is a supervisor's seat, by which overflow can find it."""
    answer = await room.post(who, "/api/seats/X1/take", {"kind": "browser"})
    assert answer.status_code == 200, answer.text
    assert asked[-1][1]["skills"]["desk"] == desk


async def test_neither_crew_nor_dispatcher_sits_at_a_seat(room: Room, asked: list[Any]) -> None:
    """Who takes no calls must not be rung."""
    for who in ("crew", "ola"):
        refused = await room.post(who, "/api/seats/X1/take", {"kind": "browser"})
        assert refusal(refused) == (403, "not-allowed")
    assert asked == []


@pytest.mark.parametrize(
    "path", ["precedence", "skill", "supervise", "take-over", "end-supervision"]
)
async def test_a_desk_moves_no_queue_and_supervises_nobody(
    room: Room, asked: list[Any], path: str
) -> None:
    """It helps out; the room decides."""
    body = {"precedence": 5} if path == "precedence" else {}
    body |= {"mode": "listen"} if path == "supervise" else {}  # type: ignore[dict-item]
    refused = await room.post("desk", f"/api/calls/C1/{path}", body)
    assert refusal(refused) == (403, "not-allowed")
    assert asked == []


async def test_a_desk_says_what_its_own_call_was_and_no_other(room: Room, asked: list[Any]) -> None:
    """Given a call that the desk had and one that a call taker had; then the desk classifies and
    closes the first, and is refused the second."""
    await answered(room, "C1", "desk")
    await answered(room, "C2", "taker")
    own = await room.post("desk", "/api/calls/C1/classify", {"call_class": "normal"})
    assert own.status_code == 200, own.text
    assert (await room.post("desk", "/api/calls/C1/wrap-up", {})).status_code == 200
    assert (await room.row("call", "C1"))["call_class"] == "normal"
    for path, body in (("classify", {"call_class": "prank"}), ("wrap-up", {})):
        foreign = await room.post("desk", f"/api/calls/C2/{path}", body)
        assert refusal(foreign) == (403, "not-allowed")
    assert (await room.row("call", "C2"))["call_class"] is None
    assert (
        await room.client.get("/api/calls/C1/history", headers={"who": "desk"})
    ).status_code == (403)


async def test_a_desk_writes_down_what_its_own_caller_says(room: Room) -> None:
    """What a caller told the desk must not be lost because the room is busy.

    Given a call that the desk has; then it opens an incident of it, amends that one and notes on
    it; without a call, of another's call, or in another's incident it is refused.
    """
    await answered(room, "C1", "desk", over=False)
    await answered(room, "C2", "taker")
    report = {
        "category": "structure-fire",
        "priority": 1,
        "place": MARKET,
        "report": {"summary": "Asap tebal"},
    }
    opened = await room.post("desk", "/api/incidents", {**report, "call_id": "C1"})
    assert opened.status_code == 200, opened.text
    own = str(opened.json()["incident_id"])
    assert (await room.row("incident", own))["opened_by"] == "desk"
    assert (await room.row("call", "C1"))["incident_ids"] == [own]
    amended = await room.post("desk", f"/api/incidents/{own}/amend", {"injured": 2})
    assert amended.status_code == 200, amended.text
    noted = await room.post("desk", f"/api/incidents/{own}/note", {"text": "Dua luka"})
    assert noted.status_code == 200
    other = await room.open()
    refused = [
        await room.post("desk", "/api/incidents", report),
        await room.post("desk", "/api/incidents", {**report, "call_id": "C2"}),
        await room.post("desk", f"/api/incidents/{other}/amend", {"injured": 9}),
        await room.post("desk", f"/api/incidents/{other}/close", {"disposition": "handled"}),
        await room.post("desk", "/api/calls/C2/link", {"incident_id": own}),
        await room.post("police-desk", "/api/calls/C1/link", {"incident_id": own}),
    ]
    assert [refusal(one) for one in refused] == [(403, "not-allowed")] * 6
    assert (await room.row("incident", other))["injured"] != 9
