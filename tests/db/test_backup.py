"""A backup that was never brought back is none: both ways of docs/operations.md, to the proof."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

import tahuri.calls.views
from tahuri.calls.events import CallArrived, CallEnded
from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.jobs import apply_schema
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.verify import verify

VIEWS = tahuri.calls.views.VIEWS
ENDED = CallEnded(outcome="answered", by="caller")


async def told(database: Database) -> None:
    """A call with a number, from its beginning to its end."""
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(database, VIEWS, write) as log:
        caller = log.personal("caller", {"number": "+620000000001"})
        arrived = CallArrived(trunk="telkom", number_status="present", caller=caller)
        await log.append(StreamId("call", "C1"), [arrived, ENDED])


async def proved(url: str, city_id: str) -> int:
    """The last seq of the log there, which is whole; a further fact goes behind it."""
    database = Database(url, city_id)
    await database.open()
    try:
        verdict = await verify(database, VIEWS)
        assert verdict.fault is None
        await told(database)
        assert (await verify(database, VIEWS)).fault is None
    finally:
        await database.close()
    return verdict.seq


def run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_a_dump_of_a_given_database_is_brought_back(
    postgres: EmbeddedPostgres, database: Database, tmp_path: Path
) -> None:
    """Given ``pg_dump`` by a superuser; when it is restored into a new database of the same owner;
    then the log there is proved and goes on.  The owner's own dump is refused by PostgreSQL."""
    await apply_schema(database.url)
    await told(database)
    name = str(psycopg.conninfo.conninfo_to_dict(database.url)["dbname"])
    file, again = str(tmp_path / "tahuri.dump"), f"t{new_id().lower()}"
    server = ("-h", str(postgres.sockets), "-U", "postgres")
    run(str(postgres.bin / "pg_dump"), *server, "-Fc", "-f", file, name)
    run(str(postgres.bin / "createdb"), *server, "-O", "tahuri", again)
    run(str(postgres.bin / "pg_restore"), *server, "-d", again, file)
    try:
        assert await proved(database.url.replace(name, again), database.city_id) == 2
    finally:
        run(str(postgres.bin / "dropdb"), *server, "--force", again)
    owner = ("-h", str(postgres.sockets), "-U", "tahuri")
    with pytest.raises(AssertionError, match="row-level security"):
        run(str(postgres.bin / "pg_dump"), *owner, "-Fc", "-f", file, name)


@contextmanager
def started(server: EmbeddedPostgres) -> Iterator[None]:
    """The cluster runs; stopped in order at the end."""
    server.prepare(lambda _: None)
    process = subprocess.Popen(
        server.command(),
        user=server.owner,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder through which PostgreSQL's own user may pass."""
    with tempfile.TemporaryDirectory(prefix="tahuri-backup-") as made:
        yield Path(made)


async def test_a_copy_of_our_own_cluster_is_put_in_its_place(
    postgres: EmbeddedPostgres, database: Database, place: Path
) -> None:
    """Given ``pg_basebackup`` while facts come; when the folder takes the place of ``postgres`` in
    a data folder; then the log is proved and goes on."""
    await told(database)
    folder = DataFolder(place)
    folder.make()
    sockets = ("-h", str(postgres.sockets), "-U", "postgres")
    copy = ("-D", str(folder.postgres), "--checkpoint=fast")
    run(str(postgres.bin / "pg_basebackup"), *sockets, *copy)
    server = EmbeddedPostgres(folder)
    if server.owner is not None:
        run("chown", "-R", server.owner, str(server.cluster))
    with started(server):
        await server.ready()
        url = database.url.replace(str(postgres.sockets), str(server.sockets))
        assert await proved(url, database.city_id) == 2
