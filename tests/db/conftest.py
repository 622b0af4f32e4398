"""A real PostgreSQL for the session, a fresh migrated database for each test."""

import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from room import VIEWS, Room, room_for

from tahuri.city.pack import load_pack, pack_folder
from tahuri.city.records import CityPack
from tahuri.host.folder import DataFolder
from tahuri.host.postgres import ROLE, EmbeddedPostgres
from tahuri.kernel.db import Database, migrate
from tahuri.kernel.mint import new_id
from tahuri.kernel.verify import verify

CITY = "81.71"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of our own on a socket in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="tahuri-pg-") as place:
        folder = DataFolder(Path(place))
        folder.make()
        server = EmbeddedPostgres(folder)
        server.prepare(lambda _: None)
        process = subprocess.Popen(
            [*server.command(), "-c", "fsync=off"],
            user=server.owner,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            import asyncio

            asyncio.run(server.ready())
            yield server
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A fresh database with the whole schema, open for one city."""
    name = f"t{new_id().lower()}"
    admin = f"postgresql://postgres@/postgres?host={postgres.sockets}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} owner {}").format(
                sql.Identifier(name), sql.Identifier(ROLE)
            )
        )
    url = f"postgresql://{ROLE}@/{name}?host={postgres.sockets}"
    await migrate(url, CITY, "Kota Ambon", lambda _: None)
    opened = Database(url, CITY)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(
                sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
            )


@pytest.fixture(scope="session")
def pack() -> CityPack:
    """The city pack of Ambon."""
    return load_pack(pack_folder("ambon"))


@pytest.fixture
async def room(database: Database, pack: CityPack) -> AsyncIterator[Room]:
    """A dispatch room whose log is proved after every test."""
    made = await room_for(database, pack)
    async with made.client:
        yield made
    verdict = await verify(database, VIEWS)
    assert verdict.fault is None
