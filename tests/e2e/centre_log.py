"""The log of a running demo centre, for what no test can wait for."""

import contextlib
from collections.abc import AsyncIterator

from demo import DemoCentre
from tahuri.app import VIEWS
from tahuri.host.folder import DataFolder
from tahuri.host.postgres import EmbeddedPostgres
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import StreamId
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.watch.decider import FINDING, Mend, Report

CITY = "81.71"


@contextlib.asynccontextmanager
async def opened_log(centre: DemoCentre) -> AsyncIterator[Database]:
    """The centre's database, beside its own processes."""
    database = Database(EmbeddedPostgres(DataFolder(centre.data)).url, CITY)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def tell_of_finding(database: Database, key: str, command: Report | Mend) -> None:
    """What the watch would write after its minute and a half."""
    stream = StreamId("finding", key)
    write = Writing(actor="work", command=new_id(), now=clock.now())
    async with writing(database, VIEWS, write) as log:
        await log.append(stream, FINDING.decide(command, FINDING.state(await log.read(stream))))


async def end_patience(database: Database, callback_id: str) -> None:
    """Nobody has called this caller back in time: the deadline is now."""
    await database.run(
        "update deadlines set due_at = now() where city_id = %s and key = %s",
        (database.city_id, f"callback/{callback_id}"),
    )
