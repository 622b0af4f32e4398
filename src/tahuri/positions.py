"""Where units are: telemetry, read once a second for all screens, drop-oldest."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import msgspec
import structlog

from tahuri.kernel.db import Database
from tahuri.kernel.feed import sse
from tahuri.kernel.refusal import Unavailable

READ_S = 1.0

log = structlog.get_logger()


class Positions:
    """Reads changed positions while anybody looks, and gives each reader the latest batch."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._changed = asyncio.Condition()
        self._frame = b""
        self._read_up_to: datetime | None = None
        self.readers = 0

    async def _rows(self, after: datetime | None) -> tuple[list[dict[str, Any]], datetime | None]:
        """Positions received later than ``after``, and up to when they go."""
        records = await self.db.all(
            "select unit_id, lat, lon, at, speed_kmh, heading, received_at from unit_positions "
            "where city_id = %s and received_at > coalesce(%s, '-infinity'::timestamptz) "
            "order by received_at",
            (self.db.city_id, after),
        )
        names = ("unit_id", "lat", "lon", "at", "speed_kmh", "heading")
        rows = [dict(zip(names, record[:-1], strict=True)) for record in records]
        return rows, records[-1][-1] if records else after

    async def run(self) -> None:
        """Reads for ever; nobody is disturbed when the database is away."""
        while True:
            await asyncio.sleep(READ_S)
            if not self.readers:
                continue
            try:
                rows, self._read_up_to = await self._rows(self._read_up_to)
            except Unavailable:
                continue
            if rows:
                async with self._changed:
                    self._frame = sse("positions", msgspec.json.encode({"positions": rows}))
                    self._changed.notify_all()

    async def _all(self) -> bytes:
        """Every position, as soon as the database is there."""
        while True:
            try:
                rows, _ = await self._rows(None)
            except Unavailable:
                await asyncio.sleep(READ_S)
                continue
            return sse("positions", msgspec.json.encode({"positions": rows}))

    async def frames(self) -> AsyncIterator[bytes]:
        """All positions first, then each batch of changes; a slow reader skips batches."""
        self.readers += 1
        try:
            yield await self._all()
            while True:
                async with self._changed:
                    await self._changed.wait()
                yield self._frame
        finally:
            self.readers -= 1


async def merged(*sources: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What any of the sources says, as it comes; all end with the first that is named."""
    waiting: asyncio.Queue[bytes] = asyncio.Queue(maxsize=8)

    async def pump(source: AsyncIterator[bytes]) -> None:
        async for frame in source:
            await waiting.put(frame)

    tasks = [asyncio.create_task(pump(source)) for source in sources]
    getter: asyncio.Task[bytes] | None = None
    try:
        while True:
            getter = asyncio.create_task(waiting.get())
            await asyncio.wait([getter, tasks[0]], return_when=asyncio.FIRST_COMPLETED)
            if not getter.done():
                return
            yield getter.result()
    finally:
        started = [*tasks, getter] if getter else tasks
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)
