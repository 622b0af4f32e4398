"""A database that is not ours is looked at before it is used, and what is wrong is said."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from ports import free_port
from tahuri.host.given import fault_of
from tahuri.host.postgres import ROLE, EmbeddedPostgres
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Unavailable


def by(postgres: EmbeddedPostgres, role: str, database: str) -> str:
    """An address of the test server."""
    return f"postgresql://{role}@/{database}?host={postgres.sockets}"


def administer(postgres: EmbeddedPostgres, statement: str, name: str) -> None:
    """What a city's administrator does; the name takes the place of {}."""
    with psycopg.connect(by(postgres, "postgres", "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


async def fault_at(url: str) -> str:
    """What is wrong there; something is."""
    fault = await fault_of(url)
    assert fault is not None
    return fault


async def test_an_owner_that_is_not_superuser_will_do(database: Database) -> None:
    """The common case: a database made for the centre, owned by its role."""
    assert await fault_of(database.url) is None


async def test_a_superuser_is_refused(postgres: EmbeddedPostgres) -> None:
    """It passes row-level security by: one city could read another's calls."""
    fault = await fault_at(by(postgres, "postgres", "postgres"))
    assert "superuser" in fault


async def test_a_role_that_may_not_make_tables_is_refused(postgres: EmbeddedPostgres) -> None:
    """Said at start, not as a traceback in the middle of a migration."""
    fault = await fault_at(by(postgres, ROLE, "postgres"))
    assert "owner" in fault


async def test_another_encoding_is_refused(postgres: EmbeddedPostgres) -> None:
    """A name that cannot be stored would lose the report that holds it."""
    with psycopg.connect(by(postgres, "postgres", "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database latin owner {} encoding 'LATIN1' template template0").format(
                sql.Identifier(ROLE)
            )
        )
    fault = await fault_at(by(postgres, ROLE, "latin"))
    assert "UTF8" in fault


@pytest.mark.parametrize(("role", "database"), [("nobody", "postgres"), (ROLE, "nowhere")])
async def test_a_role_or_a_database_that_is_not_there_is_said(
    postgres: EmbeddedPostgres, role: str, database: str
) -> None:
    """Given a server that is up and says no; then the engineer reads what it says."""
    fault = await fault_at(by(postgres, role, database))
    assert fault.startswith("cannot be reached: ")


@contextlib.contextmanager
def locked(postgres: EmbeddedPostgres, name: str) -> Iterator[str]:
    """A database to which a password is needed, which is "right"; its address without one."""
    rules = postgres.cluster / "pg_hba.conf"
    before = rules.read_text()
    owner = f"o{name}"
    administer(postgres, "create role {} login password 'right'", owner)
    administer(postgres, "create database {}", name)
    rules.write_text(f'local "{name}" all scram-sha-256\n{before}')
    try:
        administer(postgres, "select pg_reload_conf() as {}", "told")
        yield f"postgresql://{owner}:PASSWORD@/{name}?host={postgres.sockets}"
    finally:
        rules.write_text(before)
        administer(postgres, "select pg_reload_conf() as {}", "told")
        administer(postgres, "drop database {} with (force)", name)
        administer(postgres, "drop role {}", owner)


async def test_a_wrong_password_is_said(postgres: EmbeddedPostgres) -> None:
    """Given a password that the server does not know; then it is said at once."""
    with locked(postgres, f"t{new_id().lower()}") as url:
        async with asyncio.timeout(30):
            fault = await fault_at(url.replace("PASSWORD", "wrong"))
            while "password" not in fault:  # until the server has read its rules again
                fault = await fault_at(url.replace("PASSWORD", "wrong"))
        assert fault.startswith("cannot be reached: ")
        right = await fault_at(url.replace("PASSWORD", "right"))
        assert "owner of the database" in right


async def test_a_server_that_is_away_or_has_no_connection_free_or_only_reads_is_said(
    postgres: EmbeddedPostgres, database: Database, tmp_path: Path
) -> None:
    """Given a machine that is not up yet, a name server that is not, a limit that is reached, and a
    standby; then it is said what is waited for."""
    for away in (
        f"postgresql://{ROLE}@127.0.0.1:{free_port()}/tahuri",
        f"postgresql://{ROLE}@/tahuri?host={tmp_path}",
        f"postgresql://{ROLE}@database.invalid/tahuri",
    ):
        fault = await fault_at(away)
        assert fault.startswith("cannot be reached: ")
    name = str(psycopg.conninfo.conninfo_to_dict(database.url)["dbname"])
    administer(postgres, "alter database {} set default_transaction_read_only = on", name)
    fault = await fault_at(database.url)
    assert "takes no writes" in fault
    role = f"r{new_id().lower()}"
    administer(postgres, "create role {} login connection limit 0", role)
    full = await fault_at(by(postgres, role, name))
    assert "too many" in full
    administer(postgres, "drop role {}", role)


@pytest.mark.parametrize("url", ["postgresql://u@/x?sslmode=never", "host=/tmp sslmode=foo"])
async def test_an_address_that_can_never_be_right_is_said(url: str) -> None:
    """Given an address that no server could make right; then it says which part is wrong."""
    assert "sslmode" in await fault_at(url)


async def test_a_schema_of_a_later_version_is_left_alone(database: Database) -> None:
    """After going back to an old version, it must not write what the new one cannot read."""
    await database.run("insert into schema_versions (number, name) values (9999, '9999_later.sql')")
    with pytest.raises(Unavailable, match="9999_later"):
        await migrate(database.url, database.city_id, "Kota Ambon", lambda _: None)
