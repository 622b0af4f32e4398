"""The log as JSON lines: every fact whole, so that others can check the chain for themselves."""

from collections.abc import AsyncIterator

import msgspec

from tahuri.kernel.db import Database
from tahuri.kernel.digest import canonical
from tahuri.kernel.event import stored
from tahuri.kernel.verify import facts_of


async def lines(db: Database, *, with_personal: bool) -> AsyncIterator[bytes]:
    """One line a fact, in order, from one snapshot.

    Args:
        with_personal: numbers, names and free text too; without it only their digests.
    """
    async with db.connection() as connection:
        await connection.execute("set transaction isolation level repeatable read read only")
        personal: dict[str, object] = {}
        if with_personal:
            cursor = await connection.execute(
                "select personal_id, kind, body from personal where city_id = %s", (db.city_id,)
            )
            personal = {name: {"kind": kind, "body": body} async for name, kind, body in cursor}
        async for fact, digest, body in facts_of(connection, db.city_id):
            line = {
                "city_id": db.city_id,
                "seq": fact.seq,
                "stream": str(fact.stream),
                "version": fact.version,
                "type": stored(fact.event)[0],
                "body": body,
                "actor": fact.actor,
                "at": fact.at,
                "recorded_at": fact.recorded_at,
                "command": fact.command,
                "personal": fact.personal,
                "digest": digest.hex(),
            }
            if with_personal:
                line["said"] = {name: personal.get(name) for name in fact.personal}
            yield canonical(msgspec.to_builtins(line)) + b"\n"
