"""Positions at a rate that a province's units would not reach, beside commands."""

import asyncio
from datetime import UTC, datetime, timedelta

from bench.log import command, prepared_calls
from bench.place import database
from bench.table import Figure, percentile
from tahuri.app import VIEWS
from tahuri.calls.events import CallClass
from tahuri.city.pack import load_pack, pack_folder
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.units.queries import register_units, store_position

RATE = 2_000
OFFERED = 2_100
RATE_S = 10
SENDERS = 8
COMMANDS = 150


async def _send(db: Database, units: list[str], number: int) -> int:
    """Its share of the rate, as fast as the clock says; how many were stored."""
    share, sent = OFFERED // SENDERS, 0
    start, base = clock.monotonic_s(), datetime.now(UTC) - timedelta(seconds=60)
    while clock.monotonic_s() - start < RATE_S:
        due_s = start + sent / share - clock.monotonic_s()
        if due_s > 0:
            await asyncio.sleep(due_s)
        unit = units[(number + sent * SENDERS) % len(units)]
        at = base + timedelta(milliseconds=sent)
        await store_position(db, unit, None, (-3.69, 128.18, at, 30.0, 90.0, 8.0))
        sent += 1
    return sent


async def _commands(db: Database) -> list[float]:
    streams = await prepared_calls(db, 20)
    classes, times = list(CallClass), []
    for number in range(COMMANDS):
        stream = streams[number % len(streams)]
        times.append(await command(db, stream, classes[number % len(classes)]))
        await asyncio.sleep(0.03)
    return times


async def measure() -> list[Figure]:
    """How many positions a second are stored, and what commands feel of it."""
    units = load_pack(pack_folder("ambon")).units
    names = [unit.unit_id for unit in units]
    async with database(pool_max=SENDERS + 6) as db:
        await register_units(db, VIEWS, units)
        alone = percentile(await _commands(db), 0.99) * 1e3
        senders = [asyncio.create_task(_send(db, names, number)) for number in range(SENDERS)]
        beside = percentile(await _commands(db), 0.99) * 1e3
        stored = sum(await asyncio.gather(*senders)) / RATE_S
    return [
        Figure(
            name="positions stored a second",
            value=stored,
            unit="/s",
            goal=RATE,
            at_least=True,
            how=f"{SENDERS} writers offer {OFFERED}/s, {RATE_S} s, {len(names)} units, in process",
        ),
        Figure(
            name="command → committed beside positions, p99",
            value=beside,
            unit="ms",
            goal=20,
            limit=alone,
            how=f"{COMMANDS} commands meanwhile; limit: the same without positions",
        ),
    ]
