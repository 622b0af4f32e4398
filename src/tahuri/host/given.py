"""A database that is given: whether it will do, and if not, whether waiting may help."""

import asyncio
from dataclasses import dataclass

from psycopg import AsyncConnection, OperationalError
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

CONNECT_S = 5
VERSION_MIN = 150_000
FULL = ("too many", "connection slots")
"""In what PostgreSQL says when it has no connection free."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with a database, and what to do."""

    text: str
    passing: bool = False
    """Whether it may be over by itself: the server is away, starts, is full, or is a standby."""

    def __str__(self) -> str:
        return self.text


async def fault_of(url: str) -> Fault | None:
    """What is wrong with it; None if nothing is.  Asks for at most a few times ``CONNECT_S``."""
    fault = await _fault_of(url)
    if fault is not None and not fault.passing:
        fault = await _fault_of(url)  # it may just have come up when it was asked whether it is
    return fault


async def _fault_of(url: str) -> Fault | None:
    try:
        connection = await AsyncConnection.connect(url, connect_timeout=CONNECT_S)
    except OperationalError as error:
        return Fault(f"cannot be reached: {str(error).strip()}", await _passing(url, str(error)))
    try:
        async with connection:
            return await _fault_at(connection)
    except OperationalError as error:
        return Fault(f"went away: {str(error).strip()}", passing=True)


async def _passing(url: str, said: str) -> bool:
    """Whether a connection that failed may succeed later.

    A server that is up and says no says so again: wrong password, no such database.  What it says
    is in its own language, so it is asked whether it is up instead.
    """
    asked = make_conninfo(url, connect_timeout=CONNECT_S).encode()
    match await asyncio.to_thread(PGconn.ping, asked):
        case Ping.OK:
            return any(words in said for words in FULL)
        case Ping.NO_ATTEMPT:
            return False  # the address itself is wrong
        case _:
            return True


async def _fault_at(connection: AsyncConnection) -> Fault | None:
    cursor = await connection.execute(
        "select current_setting('server_version_num')::int, rolsuper or rolbypassrls, "
        "current_setting('server_encoding'), "
        "has_schema_privilege(current_schema(), 'create'), "
        "current_setting('transaction_read_only')::bool "
        "from pg_roles where rolname = current_user"
    )
    record = await cursor.fetchone()
    assert record is not None
    version, passes_by, encoding, may_create, only_reads = record
    if version < VERSION_MIN:
        wanted = VERSION_MIN // 10_000
        return Fault(f"version {version // 10_000}: PostgreSQL {wanted} or later is needed")
    if passes_by:
        return Fault("the role passes row-level security: give a role that is not superuser")
    if encoding != "UTF8":
        return Fault(f"its encoding is {encoding}: make it with encoding 'UTF8'")
    if not may_create:
        return Fault("the role may not make tables: make it the owner of the database")
    if only_reads:
        return Fault("it takes no writes: a standby, or set to read only", passing=True)
    return None
