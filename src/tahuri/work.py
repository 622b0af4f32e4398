"""``tahuri work``: deadlines that have come and jobs that may wait."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
from procrastinate import exceptions

import tahuri.calls.recordings
import tahuri.dispatch.deadlines
from tahuri.app import VIEWS
from tahuri.centre import Centre
from tahuri.host.logs import configure_logs
from tahuri.kernel import deadlines
from tahuri.kernel.db import Database
from tahuri.kernel.jobs import job_app
from tahuri.settings import Settings

AGAIN_S = 2.0
POOL_MAX = 4

DEADLINES: Mapping[str, deadlines.Handler] = {**tahuri.dispatch.deadlines.DEADLINES}

log = structlog.get_logger()


async def for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs again what ended because the database went away."""
    while True:
        try:
            await run()
        except (exceptions.ProcrastinateException, OSError):
            log.warning("waits for the database", part=name)
        await asyncio.sleep(AGAIN_S)


async def run(settings: Settings) -> None:
    """Works until it is told to stop."""
    centre = Centre.load(settings)
    database = Database(centre.database_url, centre.pack.city.code, pool_max=POOL_MAX)
    await database.open()
    jobs = job_app(
        centre.database_url,
        tahuri.calls.recordings.jobs(database, VIEWS, centre.folder.recordings),
    )

    async def worker() -> None:
        async with jobs.open_async():
            await jobs.run_worker_async(install_signal_handlers=False)

    async with asyncio.TaskGroup() as group:
        group.create_task(deadlines.run(database, VIEWS, DEADLINES))
        group.create_task(for_ever("jobs", worker))


def main(argv: Sequence[str]) -> int:
    """``python -m tahuri.work --settings FILE``."""
    parser = argparse.ArgumentParser(prog="tahuri work")
    parser.add_argument("--settings", type=Path, required=True)
    settings = msgspec.json.decode(parser.parse_args(argv).settings.read_bytes(), type=Settings)
    configure_logs()
    asyncio.run(run(settings))
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
