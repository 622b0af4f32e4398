"""The feed: every row changed after N.  One query a change for all consoles of a process.

NOTIFY only wakes; what changed is read from the index ``(city_id, seq)``.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from psycopg import AsyncConnection, OperationalError

from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.log import CHANNEL
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.view import View

ROWS_MAX = 500
HEARTBEAT_S = 5.0
RECONNECT_S = 1.0
BATCHES_MAX = 16
ENCODED_MAX = 256
"""Encoded batches kept for consoles that ask the same."""

log = structlog.get_logger()


class FeedRow(msgspec.Struct, frozen=True):
    """A row as sent: whole, or a tombstone when ``body`` is null."""

    view: str
    key: str
    seq: int
    body: dict[str, Any] | None
    personal: dict[str, Any | None]


@dataclass(frozen=True)
class Batch:
    """Rows changed after ``after``, up to and with ``seq``."""

    after: int
    seq: int
    rows: tuple[FeedRow, ...]


Sees = Callable[[FeedRow], FeedRow]
"""What one reader may see of a row: the row, less of it, or a tombstone."""


async def changed_rows(db: Database, views: Mapping[str, View], after: int) -> Batch:
    """Rows with ``seq > after`` in order, at most ``ROWS_MAX`` and no seq split.

    Within a seq units come first: what a crew may see of an incident hangs on its unit.
    """
    async with db.connection() as connection:
        cursor = await connection.execute(
            "select seq from cities where city_id = %s", (db.city_id,)
        )
        city = await cursor.fetchone()
        cursor = await connection.execute(
            "select view, key, seq, body from view_rows where city_id = %s and seq > %s "
            "order by seq fetch first %s rows with ties",
            (db.city_id, after, ROWS_MAX),
        )
        records = await cursor.fetchall()
        wanted = {
            personal_id
            for view, _, _, body in records
            if body is not None and view in views
            for personal_id in views[view].personal_ids(body)
        }
        personal: dict[str, Any] = {}
        if wanted:
            cursor = await connection.execute(
                "select personal_id, body from personal "
                "where city_id = %s and personal_id = any(%s)",
                (db.city_id, sorted(wanted)),
            )
            personal = dict(await cursor.fetchall())
    rows = tuple(
        FeedRow(
            view,
            key,
            seq,
            body,
            {name: personal.get(name) for name in views[view].personal_ids(body)}
            if body is not None and view in views
            else {},
        )
        for view, key, seq, body in sorted(records, key=lambda one: (one[2], one[0] != "unit"))
    )
    last = rows[-1].seq if rows else after
    if len(rows) < ROWS_MAX and city is not None:
        last = max(last, city[0])  # facts that touch no row have been seen, too
    return Batch(after, last, rows)


class Feed:
    """Wakes readers of one process and lets them share what was read and encoded."""

    def __init__(self, db: Database, views: Sequence[View]) -> None:
        self.db = db
        self.views = {view.name: view for view in views}
        self._woken = asyncio.Condition()
        self._wakes = 0
        self._batches: dict[int, tuple[int, asyncio.Task[Batch]]] = {}
        self._encoded: dict[tuple[int, int, str], bytes] = {}

    async def listen(self) -> None:
        """Runs for ever: turns NOTIFY into wakes; reconnects when the database comes back."""
        while True:
            try:
                connection = await AsyncConnection.connect(
                    self.db.url, autocommit=True, connect_timeout=3
                )
                async with connection:
                    await connection.execute(f"listen {CHANNEL}".encode())
                    await self.wake()
                    async for _ in connection.notifies():
                        await self.wake()
            except (OperationalError, OSError):
                log.warning("feed lost the database")
            await asyncio.sleep(RECONNECT_S)

    async def wake(self) -> None:
        """Every reader looks again."""
        async with self._woken:
            self._wakes += 1
            self._woken.notify_all()

    async def _batch(self, after: int, wakes: int) -> Batch:
        """One read serves all readers that stand at the same place after the same wake."""
        read_at, task = self._batches.get(after, (-1, None))
        if task is None or read_at != wakes:
            task = asyncio.create_task(changed_rows(self.db, self.views, after))
            self._batches[after] = (wakes, task)
            for old in sorted(self._batches)[:-BATCHES_MAX]:
                del self._batches[old]
        return await asyncio.shield(task)

    def encoded(self, batch: Batch, sees: Sees, reader: str) -> bytes:
        """The batch as one server-sent event; encoded once for readers with the same rights."""
        place = (batch.after, batch.seq, reader)
        data = self._encoded.get(place)
        if data is None:
            rows = [sees(row) for row in batch.rows]
            message = {"seq": batch.seq, "now": clock.now(), "rows": rows}
            data = sse("rows", msgspec.json.encode(message), batch.seq)
            if len(self._encoded) >= ENCODED_MAX:
                self._encoded.clear()
            self._encoded[place] = data
        return data

    async def frames(self, after: int, sees: Sees, reader: str) -> AsyncIterator[bytes]:
        """Server-sent events for one reader, for ever.

        Args:
            after: the reader has everything up to this seq.
            reader: names the rights; readers with equal names share encoded batches.
        """
        seq = after
        while True:
            wakes = self._wakes
            try:
                batch = await self._batch(seq, wakes)
            except Unavailable:
                yield sse("down", msgspec.json.encode({"part": "database", "now": clock.now()}))
                await asyncio.sleep(RECONNECT_S)
                self._wakes += 1
                continue
            seq = batch.seq
            if batch.rows:
                yield self.encoded(batch, sees, reader)
                continue
            yield sse("alive", msgspec.json.encode({"seq": seq, "now": clock.now()}))
            if not await self._woken_since(wakes):
                self._batches.pop(seq, None)  # a lost NOTIFY delays a row by one heartbeat

    async def _woken_since(self, wakes: int) -> bool:
        """Waits for a wake, at most one heartbeat; whether there was one."""
        try:
            async with asyncio.timeout(HEARTBEAT_S), self._woken:
                await self._woken.wait_for(lambda: self._wakes != wakes)
        except TimeoutError:
            return False
        return True


def sse(event: str, data: bytes, seq: int | None = None) -> bytes:
    """One server-sent event; ``seq`` becomes the ``Last-Event-ID`` a reader resumes with."""
    head = f"id: {seq}\n" if seq is not None else ""
    return f"{head}event: {event}\ndata: ".encode() + data + b"\n\n"
