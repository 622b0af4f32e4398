"""The city's log: one writer at a time, facts and rows in one transaction, proof of both.

``select … for update`` on the city's row is the lock, the gap-free counter and the digest.
Nothing external happens while it is held: PostgreSQL only.
"""

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from tahuri.kernel.db import Connection, Database
from tahuri.kernel.digest import fact_digest, personal_digest
from tahuri.kernel.event import Event, Fact, StreamId, loaded, stored
from tahuri.kernel.ids import PersonalId
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Refused, RequestRefusal
from tahuri.kernel.view import Row, View, body_of

COMMAND_CHARS_MAX = 64
CHANNEL = "tahuri"
"""NOTIFY channel; the payload is the city's new seq.  It only wakes."""

FACT_COLUMNS = "seq, stream, version, type, body, actor, at, recorded_at, command, personal"


def fact_of(record: TupleRow) -> Fact:
    """The fact in a row of ``FACT_COLUMNS``."""
    seq, stream, version, tag, body, actor, at, recorded_at, command, personal = record
    return Fact(
        seq=seq,
        stream=StreamId.parse(stream),
        version=version,
        at=at.astimezone(UTC),
        recorded_at=recorded_at.astimezone(UTC),
        actor=actor,
        command=command,
        personal=personal,
        event=loaded(tag, body),
    )


@dataclass(frozen=True)
class Writing:
    """Who writes, why, and with which views."""

    actor: str
    command: str
    """Idempotency key: the same again gets the first answer again."""
    now: datetime
    request: bytes = b""
    """Digest of what was asked, to tell a repetition from a key used twice."""

    def __post_init__(self) -> None:
        if not 0 < len(self.command) <= COMMAND_CHARS_MAX:
            raise ValueError(f"a command key has 1 to {COMMAND_CHARS_MAX} characters")


