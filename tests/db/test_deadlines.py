"""Waits that matter: carried out once, late ones too, and none held back by another."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tahuri.kernel import clock, deadlines
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.ids import OperatorId
from tahuri.kernel.log import Log, Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.operators.events import SeatReady
from tahuri.work import keep_deadlines


async def wait_for(database: Database, key: str, due_in_s: float, kind: str = "look") -> None:
    now = clock.now()
    async with writing(database, (), Writing(actor="t", command=new_id(), now=now)) as log:
        await log.deadline(key, now + timedelta(seconds=due_in_s), kind, {"of": key})


async def look(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    assert body == {"of": key}
    assert late_s >= 0
    await log.append(StreamId("seat", key), [SeatReady(operator_id=OperatorId("O1"))])


async def fail(log: Log, key: str, body: Mapping[str, Any], late_s: float) -> None:
    await look(log, key, body, late_s)
    raise RuntimeError("a bug in one handler")


async def looked_at(database: Database) -> list[str]:
    return [key for (key,) in await database.all("select stream from facts order by seq")]


async def left(database: Database) -> list[str]:
    return [key for (key,) in await database.all("select key from deadlines order by key")]


async def run_until(database: Database, done: Callable[[list[str]], bool]) -> None:
    """Carries deadlines out until the log shows what is waited for."""
    handlers = {"look": look, "fail": fail}
    task = asyncio.create_task(keep_deadlines(database, (), handlers))
    try:
        async with asyncio.timeout(20):
            while not done(await looked_at(database)):  # noqa: ASYNC110 - the database's state
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_due_is_carried_out_once_the_oldest_first(database: Database) -> None:
    """After an outage each overdue crew is told of, in order, and no one twice."""
    await wait_for(database, "b", -60)
    await wait_for(database, "a", -30)
    await wait_for(database, "later", 600)
    await run_until(database, lambda seen: len(seen) >= 2)
    assert await looked_at(database) == ["seat/b", "seat/a"]
    assert await left(database) == ["later"]
    assert await deadlines.due(database, clock.now()) == []


async def test_one_that_fails_records_nothing_and_holds_no_other_back(database: Database) -> None:
    """A bug in one kind of wait must not silence the alarm for a crew that does not answer."""
    await wait_for(database, "bad", -60, "fail")
    await wait_for(database, "odd", -50, "nobody-knows-this")
    await wait_for(database, "good", -30)
    await run_until(database, lambda seen: bool(seen))
    assert await looked_at(database) == ["seat/good"]
    assert await left(database) == ["bad", "odd"]


async def test_two_workers_carry_one_wait_out_once(database: Database) -> None:
    """A worker that is replaced may still run beside the new one."""
    await wait_for(database, "a", -1)
    (found,) = await deadlines.due(database, clock.now())
    both = (deadlines.carry_out(database, (), {"look": look}, found) for _ in range(2))
    await asyncio.gather(*both)
    assert await looked_at(database) == ["seat/a"]


async def test_what_has_happened_or_was_moved_is_not_carried_out(database: Database) -> None:
    """The crew answered in the last second: nobody is alarmed."""
    await wait_for(database, "moved", -1)
    (found,) = await deadlines.due(database, clock.now())
    await wait_for(database, "moved", 600)
    await deadlines.carry_out(database, (), {"look": look}, found)
    await wait_for(database, "done", -1)
    async with writing(database, (), Writing(actor="t", command=new_id(), now=clock.now())) as log:
        await log.forget_deadline("done")
    assert await looked_at(database) == []
    assert await left(database) == ["moved"]


def test_a_clock_that_is_set_neither_starts_a_burst_nor_holds_a_wait_back() -> None:
    """Somebody sets the server's clock by an hour: 60 s to answer stay 60 s for every crew."""
    start = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    pending: list[deadlines.Wait] = [("a", "look", {}, start + timedelta(seconds=60))]
    for step in (timedelta(hours=1), timedelta(hours=-1)):
        waits = deadlines.Waits()
        assert waits.over(pending, start, 100.0) == []
        assert waits.over(pending, start + step, 159.0) == []
        assert waits.over(pending, start + step, 160.5) == pending
    moved = [("a", "look", {}, start + timedelta(seconds=90))]
    assert waits.over(moved, start, 161.0) == []
    assert waits.over([], start, 162.0) == []
    assert deadlines.Waits().over(pending, start + timedelta(hours=9), 5.0) == pending
