"""The feed's event ``live``: of a real switch with pretended media, to supervisors alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from switch_bench import Bench, Browser, bench, until

import tahuri.calls.views
import tahuri.operators.views
from tahuri import live
from tahuri.app import centre_routes
from tahuri.calls.switchboard import Switchboard
from tahuri.kernel.db import Database
from tahuri.kernel.feed import Feed
from tahuri.kernel.http import EXCEPTION_HANDLERS, SignedOn
from tahuri.kernel.roles import Role
from tahuri.live import LiveBoard
from tahuri.positions import Positions

VIEWS = (*tahuri.calls.views.VIEWS, *tahuri.operators.views.VIEWS)
TRUNKS = [
    {"name": "mobile", "sources": ["127.0.0.1/32"]},
    {"name": "fixed", "sources": ["127.0.0.2/32"], "reserved_seats": 1},
]
"""All callers of the bench come by the first; a seat is kept for the second."""
LIVE = "/api/feed?after=0&live=1"
TURN_S = 0.02
WAIT_S = 15.0


async def reader(request: Request) -> SignedOn | None:
    role = request.headers.get("who", "")
    return SignedOn(f"O-{role}", role, (Role(role),), agency_id="DAMKAR") if role else None


class Centre:
    """The feed's route, and the switch that it tells of."""

    def __init__(self, app: Starlette, one: Bench, board: LiveBoard) -> None:
        self.app, self.bench, self.board = app, one, board

    @contextlib.asynccontextmanager
    async def listening(self, who: str) -> AsyncIterator["Console"]:
        """An open feed; httpx would wait for its end."""
        console = Console()
        scope = {
            "type": "http", "method": "GET", "path": "/api/feed", "raw_path": b"/api/feed",
            "query_string": LIVE.partition("?")[2].encode(), "http_version": "1.1",
            "scheme": "http", "server": ("centre.test", 80), "client": ("127.0.0.1", 1),
            "headers": [(b"who", who.encode())],
        }  # fmt: skip
        running = asyncio.create_task(self.app(scope, console.receive, console.send))
        try:
            yield console
        finally:
            console.gone.set()
            await running


class Console:
    """What one console has read of the board."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.boards: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        event, _, told = message.get("body", b"").decode().partition("\n")
        if event == "event: live":
            self.boards.put_nowait(msgspec.json.decode(told.removeprefix("data: ")))

    async def until(self, holds: Any) -> dict[str, Any]:
        """The first board for which that holds.  Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S):
            while True:
                board = await self.boards.get()
                if holds(board):
                    return board


@pytest.fixture
async def centre(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Centre]:
    """The feed over a database and a switch of its own."""
    monkeypatch.setattr(live, "READ_S", TURN_S)
    app = Starlette(routes=list(centre_routes.starlette()), exception_handlers=EXCEPTION_HANDLERS)
    app.state.db, app.state.views, app.state.agency_of = database, VIEWS, {}
    app.state.feed, app.state.positions = Feed(database, VIEWS), Positions(database)
    app.state.session_reader = reader
    async with bench(tmp_path, offer_s=30, trunks=TRUNKS, reserved_seat_wait_s=60) as one:
        switchboard = Switchboard(str(one.settings.rpc_socket), database, VIEWS)
        switchboard.client.start()
        await until(lambda: switchboard.client.connected)
        board = app.state.live = LiveBoard(switchboard.state)
        running = asyncio.create_task(board.run())
        yield Centre(app, one, board)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await switchboard.client.close()


async def test_a_supervisor_without_a_seat_sees_the_switch_as_it_is(centre: Centre) -> None:
    """Given two call takers, a seat of whom is kept for another line; when two callers come; then
    the one talks, at which seat and with whom, and the other waits, with the time until which the
    seat is kept; when the first hangs up, they are gone from the board; when the switch dies, the
    board says so, and when it is back it has who waits; when the console goes, nobody is asked."""
    one = centre.bench
    seats = [Browser(one, f"M{n}", f"op{n}") for n in (1, 2)]
    for seat in seats:
        await seat.sit()
    async with centre.listening("supervisor") as console:
        await console.until(lambda board: board["calls"] == [] == board["queue"])
        first = await one.call("<sip:+6281101@127.0.0.1>")
        await until(lambda: any(seat.state["offer"] for seat in seats))
        rings = next(seat for seat in seats if seat.state["offer"])
        await rings.ask("answer", call_id=await rings.offered())
        board = await console.until(lambda board: board["calls"])
        (talks,) = board["calls"]
        assert (talks["number"], talks["operator_name"]) == ("+6281101", "Somebody")
        assert talks["seat_id"] in ("M1", "M2")
        await one.call("<sip:+6281102@127.0.0.1>")
        (waits,) = (await console.until(lambda board: board["queue"]))["queue"]
        assert waits["number"] == "+6281102"
        held = await console.until(lambda board: board["queue"][0]["held_back_until"])
        assert held["queue"][0]["held_back_until"] > held["now"]
        first.hang_up()
        await console.until(lambda board: not board["calls"])
        await one.switch.stop()
        assert (await console.until(lambda board: board["away"]))["queue"] == []
        await one.resume()
        back = await console.until(lambda board: not board["away"])
        assert [entry["number"] for entry in back["queue"]] == ["+6281102"]
    assert centre.board.readers == 0


async def test_a_parked_caller_is_on_the_board_though_the_log_takes_nothing(centre: Centre) -> None:
    """Given a log that is away; when a caller is parked, and picked up by another seat; then a
    supervisor without a seat sees them in their place, and then in the call again."""
    one = centre.bench
    seats = [Browser(one, f"M{n}", f"op{n}") for n in (1, 2)]
    await seats[0].sit()
    await seats[1].sit(ready=False)
    async with centre.listening("supervisor") as console:
        await one.call("<sip:+6281101@127.0.0.1>")
        await seats[0].ask("answer", call_id=await seats[0].offered())
        (talks,) = (await console.until(lambda board: board["calls"]))["calls"]
        await seats[0].ask("park")
        board = await console.until(lambda board: board["waiting"])
        (parked,) = board["waiting"]
        assert (parked["number"], parked["slot"], parked["seat_id"]) == ("+6281101", 1, "M1")
        assert (board["queue"], board["calls"]) == ([], [])
        await seats[1].ask("pick_up", call_id=parked["call_id"])
        board = await console.until(lambda board: board["calls"])
        assert board["waiting"] == []
        assert board["calls"][0]["answered_at"] == talks["answered_at"]


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SUPERVISOR])
async def test_nobody_but_a_supervisor_may_ask_for_it(centre: Centre, role: Role) -> None:
    """A call taker, an agency's desk and all others: 403 that names who may, and no number."""
    transport = httpx.ASGITransport(centre.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://centre.test") as client:
        async with asyncio.timeout(WAIT_S):  # a feed that is given has no end
            answer = await client.get(LIVE, headers={"who": role})
    assert answer.status_code == 403
    problem = answer.json()
    assert (problem["code"], problem["context"]) == ("not-allowed", {"needed": "supervisor"})
    assert centre.board.readers == 0
