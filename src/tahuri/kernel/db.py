"""PostgreSQL: a pool that is bound to one city, and the schema's migrations in order."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

import msgspec
from psycopg import AsyncConnection, OperationalError, sql
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from tahuri.kernel.refusal import Unavailable

Connection = AsyncConnection[TupleRow]

POOL_MIN = 2
POOL_MAX = 12
CONNECT_TIMEOUT_S = 3.0
STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 2_000
"""Longest wait for the city's write lock; after it the command fails as unavailable."""
MIGRATION_LOCK = 8_171_112

set_json_dumps(msgspec.json.encode)
set_json_loads(msgspec.json.decode)


class Database:
    """A pool of connections that see one city only (row-level security)."""

    def __init__(self, url: str, city_id: str, *, pool_max: int = POOL_MAX) -> None:
        self.url = url
        self.city_id = city_id
        self.pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            min_size=POOL_MIN,
            max_size=pool_max,
            timeout=CONNECT_TIMEOUT_S,
            reconnect_timeout=10,
            max_lifetime=3600,
            configure=self._configure,
            check=AsyncConnectionPool.check_connection,
            kwargs={"connect_timeout": 3},
            open=False,
        )

    async def _configure(self, connection: Connection) -> None:
        await connection.execute(
            "select set_config('tahuri.city', %s, false), "
            "set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
            (self.city_id, str(STATEMENT_TIMEOUT_MS), str(LOCK_TIMEOUT_MS)),
        )
        await connection.commit()

    async def open(self) -> None:
        """Starts the pool; connections come as the server does."""
        await self.pool.open()

    async def close(self) -> None:
        """Closes every connection."""
        await self.pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed at the end, rolled back on an exception.

        Raises:
            Unavailable: the database cannot be reached or went away.
        """
        try:
            async with self.pool.connection() as connection:
                yield connection
        except (PoolTimeout, OperationalError) as error:
            raise Unavailable("database", str(error)) from error

    async def all(self, query: str, args: Sequence[Any] = ()) -> list[TupleRow]:
        """All rows of one query."""
        async with self.connection() as connection:
            cursor = await connection.execute(query.encode(), args)
            return await cursor.fetchall()

    async def one(self, query: str, args: Sequence[Any] = ()) -> TupleRow | None:
        """The first row of one query, or None."""
        async with self.connection() as connection:
            cursor = await connection.execute(query.encode(), args)
            return await cursor.fetchone()

    async def run(self, query: str, args: Sequence[Any] = ()) -> int:
        """Runs one statement; the number of rows it touched."""
        async with self.connection() as connection:
            return (await connection.execute(query.encode(), args)).rowcount


def schema_files() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration, in order.

    Raises:
        ValueError: numbers that are not 1, 2, 3 …
    """
    folder = resources.files("tahuri") / "schema"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    if [int(name[:4]) for name in names] != list(range(1, len(names) + 1)):
        raise ValueError(f"migrations are not numbered 1, 2, 3 …: {names}")
    return [(int(name[:4]), name, (folder / name).read_text()) for name in names]


async def migrate(url: str, city_id: str, city_name: str, say: Callable[[str], None]) -> None:
    """Brings the schema up to date and makes the city's row; safe to run at every start.

    One process at a time holds the lock; the others wait and find nothing to do.

    Raises:
        Unavailable: the database cannot be reached, or a later version has made its schema.
    """
    try:
        connection = await AsyncConnection.connect(url, autocommit=True, connect_timeout=10)
    except OperationalError as error:
        raise Unavailable("database", str(error)) from error
    async with connection:
        await connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        await connection.execute(
            "create table if not exists schema_versions "
            "(number integer primary key, name text not null, "
            "at timestamptz not null default now())"
        )
        cursor = await connection.execute("select number, name from schema_versions")
        done: dict[int, str] = dict(await cursor.fetchall())
        files = schema_files()
        later = [name for number, name in done.items() if number > len(files)]
        if later:
            text = f"of a later Tahuri ({max(later)}): update this one"
            raise Unavailable("schema", text)
        for number, name, text in files:
            if number in done:
                continue
            say(f"schema {name}")
            async with connection.transaction():
                await connection.execute(text.encode())
                await connection.execute(
                    "insert into schema_versions (number, name) values (%s, %s)", (number, name)
                )
        await connection.execute(
            sql.SQL("select set_config('tahuri.city', {}, false)").format(sql.Literal(city_id))
        )
        await connection.execute(
            "insert into cities (city_id, name) values (%s, %s) on conflict do nothing",
            (city_id, city_name),
        )
