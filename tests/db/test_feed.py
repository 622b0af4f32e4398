"""The feed on a real PostgreSQL: everything changed after N, whatever is cut in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

import tahuri.calls.views
import tahuri.operators.views
from tahuri.calls.events import CallArrived, CallQueued
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.feed import HEARTBEAT_S, ROWS_MAX, Feed, FeedRow, Sees
from tahuri.kernel.http import SignedOn
from tahuri.kernel.ids import OperatorId
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.roles import Role
from tahuri.operators.events import SeatReady, SeatTaken
from tahuri.rights import sees

VIEWS = (*tahuri.calls.views.VIEWS, *tahuri.operators.views.VIEWS)
O1 = OperatorId("O1")
TAKEN, READY = SeatTaken(operator_id=O1, kind="browser"), SeatReady(operator_id=O1)


def whole(row: FeedRow) -> FeedRow:
    return row


async def append(database: Database, stream: str, *events: Event) -> None:
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(database, VIEWS, write) as log:
        await log.append(StreamId.parse(stream), events)


async def arrive(database: Database, call_id: str) -> None:
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(database, VIEWS, write) as log:
        caller = log.personal("caller", {"number": "+620000000001"})
        arrived = CallArrived(trunk="telkom", number_status="present", caller=caller)
        await log.append(StreamId("call", call_id), [arrived])


class Reader:
    """One console: what it has read."""

    def __init__(self, hub: Feed, after: int = 0, look: Sees = whole, name: str = "room") -> None:
        self.frames = hub.frames(after, look, name)
        self.seq = after
        self.rows: list[dict[str, Any]] = []

    async def frame(self) -> tuple[str, dict[str, Any]]:
        """The next frame: its event and its data."""
        text = (await anext(self.frames)).decode()
        lines = dict(line.split(": ", 1) for line in text.strip().split("\n"))
        data = msgspec.json.decode(lines["data"])
        if lines["event"] == "rows":
            assert int(lines["id"]) == data["seq"]
            self.seq = data["seq"]
            self.rows += data["rows"]
        return lines["event"], data

    async def until(self, event: str) -> dict[str, Any]:
        """The data of the next frame of this kind."""
        while True:
            kind, data = await self.frame()
            if kind == event:
                return data


@asynccontextmanager
async def listening(database: Database) -> AsyncIterator[Feed]:
    hub = Feed(database, VIEWS)
    task = asyncio.create_task(hub.listen())
    try:
        yield hub
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def listeners(database: Database) -> list[int]:
    found = await database.all(
        "select pid from pg_stat_activity where datname = current_database() "
        "and query = 'listen tahuri'"
    )
    return [pid for (pid,) in found]


@pytest.fixture
async def hub(database: Database) -> AsyncIterator[Feed]:
    async with listening(database) as opened:
        async with asyncio.timeout(20):
            while not await listeners(database):  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.02)
        yield opened


async def test_a_console_that_starts_gets_every_row_and_then_each_change(
    database: Database, hub: Feed
) -> None:
    """A call taker who sits down must see the caller who already waits."""
    await arrive(database, "C1")
    await append(database, "seat/M1", TAKEN)
    reader = Reader(hub)
    await reader.until("alive")
    assert [(row["view"], row["key"], row["seq"]) for row in reader.rows] == [
        ("call", "C1", 1), ("seat", "M1", 2),
    ]  # fmt: skip
    (number,) = reader.rows[0]["personal"].values()
    assert number == {"number": "+620000000001"}
    await append(database, "seat/M1", READY)
    await reader.until("rows")
    assert (reader.seq, reader.rows[-1]["body"]["state"]) == (3, "ready")


async def test_a_console_that_was_cut_off_gets_what_it_missed_once(
    database: Database, hub: Feed
) -> None:
    """After a cut network the screen is right again without a reload."""
    await append(database, "seat/M1", TAKEN)
    first = Reader(hub)
    await first.until("alive")
    await append(database, "seat/M2", TAKEN)
    await append(database, "seat/M1", READY)
    again = Reader(hub, after=first.seq)
    await again.until("alive")
    assert [row["key"] for row in again.rows] == ["M2", "M1"]
    up_to_date = Reader(hub, after=again.seq)
    await up_to_date.until("alive")
    assert up_to_date.rows == []


async def test_a_console_that_slept_a_night_gets_every_row_once_and_in_order(
    database: Database,
) -> None:
    """More rows changed than one batch holds; none is split, none is left out."""
    seats = [f"M{number:04}" for number in range(ROWS_MAX + 40)]
    await append(database, "seat/M9999", TAKEN)
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(database, VIEWS, write) as log:
        for seat in seats:
            await log.append(StreamId("seat", seat), [TAKEN])
    reader = Reader(Feed(database, VIEWS), after=1)
    await reader.until("alive")
    assert [row["key"] for row in reader.rows] == seats
    assert reader.seq == len(seats) + 1


async def test_a_change_wakes_a_console_at_once(database: Database, hub: Feed) -> None:
    """A ring must not wait for the heartbeat."""
    reader = Reader(hub)
    await reader.until("alive")
    began = clock.monotonic_s()
    await append(database, "call/C1", CallQueued())
    await reader.until("rows")
    assert clock.monotonic_s() - began < HEARTBEAT_S / 2


async def test_a_row_that_may_not_be_seen_comes_as_a_tombstone_without_names(
    database: Database, hub: Feed
) -> None:
    """A crew's phone gets its place in the feed, but no caller's number."""
    await arrive(database, "C1")
    crew = SignedOn("O2", "Regu", (Role.CREW,))
    reader = Reader(hub, look=sees(crew, {}), name="crew 1")
    data = await reader.until("rows")
    assert data["rows"] == [{"view": "call", "key": "C1", "seq": 1, "body": None, "personal": {}}]
    room = Reader(hub)
    await room.until("rows")
    assert room.rows[0]["body"]["state"] == "queued"


async def test_the_feed_survives_the_loss_of_its_listening_connection(
    database: Database, hub: Feed
) -> None:
    """A restart of PostgreSQL must not leave forty screens silently old."""
    reader = Reader(hub)
    await reader.until("alive")
    (pid,) = await listeners(database)
    async with asyncio.timeout(30):
        admin = database.url.replace("postgresql://tahuri@", "postgresql://postgres@")
        other = Database(admin, database.city_id)
        await other.open()
        await other.run("select pg_terminate_backend(%s)", (pid,))
        await other.close()
        while await listeners(database) in ([], [pid]):  # noqa: ASYNC110 - another process's state
            await asyncio.sleep(0.05)
        await append(database, "call/C1", CallQueued())
        await reader.until("rows")
    assert reader.rows[0]["key"] == "C1"


async def test_a_lost_wake_up_delays_a_row_by_one_heartbeat_at_most(database: Database) -> None:
    """NOTIFY only wakes; what changed is read from the index."""
    deaf = Feed(database, VIEWS)
    reader = Reader(deaf)
    await reader.until("alive")
    await append(database, "call/C1", CallQueued())
    async with asyncio.timeout(HEARTBEAT_S * 2):
        await reader.until("rows")
    assert reader.rows[0]["key"] == "C1"


async def test_a_database_that_is_away_is_told_to_every_screen(database: Database) -> None:
    """The age of the data is always visible; a screen that is old must say so."""
    away = Database("postgresql://nobody@/none?host=/nowhere", database.city_id)
    away.pool.timeout = 0.2
    await away.pool.open()
    hub = Feed(away, VIEWS)
    reader = Reader(hub)
    assert (await reader.frame())[0] == "down"
    hub.db = database
    await append(database, "call/C1", CallQueued())
    await reader.until("rows")
    assert reader.rows[0]["key"] == "C1"
    await away.close()
