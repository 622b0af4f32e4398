"""Work that may wait: deferred in the write that asks for it, done by ``tahuri work``."""

from collections.abc import Awaitable, Callable, Mapping

import procrastinate
from procrastinate import exceptions
from psycopg import OperationalError

from tahuri.kernel.log import Log
from tahuri.kernel.refusal import Unavailable

ATTEMPTS_MAX = 8
WAIT_S = 2
"""Grows with the square of the attempts: a job that fails all is tried over about five minutes."""

QUEUE = "default"
Job = Callable[..., Awaitable[None]]


def job_app(url: str, jobs: Mapping[str, Job]) -> procrastinate.App:
    """The queue in our own database, and who does which job."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, max_size=4))
    retry = procrastinate.RetryStrategy(max_attempts=ATTEMPTS_MAX, exponential_wait=WAIT_S)
    for name, job in jobs.items():
        app.task(name=name, retry=retry)(job)
    return app


_deferring = procrastinate.App(connector=procrastinate.PsycopgConnector())


async def defer(log: Log, name: str, queue: str = QUEUE, **arguments: str | float | None) -> None:
    """Asks for a job inside a write: it is done only if recorded, by who works on the queue.

    Raises:
        Unavailable: the database went away, or a lock was not free in time.
    """
    task = _deferring.configure_task(
        name, allow_unknown=True, connection=log.connection, queue=queue
    )
    try:
        await task.defer_async(**arguments)
    except exceptions.ConnectorException as error:
        if isinstance(error.__cause__, OperationalError):
            raise Unavailable("database", str(error.__cause__)) from error
        raise


async def apply_schema(url: str) -> None:
    """Makes the queue's tables where they are missing.

    Raises:
        Unavailable: the database cannot be reached.
    """
    app = job_app(url, {})
    try:
        async with app.open_async():
            if not await app.check_connection_async():
                await app.schema_manager.apply_schema_async()
    except exceptions.ConnectorException as error:
        raise Unavailable("database", str(error)) from error
