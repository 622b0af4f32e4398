"""A database that is given: whether it will do."""

from psycopg import AsyncConnection, Error, OperationalError

CONNECT_S = 5
VERSION_MIN = 150_000


async def fault_of(url: str) -> str | None:
    """What is wrong with it, and what to do; None if nothing is.  Asks for about ``CONNECT_S``."""
    try:
        connection = await AsyncConnection.connect(url, connect_timeout=CONNECT_S)
    except Error as error:
        return f"cannot be reached: {str(error).strip()}"
    try:
        async with connection:
            return await _fault_at(connection)
    except OperationalError as error:
        return f"went away: {str(error).strip()}"


async def _fault_at(connection: AsyncConnection) -> str | None:
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
        return f"version {version // 10_000}: PostgreSQL {wanted} or later is needed"
    if passes_by:
        return "the role passes row-level security: give a role that is not superuser"
    if encoding != "UTF8":
        return f"its encoding is {encoding}: make it with encoding 'UTF8'"
    if not may_create:
        return "the role may not make tables: make it the owner of the database"
    if only_reads:
        return "it takes no writes: a standby, or set to read only"
    return None
