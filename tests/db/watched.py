"""A centre whose log and files are watched, and calls in it that have their recordings."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from room import reader
from starlette.applications import Starlette

from tahuri.app import SLICES, VIEWS, centre_routes
from tahuri.calls.events import (
    CallArrived,
    CallClass,
    CallClassified,
    CallEnded,
    CallQueued,
    RecordingClosed,
    RecordingStarted,
)
from tahuri.calls.switchboard import Switchboard
from tahuri.centre import Centre
from tahuri.city.records import CityPack
from tahuri.host.folder import DataFolder
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.http import EXCEPTION_HANDLERS
from tahuri.kernel.ids import RecordingId, encoded_id
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.verify import verify
from tahuri.settings import Settings, Trunk
from tahuri.telephony.protocol.snapshot import CallInHand, Inventory
from tahuri.watchman import Watchman

TALK_S = 2.0
PRANK = CallClassified(call_class=CallClass.PRANK)


class Place:
    """A centre's log and folders, and a switch that says what it is told to say."""

    def __init__(self, database: Database, pack: CityPack, folder: Path) -> None:
        self.database = database
        self.copy = folder / "second"
        trunks = (
            Trunk(name="telco", sources=("192.0.2.1",), host="127.0.0.1:9", test_call_to="119900"),
        )
        self.settings = Settings(
            data=str(folder / "data"), recordings_copy=str(self.copy), trunks=trunks
        )
        self.centre = Centre(self.settings, DataFolder(folder / "data"), pack)
        self.centre.folder.make()
        self.recordings = self.centre.folder.recordings
        self.inventory: Inventory | None = held()
        self.watchman = Watchman(self.centre, database, VIEWS, self.ask, grace_s=0)

    async def ask(self) -> Inventory:
        if self.inventory is None:
            raise Unavailable("switch")
        return self.inventory

    async def write(self, stream: str, *events: Event, at: datetime | None = None) -> None:
        write = Writing(actor="switch", command=new_id(), now=clock.now())
        async with writing(self.database, VIEWS, write) as log:
            await log.append(StreamId.parse(stream), events, at=at)

    async def call(self, age: timedelta = timedelta(minutes=10), *more: Event) -> tuple[str, Path]:
        """An ended, recorded call; its id and its file."""
        at = clock.now() - age
        call_id = encoded_id(int(at.timestamp() * 1000), len(more) + int(age.total_seconds()))
        path = f"{at:%Y/%m/%d}/{call_id}.wav"
        file = self.recordings / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(44) + call_id.encode() * 2 + bytes(int(TALK_S * 32_000) - 52))
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        recording = RecordingId(f"R{call_id}")
        await self.write(
            f"call/{call_id}",
            CallArrived(trunk="telco", number_status="none"),
            CallQueued(),
            RecordingStarted(recording_id=recording, path=path),
            CallEnded(outcome="abandoned", by="caller"),
            RecordingClosed(
                recording_id=recording,
                sha256=sha256,
                duration_s=TALK_S,
                bytes=file.stat().st_size,
            ),
            *more,
            at=at,
        )
        return call_id, file

    async def open(self) -> set[tuple[str, str]]:
        """(code, what about) of open findings about calls and recordings, after a look."""
        await self.watchman.round()
        rows = await self.database.all(
            "select body ->> 'code', body ->> 'about' from view_rows where view = 'finding' "
            "and body ->> 'state' = 'open'"
        )
        return {(code, about) for code, about in rows if code.startswith(("call-", "recording-"))}

    async def row(self, call_id: str) -> dict[str, Any]:
        record = await self.database.one(
            "select body from view_rows where view = 'call' and key = %s", (call_id,)
        )
        assert record is not None
        return dict(record[0])


def held(*calls: str) -> Inventory:
    now = clock.now()
    return Inventory(
        now=now,
        calls=[
            CallInHand(
                call_id=one,
                phase="queued",
                loopback=False,
                arrived_at=now - timedelta(hours=1),
                port=1,
                recording=None,
            )
            for one in calls
        ],
        calls_max=200, seats=1, seats_max=500, spool_done=9, spool_end=9,
        spool_unwritten=0, spool_unwritten_max=20_000, media=False,
    )  # fmt: skip


@asynccontextmanager
async def watched(database: Database, pack: CityPack, folder: Path) -> AsyncIterator[Place]:
    """Such a centre; at the end its log must be whole."""
    made = Place(database, pack, folder)
    yield made
    verdict = await verify(database, VIEWS)
    assert verdict.fault is None


@asynccontextmanager
async def pages(place: Place) -> AsyncIterator[httpx.AsyncClient]:
    """The routes over that centre, without a switch; ``who`` names the person."""
    routes = [one for slice_ in (*SLICES, centre_routes) for one in slice_.starlette()]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    state = app.state
    state.db, state.views, state.session_reader = place.database, VIEWS, reader
    state.recordings, state.run = place.recordings, place.centre.folder.run
    state.settings, state.pack = place.settings, place.centre.pack
    state.switchboard = Switchboard(str(place.recordings / "no.sock"), place.database, VIEWS)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://room", headers={"who": "chief"}
    ) as client:
        yield client


def post(http: httpx.AsyncClient, path: str, body: Any, who: str = "chief") -> Any:
    return http.post(path, json=body, headers={"who": who, "Idempotency-Key": new_id()})
