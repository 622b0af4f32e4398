"""Proof: recompute the digest chain and the sequence, fold every view again, compare."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from psycopg import DataError

from tahuri.kernel.db import Connection, Database
from tahuri.kernel.digest import fact_digest, personal_digest
from tahuri.kernel.event import Fact
from tahuri.kernel.log import FACT_COLUMNS, fact_of
from tahuri.kernel.view import Row, View, body_of

BATCH_FACTS = 2_000


@dataclass(frozen=True)
class Verdict:
    """What the log is worth."""

    seq: int
    """The last seq that is proved."""
    fault: str | None
    """The first thing that is wrong, or None."""


async def facts_of(
    connection: Connection, city_id: str, after: int = 0
) -> AsyncIterator[tuple[Fact, bytes, dict[str, Any]]]:
    """Every fact with its stored digest and its body as stored, in order.

    Raises:
        DataError: the next one holds what no fact can, such as an infinite time.
    """
    seq, limit = after, BATCH_FACTS
    while True:
        cursor = await connection.execute(
            f"select {FACT_COLUMNS}, digest from facts "  # noqa: S608
            "where city_id = %s and seq > %s order by seq limit %s".encode(),
            (city_id, seq, limit),
        )
        try:
            records = await cursor.fetchall()
        except DataError:
            if limit == 1:
                raise
            limit = 1  # those before it are good
            continue
        if not records:
            return
        for *record, digest in records:
            yield fact_of(tuple(record)), bytes(digest), record[4]
        seq = records[-1][0]


async def verify(db: Database, views: Sequence[View]) -> Verdict:
    """Reads one snapshot and takes no lock: safe while calls come in."""
    async with db.connection() as connection:
        await connection.execute("set transaction isolation level repeatable read read only")
        seq, digest = 0, b""
        rows: dict[tuple[str, str], tuple[Row, int]] = {}
        try:
            async for fact, stored_digest, body in facts_of(connection, db.city_id):
                if fact.seq != seq + 1:
                    return Verdict(seq, f"fact {seq + 1} is missing")
                digest = fact_digest(digest, db.city_id, fact, body)
                if digest != stored_digest:
                    return Verdict(seq, f"fact {fact.seq} is not what was recorded")
                seq = fact.seq
                _fold(rows, views, fact)
        except (ValueError, TypeError, DataError, msgspec.ValidationError) as error:
            return Verdict(seq, f"fact {seq + 1} cannot be read: {error}")
        fault = (
            await _city_fault(connection, db.city_id, seq, digest)
            or await _rows_fault(connection, db.city_id, rows)
            or await _personal_fault(connection, db.city_id)
        )
        return Verdict(seq, fault)


def _fold(rows: dict[tuple[str, str], tuple[Row, int]], views: Sequence[View], fact: Fact) -> None:
    for view in views:
        for key in view.keys(fact.stream, fact.event):
            row, _ = rows.get((view.name, key)) or (view.new(key), 0)
            rows[view.name, key] = (view.fold(row, fact), fact.seq)


async def _city_fault(connection: Connection, city_id: str, seq: int, digest: bytes) -> str | None:
    cursor = await connection.execute(
        "select seq, digest from cities where city_id = %s", (city_id,)
    )
    record = await cursor.fetchone()
    if record is None:
        return f"city {city_id} is unknown"
    if record[0] != seq:
        return f"fact {seq + 1} is missing: the city counted {record[0]}"
    if bytes(record[1]) != digest:
        return f"fact {seq} does not end the chain that the city remembers"
    return None


async def _rows_fault(
    connection: Connection, city_id: str, rows: dict[tuple[str, str], tuple[Row, int]]
) -> str | None:
    cursor = await connection.execute(
        "select view, key, seq, body from view_rows where city_id = %s order by seq", (city_id,)
    )
    seen = set()
    async for view, key, seq, body in cursor:
        folded = rows.get((view, key))
        if folded is None:
            return f"row {view} {key} stands on no fact"
        if folded[1] != seq or not _says(body, folded[0]):
            return f"row {view} {key} is not what facts up to {folded[1]} say"
        seen.add((view, key))
    missing = sorted(set(rows) - seen)
    return f"row {missing[0][0]} {missing[0][1]} is missing" if missing else None


def _says(body: dict[str, Any], row: Row) -> bool:
    """Whether a stored row is the folded one; fields that came later stand for their defaults."""
    try:
        return msgspec.convert(body, type(row)) == row
    except msgspec.ValidationError:
        return False


async def _personal_fault(connection: Connection, city_id: str) -> str | None:
    cursor = await connection.execute(
        "select f.seq, d.key, d.value, p.body, p.salt, p.erased_at from facts f "
        "cross join lateral jsonb_each_text(f.personal) d "
        "left join personal p on p.city_id = f.city_id and p.personal_id = d.key "
        "where f.city_id = %s and f.personal <> '{}' order by f.seq",
        (city_id,),
    )
    async for seq, personal_id, digest, body, salt, erased_at in cursor:
        if erased_at is not None:
            continue
        if body is None or personal_digest(bytes(salt), body) != digest:
            return f"fact {seq}: what it says of {personal_id} is not what was stored"
    return None


async def rebuild(db: Database, views: Sequence[View]) -> int:
    """Folds every view again and stores the rows; the number of rows.  Takes the city's lock."""
    async with db.connection() as connection:
        await connection.execute(
            "select seq from cities where city_id = %s for update", (db.city_id,)
        )
        rows: dict[tuple[str, str], tuple[Row, int]] = {}
        async for fact, _, _ in facts_of(connection, db.city_id):
            _fold(rows, views, fact)
        await connection.execute("delete from view_rows where city_id = %s", (db.city_id,))
        await connection.cursor().executemany(
            "insert into view_rows (city_id, view, key, seq, body) values (%s, %s, %s, %s, %s)",
            [
                (db.city_id, view, key, seq, msgspec.json.encode(body_of(row)).decode())
                for (view, key), (row, seq) in rows.items()
            ],
        )
        return len(rows)
