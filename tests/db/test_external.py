"""A database that is not ours is looked at before it is used, and what is wrong is said."""

import psycopg
import pytest
from psycopg import sql

from tahuri.host.postgres import ROLE, EmbeddedPostgres, fault_of
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.refusal import Unavailable


def by(postgres: EmbeddedPostgres, role: str, database: str) -> str:
    """An address of the test server."""
    return f"postgresql://{role}@/{database}?host={postgres.sockets}"


async def test_an_owner_that_is_not_superuser_will_do(database: Database) -> None:
    """The common case: a database made for the centre, owned by its role."""
    assert await fault_of(database.url) is None


async def test_a_superuser_is_refused(postgres: EmbeddedPostgres) -> None:
    """It passes row-level security by: one city could read another's calls."""
    fault = await fault_of(by(postgres, "postgres", "postgres"))
    assert fault is not None
    assert "superuser" in fault


async def test_a_role_that_may_not_make_tables_is_refused(postgres: EmbeddedPostgres) -> None:
    """Said at start, not as a traceback in the middle of a migration."""
    fault = await fault_of(by(postgres, ROLE, "postgres"))
    assert fault is not None
    assert "owner" in fault


async def test_a_server_that_does_not_answer_is_named(postgres: EmbeddedPostgres) -> None:
    """A wrong password or address must not look like a bug of ours."""
    fault = await fault_of(by(postgres, "nobody", "postgres"))
    assert fault is not None
    assert fault.startswith("cannot be reached: ")


async def test_another_encoding_is_refused(postgres: EmbeddedPostgres) -> None:
    """A name that cannot be stored would lose the report that holds it."""
    with psycopg.connect(by(postgres, "postgres", "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database latin owner {} encoding 'LATIN1' template template0").format(
                sql.Identifier(ROLE)
            )
        )
    fault = await fault_of(by(postgres, ROLE, "latin"))
    assert fault is not None
    assert "UTF8" in fault


async def test_a_schema_of_a_later_version_is_left_alone(database: Database) -> None:
    """After going back to an old version, it must not write what the new one cannot read."""
    await database.run("insert into schema_versions (number, name) values (9999, '9999_later.sql')")
    with pytest.raises(Unavailable, match="9999_later"):
        await migrate(database.url, database.city_id, "Kota Ambon", lambda _: None)
