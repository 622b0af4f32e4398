"""SQL of accounts, sessions and drafts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from psycopg.types.json import Jsonb

from tahuri.kernel.db import Database
from tahuri.kernel.log import Log
from tahuri.kernel.roles import Role

ACCOUNT = "operator_id, username, name, password, roles, agency_id, unit_id, active, languages"


class Account(Struct, frozen=True):
    """A person who may sign in."""

    operator_id: str
    username: str
    name: str
    password: str
    """argon2id, with its salt and parameters."""
    roles: tuple[str, ...]
    agency_id: str | None
    unit_id: str | None
    active: bool
    languages: tuple[str, ...] = ()
    """Codes such as ``id`` or ``en``: calls that ask for one are offered there first."""


def _account(record: Sequence[Any]) -> Account:
    *first, roles, agency_id, unit_id, active, languages = record
    operator_id, username, name, password = first
    return Account(
        operator_id,
        username,
        name,
        password,
        tuple(roles),
        agency_id,
        unit_id,
        active,
        tuple(languages),
    )


async def account_named(db: Database, username: str) -> Account | None:
    """The account with this user name, in any case of letters."""
    record = await db.one(
        f"select {ACCOUNT} from accounts where city_id = %s and username = lower(%s)",  # noqa: S608
        (db.city_id, username),
    )
    return _account(record) if record else None


async def accounts(db: Database) -> list[Account]:
    """Every account, by user name."""
    records = await db.all(
        f"select {ACCOUNT} from accounts where city_id = %s order by username",  # noqa: S608
        (db.city_id,),
    )
    return [_account(record) for record in records]


async def languages_of(db: Database, operator_id: str) -> tuple[str, ...]:
    """Which languages somebody speaks."""
    record = await db.one(
        "select languages from accounts where city_id = %s and operator_id = %s",
        (db.city_id, operator_id),
    )
    return tuple(record[0]) if record else ()


async def add_account(log: Log, account: Account) -> bool:
    """Inside a write; False when the user name is taken."""
    added = await log.fetch(
        f"insert into accounts (city_id, {ACCOUNT}, created_at) "  # noqa: S608
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict (city_id, username) do nothing returning operator_id",
        (
            log.city_id,
            account.operator_id,
            account.username.lower(),
            account.name,
            account.password,
            list(account.roles),
            account.agency_id,
            account.unit_id,
            account.active,
            list(account.languages),
            log.now,
        ),
    )
    return bool(added)


async def change_account(log: Log, operator_id: str, changes: dict[str, Any]) -> Account | None:
    """Inside a write: the account after the change; None when there is no such account.

    Args:
        changes: columns of ``accounts``, named by our own code only.
    """
    columns = ", ".join(f"{name} = %s" for name in changes)
    changed = await log.fetch(
        f"update accounts set {columns} where city_id = %s and operator_id = %s "  # noqa: S608
        f"returning {ACCOUNT}",
        (*changes.values(), log.city_id, operator_id),
    )
    if changed and {"active", "password"} & set(changes):
        await log.execute(
            "delete from sessions where city_id = %s and operator_id = %s",
            (log.city_id, operator_id),
        )
    return _account(changed[0]) if changed else None


async def somebody_is(log: Log, role: Role) -> bool:
    """Inside a write: whether any active account holds the role."""
    found = await log.fetch(
        "select 1 from accounts where city_id = %s and active and %s = any(roles) limit 1",
        (log.city_id, role),
    )
    return bool(found)


async def failures_since(db: Database, source: str, since: datetime) -> int:
    """How often signing in failed for an account name or from an address."""
    record = await db.one(
        "select count(*) from sign_in_failures where city_id = %s and source = %s and at > %s",
        (db.city_id, source, since),
    )
    return int(record[0]) if record else 0


async def note_failure(db: Database, sources: Sequence[str], at: datetime, keep: datetime) -> None:
    """Remembers a failed sign-in; forgets those older than ``keep``."""
    async with db.connection() as connection:
        for source in sources:
            await connection.execute(
                "insert into sign_in_failures (city_id, source, at) values (%s, %s, %s)",
                (db.city_id, source, at),
            )
        await connection.execute(
            "delete from sign_in_failures where city_id = %s and at < %s", (db.city_id, keep)
        )


async def forget_failures(db: Database, source: str) -> None:
    """After a success."""
    await db.run(
        "delete from sign_in_failures where city_id = %s and source = %s", (db.city_id, source)
    )


async def open_session(log: Log, digest: bytes, operator_id: str, expires_at: datetime) -> None:
    """Inside a write."""
    await log.execute(
        "insert into sessions (city_id, digest, operator_id, created_at, seen_at, expires_at) "
        "values (%s, %s, %s, %s, %s, %s)",
        (log.city_id, digest, operator_id, log.now, log.now, expires_at),
    )
    await log.execute(
        "delete from sessions where city_id = %s and expires_at < %s", (log.city_id, log.now)
    )


async def end_session(log: Log, digest: bytes) -> None:
    """Inside a write."""
    await log.execute(
        "delete from sessions where city_id = %s and digest = %s", (log.city_id, digest)
    )


async def session_account(db: Database, digest: bytes, now: datetime) -> Account | None:
    """Whose session this is, if it has not expired and the account is active."""
    record = await db.one(
        "select a.operator_id, a.username, a.name, a.password, a.roles, a.agency_id, a.unit_id, "
        "a.active, a.languages from sessions s join accounts a using (city_id, operator_id) "
        "where s.city_id = %s and s.digest = %s and s.expires_at > %s and a.active",
        (db.city_id, digest, now),
    )
    return _account(record) if record else None


async def keep_draft(
    db: Database, operator_id: str, key: str, body: dict[str, Any], at: datetime
) -> None:
    """What an operator has typed and not sent."""
    await db.run(
        "insert into drafts (city_id, operator_id, key, body, at) values (%s, %s, %s, %s, %s) "
        "on conflict (city_id, operator_id, key) do update set body = excluded.body, "
        "at = excluded.at where drafts.at <= excluded.at",
        (db.city_id, operator_id, key, Jsonb(body), at),
    )


async def drafts(db: Database, operator_id: str) -> dict[str, dict[str, Any]]:
    """Everything an operator has typed and not sent, by key."""
    records = await db.all(
        "select key, body from drafts where city_id = %s and operator_id = %s",
        (db.city_id, operator_id),
    )
    return dict(records)


async def drop_draft(db: Database, operator_id: str, key: str) -> None:
    """It was sent, or thrown away."""
    await db.run(
        "delete from drafts where city_id = %s and operator_id = %s and key = %s",
        (db.city_id, operator_id, key),
    )