@dataclass
class Log:
    """An open write: the city is locked until the block ends."""

    connection: Connection
    city_id: str
    views: Sequence[View]
    writing: Writing
    seq: int
    """The log's last seq, with what this write has appended."""
    digest: bytes
    answered: dict[str, Any] | None
    """The first answer to this very command, when it is a repetition."""
    answer: dict[str, Any] = field(default_factory=dict)
    """What a repetition will be answered; ``seq`` is added."""
    facts: list[Fact] = field(default_factory=list)
    _digests: list[bytes] = field(default_factory=list)
    _versions: dict[str, int] = field(default_factory=dict)
    _personal: dict[str, tuple[str, dict[str, Any], bytes]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """When this write is made, UTC."""
        return self.writing.now

    async def fetch(self, query: str, args: Sequence[Any] = ()) -> list[TupleRow]:
        """All rows of a query inside this write."""
        return await (await self.connection.execute(query.encode(), args)).fetchall()

    async def execute(self, query: str, args: Sequence[Any] = ()) -> None:
        """A statement inside this write."""
        await self.connection.execute(query.encode(), args)

    async def read(self, stream: StreamId) -> list[Fact]:
        """The stream's facts in order."""
        records = await self.fetch(
            f"select {FACT_COLUMNS} from facts "  # noqa: S608
            "where city_id = %s and stream = %s order by version",
            (self.city_id, str(stream)),
        )
        facts = [fact_of(record) for record in records]
        self._versions[str(stream)] = facts[-1].version if facts else 0
        return facts + [fact for fact in self.facts if fact.stream == stream]

    async def row(self, view: View, key: str) -> Row | None:
        """A stored row as it was before this write, or None."""
        records = await self.fetch(
            "select body from view_rows where city_id = %s and view = %s and key = %s",
            (self.city_id, view.name, key),
        )
        return view.load(records[0][0]) if records and records[0][0] is not None else None

    def personal(self, kind: str, body: dict[str, Any]) -> PersonalId:
        """Keeps something erasable; put the id into an event that is appended after."""
        personal_id = PersonalId(new_id())
        self._personal[personal_id] = (kind, body, secrets.token_bytes(16))
        return personal_id

    async def append(
        self,
        stream: StreamId,
        events: Iterable[Event],
        *,
        at: datetime | None = None,
        actor: str | None = None,
    ) -> None:
        """Facts to be, in order; they are recorded when the block ends.

        Args:
            at: when they happened, if not now (a late report, a spooled event).
            actor: who did it, if not the one who writes.
        """
        name = str(stream)
        if name not in self._versions:
            records = await self.fetch(
                "select coalesce(max(version), 0) from facts where city_id = %s and stream = %s",
                (self.city_id, name),
            )
            self._versions[name] = records[0][0]
        known = sum(1 for fact in self.facts if fact.stream == stream)
        happened = (at or self.now).astimezone(UTC)  # as it is read again: the digest stands on it
        for count, event in enumerate(events, known + 1):
            fact = Fact(
                seq=self.seq + 1,
                stream=stream,
                version=self._versions[name] + count,
                at=happened,
                recorded_at=self.now,
                actor=actor or self.writing.actor,
                command=self.writing.command,
                personal=self._digests_in(event),
                event=event,
            )
            self.seq = fact.seq
            self.digest = fact_digest(self.digest, self.city_id, fact, stored(event)[1])
            self.facts.append(fact)
            self._digests.append(self.digest)

    def _digests_in(self, event: Event) -> dict[str, str]:
        named = {text for text in _texts(stored(event)[1]) if text in self._personal}
        return {
            personal_id: personal_digest(
                self._personal[personal_id][2], self._personal[personal_id][1]
            )
            for personal_id in sorted(named)
        }

    async def deadline(
        self, key: str, due_at: datetime, kind: str, body: Mapping[str, Any]
    ) -> None:
        """Something must be looked at when ``due_at`` has come; the same key moves it."""
        await self.execute(
            "insert into deadlines (city_id, key, due_at, kind, body) values (%s, %s, %s, %s, %s) "
            "on conflict (city_id, key) do update set "
            "due_at = excluded.due_at, kind = excluded.kind, body = excluded.body",
            (self.city_id, key, due_at, kind, Jsonb(body)),
        )

    async def forget_deadline(self, key: str) -> None:
        """What was waited for has happened."""
        await self.execute(
            "delete from deadlines where city_id = %s and key = %s", (self.city_id, key)
        )

    async def _folded(self) -> list[tuple[str, str, str, int, Jsonb]]:
        touched: dict[tuple[str, str], list[Fact]] = {}
        for fact in self.facts:
            for view in self.views:
                for key in view.keys(fact.stream, fact.event):
                    touched.setdefault((view.name, key), []).append(fact)
        if not touched:
            return []
        by_name = {view.name: view for view in self.views}
        records = await self.fetch(
            "select view, key, body from view_rows where city_id = %s "
            "and (view, key) in (select * from unnest(%s::text[], %s::text[])) "
            "and body is not null",
            (self.city_id, [name for name, _ in touched], [key for _, key in touched]),
        )
        rows = {(name, key): by_name[name].load(body) for name, key, body in records}
        for (name, key), facts in touched.items():
            row = rows.get((name, key)) or by_name[name].new(key)
            for fact in facts:
                row = by_name[name].fold(row, fact)
            rows[name, key] = row
        return [
            (self.city_id, name, key, facts[-1].seq, Jsonb(body_of(rows[name, key])))
            for (name, key), facts in touched.items()
        ]

    async def finish(self) -> None:
        """Facts, rows, the city's new seq and digest, the answer and the wake-up, in one go."""
        rows = await self._folded()
        now, city_id = self.now, self.city_id
        async with self.connection.pipeline():
            cursor = self.connection.cursor()
            if self._personal:
                await cursor.executemany(
                    "insert into personal (city_id, personal_id, kind, body, salt, stored_at) "
                    "values (%s, %s, %s, %s, %s, %s)",
                    [
                        (city_id, personal_id, kind, Jsonb(body), salt, now)
                        for personal_id, (kind, body, salt) in self._personal.items()
                    ],
                )
            if self.facts:
                await cursor.executemany(
                    f"insert into facts (city_id, {FACT_COLUMNS}, digest) "  # noqa: S608
                    "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
                    [
                        (city_id, *_record(fact), digest)
                        for fact, digest in zip(self.facts, self._digests, strict=True)
                    ],
                )
                if rows:
                    await cursor.executemany(
                        "insert into view_rows (city_id, view, key, seq, body) "
                        "values (%s, %s, %s, %s, %s) on conflict (city_id, view, key) "
                        "do update set seq = excluded.seq, body = excluded.body",
                        rows,
                    )
                await self.connection.execute(
                    "update cities set seq = %s, digest = %s where city_id = %s "
                    "returning pg_notify(%s, %s)",
                    (self.seq, self.digest, city_id, CHANNEL, str(self.seq)),
                )
            self.answer["seq"] = self.seq
            await self.connection.execute(
                "insert into commands (city_id, command, request, seq, answer, at) "
                "values (%s, %s, %s, %s, %s, %s)",
                (
                    city_id,
                    self.writing.command,
                    self.writing.request,
                    self.seq,
                    Jsonb(self.answer),
                    now,
                ),
            )


def _texts(value: Any) -> Iterable[str]:
    match value:
        case str():
            yield value
        case dict():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def _record(fact: Fact) -> tuple[Any, ...]:
    tag, body = stored(fact.event)
    return (
        fact.seq,
        str(fact.stream),
        fact.version,
        tag,
        Jsonb(body),
        fact.actor,
        fact.at,
        fact.recorded_at,
        fact.command,
        Jsonb(fact.personal),
    )


@asynccontextmanager
async def writing(db: Database, views: Sequence[View], write: Writing) -> AsyncIterator[Log]:
    """Locks the city, gives its log, and records all or nothing when the block ends.

    A repetition of a command finds ``answered`` set: the caller appends nothing and answers it.

    Raises:
        Refused: the key was used before for another request.
        Unavailable: the database is down, or the lock was not free in time.
    """
    async with db.connection() as connection:
        async with connection.pipeline():
            locked = await connection.execute(
                "select seq, digest from cities where city_id = %s for update", (db.city_id,)
            )
            repeated = await connection.execute(
                "select request, answer from commands where city_id = %s and command = %s",
                (db.city_id, write.command),
            )
        city = await locked.fetchone()
        if city is None:
            raise RuntimeError(f"city {db.city_id} has no row: the schema was not migrated")
        first = await repeated.fetchone()
        if first and bytes(first[0]) != write.request:
            raise Refused(RequestRefusal.KEY_REUSED, key=write.command)
        log = Log(
            connection=connection,
            city_id=db.city_id,
            views=views,
            writing=write,
            seq=city[0],
            digest=bytes(city[1]),
            answered=first[1] if first else None,
        )
        yield log
        if log.answered is None:
            await log.finish()


def request_digest(*parts: bytes) -> bytes:
    """What tells one request from another under the same key."""
    return sha256(b"\0".join(parts)).digest()
