"""The log on a real PostgreSQL: gap-free, repeatable, provable."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec.structs import replace

from tahuri.kernel.db import Database
from tahuri.kernel.digest import fact_digest
from tahuri.kernel.event import Event, Fact, StreamId
from tahuri.kernel.feed import changed_rows
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Refused
from tahuri.kernel.verify import Verdict, facts_of, rebuild, verify
from tahuri.kernel.view import Row, View
from tahuri.refusals import Refusal

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


class Counted(Event, frozen=True, tag="test.counted"):
    """Something was counted."""

    of: str
    weight: float = 0.1
    note: str | None = None


class CountRow(Row, frozen=True):
    name: str
    times: int = 0
    note: str | None = None


def keys(_: StreamId, event: Event) -> tuple[str, ...]:
    return (event.of,) if isinstance(event, Counted) else ()


def fold(row: CountRow, fact: Fact) -> CountRow:
    assert isinstance(fact.event, Counted)
    return replace(row, times=row.times + 1, note=fact.event.note)


COUNTS = View("count", CountRow, "name", keys, fold, personal=("note",))
VIEWS = (COUNTS,)
STREAM = StreamId("test", "one")


async def count(
    database: Database, of: str, command: str | None = None, request: bytes = b""
) -> dict[str, Any]:
    write = Writing(actor="tester", command=command or new_id(), now=NOW, request=request)
    async with writing(database, VIEWS, write) as log:
        if log.answered is not None:
            return log.answered
        note = log.personal("note", {"text": f"about {of}"})
        await log.append(STREAM, [Counted(of=of, note=note)])
    return log.answer


async def tampered(database: Database, statement: str) -> None:
    async with database.connection() as connection:
        await connection.execute("alter table facts disable trigger facts_never_change")
        await connection.execute(statement.encode())
        await connection.execute("alter table facts enable trigger facts_never_change")


async def test_facts_of_many_writers_have_no_gap_and_verify(database: Database) -> None:
    """Two consoles that write at once must not lose a fact, nor leave a hole to hide one in."""
    await asyncio.gather(*(count(database, f"n{number % 3}") for number in range(40)))
    verdict = await verify(database, VIEWS)
    assert (verdict.seq, verdict.fault) == (40, None)


async def test_a_repeated_command_is_recorded_once_and_gets_the_first_answer(
    database: Database,
) -> None:
    """A client that heard nothing repeats; the caller must not get two ambulances for it."""
    first = await count(database, "a", command="same")
    again = await count(database, "a", command="same")
    assert first == again == {"seq": 1}
    assert (await verify(database, VIEWS)).seq == 1


async def test_a_key_used_for_another_request_is_refused(database: Database) -> None:
    """A client that reuses keys would silently lose its second command."""
    await count(database, "a", command="same", request=b"one")
    with pytest.raises(Refused) as caught:
        await count(database, "b", command="same", request=b"two")
    assert caught.value.code == Refusal.KEY_REUSED


async def test_nothing_is_recorded_when_the_write_fails(database: Database) -> None:
    """Facts, rows and the count commit together or not at all."""

    async def dies() -> None:
        write = Writing(actor="tester", command=new_id(), now=NOW)
        async with writing(database, VIEWS, write) as log:
            await log.append(STREAM, [Counted(of="a")])
            raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        await dies()
    assert await verify(database, VIEWS) == Verdict(0, None)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "update facts set body = jsonb_set(body, '{of}', '\"z\"') where seq = 2",
            "fact 2 is not what was recorded",
        ),
        ("delete from facts where seq = 2", "fact 2 is missing"),
        ("delete from facts where seq = 3", "fact 3 is missing: the city counted 3"),
        ("update facts set at = at + interval '1 s' where seq = 1", "fact 1 is not what"),
        ("update facts set at = 'infinity' where seq = 2", "fact 2 cannot be read"),
        ("update facts set body = '[]' where seq = 2", "fact 2 cannot be read"),
        ("update facts set type = 'test.other' where seq = 3", "fact 3 cannot be read"),
        ("update facts set stream = 'test/two' where seq = 2", "fact 2 is not what"),
        ("update facts set personal = '{}' where seq = 2", "fact 2 is not what"),
        ("delete from personal", "fact 1: what it says of"),
        ("update cities set digest = 'x'", "fact 3 does not end the chain"),
        ("update view_rows set body = jsonb_set(body, '{times}', '7')", "row count a is not what"),
        ("delete from view_rows", "row count a is missing"),
        ("insert into view_rows values ('81.71', 'count', 'q', 9, '{}')", "row count q stands on"),
        ('update personal set body = \'{"text": "else"}\'', "fact 1: what it says of"),
    ],
)
async def test_tampering_is_found_and_the_first_bad_fact_named(
    database: Database, statement: str, fault: str
) -> None:
    """What happened can be proved only if a change after the fact cannot hide."""
    for _ in range(3):
        await count(database, "a")
    await tampered(database, statement)
    verdict = await verify(database, VIEWS)
    assert verdict.fault is not None
    assert verdict.fault.startswith(fault)


class WiderRow(CountRow, frozen=True):
    seen: int = 0


async def test_rows_stored_before_a_field_was_thought_of_still_verify(database: Database) -> None:
    """An upgrade must not make yesterday's log look forged."""
    await count(database, "a")
    wider = View("count", WiderRow, "name", keys, fold, personal=("note",))
    assert await verify(database, (wider,)) == Verdict(1, None)
    await tampered(database, "update view_rows set body = jsonb_set(body, '{times}', '\"no\"')")
    assert "row count a is not what" in str((await verify(database, (wider,))).fault)


