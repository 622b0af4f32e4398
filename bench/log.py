"""Command → committed, against raw commits of the same server."""

import asyncio
from datetime import UTC, datetime

from psycopg import AsyncConnection

from bench.place import database
from bench.table import Figure, percentile
from tahuri.app import VIEWS
from tahuri.calls.events import CallArrived, CallClass, CallClassified
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id

RATE = 50
RATE_S = 20
MOST = 2_000
WRITERS = 4
RAW = 1_000


async def command(db: Database, stream: StreamId, call_class: CallClass) -> float:
    """One command that reads a stream, appends a fact and folds a row; seconds to commit."""
    start = clock.monotonic_s()
    write = Writing(actor="bench", command=new_id(), now=datetime.now(UTC))
    async with writing(db, VIEWS, write) as log:
        await log.read(stream)
        await log.append(stream, [CallClassified(call_class=call_class)])
    return clock.monotonic_s() - start


async def prepared_calls(db: Database, count: int) -> list[StreamId]:
    streams = [StreamId("call", new_id()) for _ in range(count)]
    for stream in streams:
        write = Writing(actor="bench", command=new_id(), now=datetime.now(UTC))
        async with writing(db, VIEWS, write) as log:
            await log.append(stream, [CallArrived(trunk="bench", number_status="none")])
    return streams


async def _at_rate(db: Database, streams: list[StreamId]) -> list[float]:
    classes = list(CallClass)
    start, tasks = clock.monotonic_s(), []
    for number in range(RATE * RATE_S):
        await asyncio.sleep(max(0.0, start + number / RATE - clock.monotonic_s()))
        stream = streams[number % len(streams)]
        tasks.append(asyncio.create_task(command(db, stream, classes[number % len(classes)])))
    return list(await asyncio.gather(*tasks))


async def _flat_out(db: Database, streams: list[StreamId]) -> float:
    async def writer(number: int) -> None:
        for turn in range(MOST // WRITERS):
            stream = streams[(number + turn * WRITERS) % len(streams)]
            await command(db, stream, CallClass.NORMAL)

    start = clock.monotonic_s()
    await asyncio.gather(*(writer(number) for number in range(WRITERS)))
    return MOST / (clock.monotonic_s() - start)


async def _raw_commits(url: str) -> float:
    connection = await AsyncConnection.connect(url, autocommit=True)
    async with connection:
        await connection.execute("create table raw (number integer)")
        start = clock.monotonic_s()
        for number in range(RAW):
            await connection.execute("insert into raw values (%s)", (number,))
        return RAW / (clock.monotonic_s() - start)


async def measure() -> list[Figure]:
    """Both promises about writing."""
    async with database() as db:
        streams = await prepared_calls(db, 200)
        latencies = await _at_rate(db, streams)
        await db.run("analyze facts, commands, view_rows")
        raw = await _raw_commits(db.url)
        most = await _flat_out(db, streams)
    how = f"{RATE * RATE_S} commands at {RATE}/s in process: lock, read, append, fold, commit"
    return [
        Figure(
            name="command → committed, p99",
            value=percentile(latencies, 0.99) * 1e3,
            unit="ms",
            goal=20,
            limit=1e3 / raw,
            how=f"{how}; p50 {percentile(latencies, 0.5) * 1e3:.1f} ms; limit: one raw commit",
        ),
        Figure(
            name="commands a second, one city",
            value=most,
            unit="/s",
            goal=400,
            at_least=True,
            limit=raw,
            how=f"{MOST} commands by {WRITERS} writers flat out, tables analyzed, as the server "
            "does in its first minute; limit: raw inserts, 1 client",
        ),
    ]
