"""The database of a centre for a command: the running one, or one started for the moment."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from tahuri.centre import Centre
from tahuri.host.given import fault_of
from tahuri.host.postgres import EmbeddedPostgres
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.jobs import apply_schema
from tahuri.kernel.refusal import Unavailable
from tahuri.settings import Settings, SettingsError

STOP_S = 30.0


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, say: Callable[[str], None], *, make: bool = False
) -> AsyncIterator[Database]:
    """The city's database, with its schema up to date.

    Args:
        make: whether a database is made in a data folder that has none.

    Raises:
        Unavailable: it can be neither reached nor started, or there is none.
    """
    centre = await asyncio.to_thread(Centre.load, settings)
    if settings.database_url is not None:
        fault = await fault_of(settings.database_url)
        if fault is not None:
            raise SettingsError([f"database_url: {fault}"])
    elif not make and not EmbeddedPostgres(centre.folder).made:
        raise Unavailable("database", f"no centre was ever started in {centre.folder.root}")
    centre.folder.make()
    async with _server(centre, say):
        city = centre.pack.city
        await migrate(centre.database_url, city.code, city.name, say)
        await apply_schema(centre.database_url)
        database = Database(centre.database_url, city.code)
        await database.open()
        try:
            yield database
        finally:
            await database.close()


@contextlib.asynccontextmanager
async def _server(centre: Centre, say: Callable[[str], None]) -> AsyncIterator[None]:
    if centre.settings.database_url is not None:
        yield
        return
    server = EmbeddedPostgres(centre.folder)
    server.forget_dead()
    if (server.cluster / "postmaster.pid").exists():
        yield
        return
    server.prepare(say)
    with (Path(centre.folder.log) / "postgres.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *server.command(), user=server.owner, cwd="/", stdout=output, stderr=output
        )
    try:
        await server.ready()
        yield
    finally:
        process.terminate()
        async with asyncio.timeout(STOP_S):
            await process.wait()
