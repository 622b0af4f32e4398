"""Callers who were lost, as the switch tells of them, and the rooms that they are shown in."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
from room import CrowRoads, Room, Wards, reader
from starlette.applications import Starlette

import tahuri.callbacks.caller_routes
import tahuri.callbacks.routes
import tahuri.callbacks.views
import tahuri.calls.views
import tahuri.incidents.routes
import tahuri.incidents.views
import tahuri.operators.views
import tahuri.reports.routes
import tahuri.units.views
from tahuri.callbacks import messages
from tahuri.callbacks.caller_page import CallerPages
from tahuri.callbacks.messages import Wording
from tahuri.callbacks.opening import Rules, follower
from tahuri.calls.switchboard import take_over
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.http import EXCEPTION_HANDLERS
from tahuri.kernel.jobs import apply_schema, job_app
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.refusal import Refused
from tahuri.kernel.verify import verify
from tahuri.refusals import Refusal
from tahuri.telephony.protocol.facts import Fact

VIEWS = (
    *tahuri.calls.views.VIEWS,
    *tahuri.callbacks.views.VIEWS,
    *tahuri.operators.views.VIEWS,
    *tahuri.incidents.views.VIEWS,
    *tahuri.units.views.VIEWS,
)
START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
"""Noon in Ambon."""
NUMBER, OTHER = "+620000000001", "+620000000002"
RULES = Rules(zone="Asia/Jayapura", due_s=180, messages=True)
HERE = {"lat": -3.6955, "lon": 128.1815, "label": "Pasar Mardika", "source": "map"}
SEAT = {"seat_id": "M1", "operator_id": "taker"}


@dataclass
class FakeSwitch:
    """Places what it is told; refuses or has nobody free on request."""

    asked: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    refuses: bool = False
    free: bool = True

    async def state(self) -> Any:
        return SimpleNamespace(seats=[SimpleNamespace(seat_id="M1", operator_id="taker")])

    async def command(self, op: str, **arguments: object) -> Any:
        if self.refuses:
            raise Refused(Refusal.BAD_ADDRESS)
        self.asked.append((op, arguments))
        return {"call_id": f"O{len(self.asked)}" if self.free else None}


@dataclass
class Centre:
    """The routes, and a switch's facts as they are taken over."""

    room: Room
    switch: FakeSwitch
    told: int = 0

    @property
    def database(self) -> Database:
        return self.room.database

    async def tell(
        self, call_id: str, kind: str, second: float = 0, /, *, personal: Any = None, **body: Any
    ) -> None:
        """A fact of the switch, taken over as serve does; ``second`` after START."""
        self.told += 1
        fact = Fact(
            id=f"E{self.told}",
            at=START + timedelta(seconds=second),
            stream=f"call/{call_id}",
            type=f"calls.{kind}",
            body=body,
            personal=personal or {},
            actor="switch",
        )
        await self.take(fact)
        await self.take(fact)  # delivery is at least once

    async def take(self, fact: Fact) -> None:
        write = Writing(actor=fact.actor, command=fact.id, now=clock.now())
        async with writing(self.database, VIEWS, write) as log:
            if log.answered is None:
                await take_over(log, fact, (follower(RULES),))

    async def arrives(
        self, call_id: str, second: float = 0, number: str | None = NUMBER, **more: Any
    ) -> None:
        known = {"display_name": None, "source": "from"}
        personal = {} if number is None else {"caller": {"number": number, **known}}
        if "location" in more:
            personal["location"] = more.pop("location")
        status = "none" if number is None else more.pop("status", "present")
        await self.tell(
            call_id, "call-arrived", second, personal=personal, trunk="telco",
            number_status=status, request_uri_kind="number", test=more.pop("test", False),
        )  # fmt: skip

    async def gone(self, call_id: str, second: float, **more: Any) -> None:
        body = {"outcome": "abandoned", "by": "caller", "reason": "hung-up", **more}
        await self.tell(call_id, "call-ended", second, **body)

    async def in_vain(
        self, call_id: str, second: float = 0, waits_s: float = 12, **more: Any
    ) -> None:
        await self.arrives(call_id, second, **more)
        await self.gone(call_id, second + waits_s)

    async def called(
        self, callback_id: str, call_id: str, second: float, automatic: bool = False, **end: Any
    ) -> None:
        """A call-back that came to nothing, or to a conversation of ten seconds."""
        person = {"number": NUMBER, "display_name": None, "source": "from"}
        await self.tell(
            call_id, "call-back-begun", second, personal={"caller": person},
            callback_id=callback_id, trunk="telco", automatic=automatic,
        )  # fmt: skip
        placed = {"callback_id": callback_id, "automatic": automatic, **SEAT}
        await self.tell(call_id, "call-placed", second, **placed)
        if not end:
            return
        if end["outcome"] == "answered":
            await self.tell(call_id, "call-answered", second + 5, robot=False, **SEAT)
        await self.tell(call_id, "call-ended", second + 10, **end)

    async def item(self, callback_id: str) -> dict[str, Any]:
        return await self.room.row("callback", callback_id)

    async def items(self) -> list[str]:
        found = await self.database.all(
            "select key from view_rows where city_id = %s and view = 'callback' order by key",
            (self.database.city_id,),
        )
        return [key for (key,) in found]

    async def close(self, callback_id: str, outcome: str, **more: Any) -> httpx.Response:
        body = {"outcome": outcome, **more}
        return await self.room.post("taker", f"/api/callbacks/{callback_id}/close", body)

    async def jobs(self) -> list[tuple[str, dict[str, Any]]]:
        found = await self.database.all("select task_name, args from procrastinate_jobs")
        return [(name, args) for name, args in found]


BUSY = {"outcome": "not-reached", "by": "caller", "reason": "busy", "status": 486}
SPOKEN = {"outcome": "answered", "by": "caller", "reason": "hung-up"}


@contextlib.asynccontextmanager
async def room_of(database: Database, pack: CityPack) -> AsyncIterator[Centre]:
    """The routes with a database; what was written is verified at the end."""
    await apply_schema(database.url)
    slices = (
        tahuri.callbacks.routes,
        tahuri.callbacks.caller_routes,
        tahuri.incidents.routes,
        tahuri.reports.routes,
    )
    app = Starlette(
        routes=[route for one in slices for route in one.routes.starlette()],
        exception_handlers=EXCEPTION_HANDLERS,
    )
    switch = FakeSwitch()
    app.state.db, app.state.views, app.state.pack = database, VIEWS, pack
    app.state.session_reader, app.state.gazetteer, app.state.roads = reader, Wards(), CrowRoads()
    app.state.call_back_rules, app.state.switchboard = RULES, switch
    app.state.caller_door = tahuri.callbacks.caller_routes.Door()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://room")
    async with client:
        yield Centre(Room(client, database, CrowRoads()), switch)
    assert (await verify(database, VIEWS)).fault is None


async def worked(centre: Centre, gateway: Any, pages: CallerPages | None = None) -> None:
    """Does the jobs that wait, as ``tahuri work`` does; failures are tried again later."""
    wording = Wording("112", "Kota Ambon")
    jobs = messages.jobs(centre.database, VIEWS, gateway, wording, pages)
    app = job_app(centre.database.url, jobs)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)
