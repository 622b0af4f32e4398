"""Jobs that wait in the database are done once, also when ``work`` is killed over them."""

from procrastinate import App

from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.jobs import QUEUE, apply_schema, defer, job_app
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.work import STALLED_S, carry_out, give_back

NAME = "tests.job"


async def begun(database: Database, heard_s_ago: float, worker: bool = True) -> None:
    """A job that a worker has begun which was last heard of so long ago."""
    write = Writing(actor="work", command=new_id(), now=clock.now())
    async with writing(database, (), write) as log:
        await defer(log, NAME, callback_id="C1")
    await database.run(
        "with one as (insert into procrastinate_workers (last_heartbeat) "
        "values (now() - make_interval(secs => %s)) returning id) "
        "update procrastinate_jobs set status = 'doing', worker_id = (select id from one)",
        (heard_s_ago,),
    )
    if not worker:
        await database.run("delete from procrastinate_workers")


async def worked(database: Database) -> list[str]:
    """Whom jobs were done for that wait after those were given back that nobody does."""
    done: list[str] = []

    async def job(callback_id: str) -> None:
        done.append(callback_id)

    app: App = job_app(database.url, {NAME: job})
    async with app.open_async():
        await give_back(app, [QUEUE])
        await carry_out(app, [QUEUE], wait=False)
    return done


async def test_a_job_that_a_killed_worker_had_begun_is_done_by_the_next(database: Database) -> None:
    """Given ``kill -9`` while a message to a lost caller was handed over; then it is not forgotten,
    whether the worker's row is still there or was swept away."""
    await apply_schema(database.url)
    await begun(database, STALLED_S + 1)
    assert await worked(database) == ["C1"]
    await begun(database, 0, worker=False)
    assert await worked(database) == ["C1"]


async def test_a_job_that_somebody_is_doing_is_left_to_them(database: Database) -> None:
    """Given a worker that was heard of a moment ago; then nobody does its job a second time."""
    await apply_schema(database.url)
    await begun(database, STALLED_S / 2)
    assert await worked(database) == []


async def test_a_job_that_is_done_leaves_no_row_and_one_that_failed_stays(
    database: Database,
) -> None:
    """Given a job for each recording of each call; then the queue does not grow by years of them,
    and what could not be done can be looked at."""
    await apply_schema(database.url)
    write = Writing(actor="work", command=new_id(), now=clock.now())
    async with writing(database, (), write) as log:
        await defer(log, NAME, callback_id="C1")
        await defer(log, NAME, callback_id="C2")

    async def job(callback_id: str) -> None:
        if callback_id == "C2":
            raise OSError

    app = job_app(database.url, {NAME: job})
    async with app.open_async():
        await carry_out(app, [QUEUE], wait=False)
    left = await database.all("select args ->> 'callback_id' from procrastinate_jobs")
    assert left == [("C2",)]
    events = await database.all("select distinct job_id from procrastinate_events")
    assert len(events) == 1