async def test_a_fact_stands_in_the_log_with_one_time_whatever_its_zone(
    database: Database,
) -> None:
    """A device may tell the time with its own offset; that must not look like tampering."""
    told = datetime(2026, 11, 23, 11, 59, tzinfo=timezone(timedelta(hours=9)))
    async with writing(database, VIEWS, Writing(actor="x", command="one", now=NOW)) as log:
        await log.append(STREAM, [Counted(of="a")], at=told)
    assert await verify(database, VIEWS) == Verdict(1, None)


async def test_a_clock_that_steps_back_leaves_the_order_and_the_proof(database: Database) -> None:
    """Somebody sets the server's clock: what came later stays later."""
    for number, minutes in enumerate((0, -90, 5)):
        now = NOW + timedelta(minutes=minutes)
        write = Writing(actor="tester", command=f"c{number}", now=now)
        async with writing(database, VIEWS, write) as log:
            await log.append(STREAM, [Counted(of=f"n{number}")])
    rows = (await changed_rows(database, {"count": COUNTS}, 0)).rows
    assert [row.key for row in rows] == ["n0", "n1", "n2"]
    assert await verify(database, VIEWS) == Verdict(3, None)


async def test_a_chain_made_anew_is_shown_by_a_digest_kept_elsewhere(database: Database) -> None:
    """Who owns the database can rewrite everything; only what left the house tells: docs/log.md."""
    for _ in range(3):
        await count(database, "a")
    kept = [digest async for *_, digest in exported(database)][-1]
    statement = "update facts set actor = 'somebody' where seq = 2"
    await tampered(database, statement)
    await rechained(database)
    assert await verify(database, VIEWS) == Verdict(3, None)
    assert [digest async for *_, digest in exported(database)][-1] != kept


async def exported(database: Database) -> AsyncIterator[tuple[Fact, dict[str, Any], bytes]]:
    """Every fact, its body, and the digest of the chain."""
    async with database.connection() as connection:
        async for fact, digest, body in facts_of(connection, database.city_id):
            yield fact, body, digest


async def rechained(database: Database) -> None:
    """What somebody does who can write everything: digests that fit what stands there now."""
    digest = b""
    async for fact, body, _ in exported(database):
        digest = fact_digest(digest, database.city_id, fact, body)
        wanted = f"set digest = '\\x{digest.hex()}'"
        await tampered(database, f"update facts {wanted} where seq = {fact.seq}")
        await tampered(database, f"update cities {wanted}")


async def test_a_stored_fact_cannot_be_changed_by_a_slip(database: Database) -> None:
    """An update without intent is stopped by the database itself."""
    await count(database, "a")
    with pytest.raises(Exception, match="never changes"):
        await database.run("update facts set actor = 'somebody'")


async def test_erasing_a_person_leaves_the_log_provable(database: Database) -> None:
    """The law may demand that a name goes; what happened must still be proved."""
    await count(database, "a")
    await database.run("update personal set body = null, salt = null, erased_at = now()")
    assert (await verify(database, VIEWS)).fault is None
    batch = await changed_rows(database, {"count": COUNTS}, 0)
    assert list(batch.rows[0].personal.values()) == [None]


async def test_rebuilding_the_views_gives_the_same_rows(database: Database) -> None:
    """A row that a bug spoiled is made good from the facts."""
    await count(database, "a")
    await count(database, "b")
    await database.run("update view_rows set body = jsonb_set(body, '{times}', '7')")
    assert await rebuild(database, VIEWS) == 2
    assert (await verify(database, VIEWS)).fault is None


async def test_a_city_cannot_see_another_citys_rows(database: Database) -> None:
    """Cities share a database; a slip in a query must not show one's calls to another."""
    await count(database, "a")
    other = Database(database.url, "99.99")
    await other.open()
    try:
        assert await other.all("select * from facts") == []
        assert await other.all("select * from view_rows") == []
    finally:
        await other.close()


async def test_every_table_is_keyed_and_locked_by_city(database: Database) -> None:
    """A table without its city's lock would be the hole in all others."""
    open_tables = await database.all(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind = 'r' and n.nspname = 'public' and c.relname <> 'schema_versions' "
        "and c.relname not like 'procrastinate%%' "
        "and not (c.relrowsecurity and c.relforcerowsecurity)"
    )
    assert open_tables == []
    keyed_otherwise = await database.all(
        "select c.relname from pg_index i join pg_class c on c.oid = i.indrelid "
        "join pg_namespace n on n.oid = c.relnamespace "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] "
        "where i.indisunique and n.nspname = 'public' and c.relname <> 'schema_versions' "
        "and c.relname not like 'procrastinate%%' and a.attname <> 'city_id'"
    )
    assert keyed_otherwise == []
