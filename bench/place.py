"""A PostgreSQL of our own for measurements, with durable commits as in production."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.jobs import apply_schema

CITY = "81.71"


@contextlib.asynccontextmanager
async def database(pool_max: int = 12) -> AsyncIterator[Database]:
    """A fresh database, migrated, open for one city; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tahuri-bench-") as place:
        folder = DataFolder(Path(place))
        folder.make()
        server = EmbeddedPostgres(folder)
        server.prepare(lambda _: None)
        process = await asyncio.create_subprocess_exec(
            *server.command(),
            user=server.owner,
            cwd="/",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await server.ready()
            await migrate(server.url, CITY, "Kota Ambon", lambda _: None)
            await apply_schema(server.url)
            opened = Database(server.url, CITY, pool_max=pool_max)
            await opened.open()
            try:
                yield opened
            finally:
                await opened.close()
        finally:
            process.send_signal(signal.SIGINT)  # fast: does not wait for clients
            await process.wait()
