"""Where units are: telemetry, read once a second for all screens, drop-oldest."""

import asyncio
from datetime import datetime
from typing import Any

import msgspec
import structlog

from tahuri.frames import Latest
from tahuri.kernel.db import Database
from tahuri.kernel.feed import sse
from tahuri.kernel.refusal import Unavailable

READ_S = 1.0

log = structlog.get_logger()


class Positions(Latest):
    """Reads changed positions while anybody looks, and gives each reader the latest batch."""

    def __init__(self, db: Database) -> None:
        super().__init__()
        self.db = db
        self._read_up_to: datetime | None = None

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
                await self.tell(sse("positions", msgspec.json.encode({"positions": rows})))

    async def first(self) -> bytes:
        """Every position, as soon as the database is there."""
        while True:
            try:
                rows, _ = await self._rows(None)
            except Unavailable:
                await asyncio.sleep(READ_S)
                continue
            return sse("positions", msgspec.json.encode({"positions": rows}))
