"""``tahuri work``: deadlines that have come and jobs that may wait."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
from procrastinate import App, exceptions

import tahuri.callbacks.deadlines
import tahuri.callbacks.messages
import tahuri.calls.recordings
import tahuri.dispatch.deadlines
import tahuri.noise.deadlines
from tahuri.app import VIEWS
from tahuri.calls.nodes import queue_of
from tahuri.centre import Centre
from tahuri.host.logs import configure_logs
from tahuri.kernel import clock, deadlines
from tahuri.kernel.db import Database
from tahuri.kernel.jobs import QUEUE, job_app
from tahuri.kernel.refusal import Unavailable
from tahuri.kernel.view import View
from tahuri.settings import Settings
from tahuri.watchman import watch

AGAIN_S = 2.0
POLL_S = 0.5
SPACING_S = 0.2
"""Between overdue deadlines after an outage: they come one by one, never in a burst."""
POOL_MAX = 4
STALLED_S = 60.0
"""A worker tells every 10 s that it is there; after so long its jobs are another's."""

DEADLINES: Mapping[str, deadlines.Handler] = {
    **tahuri.dispatch.deadlines.DEADLINES,
    **tahuri.callbacks.deadlines.DEADLINES,
    **tahuri.noise.deadlines.DEADLINES,
}

log = structlog.get_logger()


async def keep_deadlines(
    db: Database, views: Sequence[View], handlers: Mapping[str, deadlines.Handler]
) -> None:
    """Carries out deadlines for ever."""
    waits = deadlines.Waits()
    while True:
        try:
            pending = await deadlines.due(db)
            for found in waits.over(pending, clock.now(), clock.monotonic_s()):
                if found[1] not in handlers:
                    log.error("deadline of unknown kind", kind=found[1], key=found[0])
                    continue
                try:
                    await deadlines.carry_out(db, views, handlers, found)
                except Unavailable:
                    raise
                except Exception:  # the others must not wait for one that fails
                    log.exception("a deadline failed", kind=found[1], key=found[0])
                await asyncio.sleep(SPACING_S)
        except Unavailable:
            log.warning("deadlines wait for the database")
        except Exception:
            log.exception("deadlines cannot be read")
        await asyncio.sleep(POLL_S)


async def for_ever(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs again what ended because the database went away."""
    while True:
        try:
            await run()
        except (exceptions.ProcrastinateException, OSError):
            log.warning("waits for the database", part=name)
        await asyncio.sleep(AGAIN_S)


async def carry_out(jobs: App, queues: Sequence[str], *, wait: bool = True) -> None:
    """Does jobs, and keeps no row of those that are done: what they did is in the log.

    Args:
        wait: for ever for more of them; else until none is left.
    """
    await jobs.run_worker_async(
        queues=queues, wait=wait, delete_jobs="successful", install_signal_handlers=False
    )


async def take_up(jobs: App, queues: Sequence[str]) -> None:
    """Gives jobs back, for ever, that a killed worker had begun: else nobody would end them."""
    while True:
        try:
            await give_back(jobs, queues)
        except exceptions.ProcrastinateException:
            log.warning("waits for the database", part="jobs that were begun")
        await asyncio.sleep(STALLED_S / 2)


async def give_back(jobs: App, queues: Sequence[str]) -> None:
    """Jobs whose worker is not heard of any more are to be done again."""
    for queue in queues:
        for job in await jobs.job_manager.get_stalled_jobs(
            queue=queue, seconds_since_heartbeat=STALLED_S
        ):
            log.warning("a job was begun and not ended; it is done again", job=job.task_name)
            await jobs.job_manager.retry_job(job)


async def run(settings: Settings) -> None:
    """Works until it is told to stop."""
    centre = Centre.load(settings)
    database = Database(centre.database_url, centre.pack.city.code, pool_max=POOL_MAX)
    await database.open()
    messages = tahuri.callbacks.messages
    gateway = messages.gateway_of(settings.message_file, settings.message_url, centre.folder.root)
    city = centre.pack.city
    wording = messages.Wording(city.number, city.name)
    jobs = job_app(
        centre.database_url,
        {
            **tahuri.calls.recordings.jobs(database, VIEWS, centre.folder.recordings),
            **messages.jobs(database, VIEWS, gateway, wording, centre.caller_pages),
        },
    )

    queues = sorted({QUEUE, queue_of(settings.node)})

    async def worker() -> None:
        async with jobs.open_async():
            taking = asyncio.create_task(take_up(jobs, queues))
            try:
                await carry_out(jobs, queues)
            finally:
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)

    async with asyncio.TaskGroup() as group:
        group.create_task(keep_deadlines(database, VIEWS, DEADLINES))
        group.create_task(for_ever("jobs", worker))
        group.create_task(watch(centre, database, VIEWS))


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
