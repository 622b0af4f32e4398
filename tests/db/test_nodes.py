"""Recordings of several nodes: each is looked after where its file is, and heard from anywhere."""

import asyncio
import contextlib
import io
import json
import socket
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from msgspec.structs import replace
from room import PEOPLE
from starlette.applications import Starlette
from starlette.requests import Request
from watched import PRANK, TALK_S, Place, held

from tahuri.app import SLICES, VIEWS, centre_routes
from tahuri.calls import nodes
from tahuri.calls.events import CallArrived, CallEnded, RecordingClosed, RecordingStarted
from tahuri.calls.export import MANIFEST, zip_faults
from tahuri.calls.switchboard import Switchboard, take_over
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.http import EXCEPTION_HANDLERS, SignedOn
from tahuri.kernel.ids import RecordingId
from tahuri.kernel.jobs import apply_schema
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.telephony.protocol.facts import Fact
from tahuri.watchman import Watchman

OLD = timedelta(days=100)


async def reader(request: Request) -> SignedOn | None:
    """By cookie, which is what one node passes on to the other."""
    return PEOPLE.get(request.cookies.get("who", ""))


class NodePlace(Place):
    """One node: its own folder and its own watch over the common log."""

    def __init__(self, database: Database, pack: CityPack, folder: Path, name: str) -> None:
        super().__init__(database, pack, folder)
        self.name = name
        self.settings = replace(self.settings, node=name)
        self.centre = replace_settings(self.centre, self.settings)
        self.watchman = Watchman(self.centre, database, VIEWS, self.ask, grace_s=0)
        self.url = ""

    async def recorded(self, age: timedelta, *more: Any) -> tuple[str, Path]:
        """A recorded call that came to this node."""
        call_id, file = await self.call(age, *more)
        arrived = CallArrived(trunk="telco", number_status="none", node=self.name)
        await self.write(f"call/{call_id}", arrived, at=clock.now() - age)
        return call_id, file

    def app(self) -> Starlette:
        """The pages' requests at this node, without a switch."""
        routes = [one for slice_ in (*SLICES, centre_routes) for one in slice_.starlette()]
        app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
        state = app.state
        state.db, state.views, state.session_reader = self.database, VIEWS, reader
        state.recordings, state.run = self.recordings, self.centre.folder.run
        state.settings, state.pack = self.settings, self.centre.pack
        state.switchboard = Switchboard(str(self.recordings / "no.sock"), self.database, VIEWS)
        return app

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Its pages on a port of their own, and the other nodes told where."""
        taken = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(self.app(), log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve([taken]))
        self.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        await nodes.tell(self.database, self.name, self.url, None, clock.now())
        try:
            yield
        finally:
            server.should_exit = True
            await task


def replace_settings(centre: Any, settings: Any) -> Any:
    """The same centre with other settings."""
    return type(centre)(settings, centre.folder, centre.pack)


@pytest.fixture
def pair(database: Database, pack: CityPack, tmp_path: Path) -> tuple[NodePlace, NodePlace]:
    made = [NodePlace(database, pack, tmp_path / name, name) for name in ("A", "B")]
    return made[0], made[1]


@contextlib.asynccontextmanager
async def asking(node: NodePlace, who: str = "chief") -> AsyncIterator[httpx.AsyncClient]:
    """Somebody's browser at the pages of a node."""
    transport = httpx.ASGITransport(node.app())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://room", cookies={"who": who}
    ) as client:
        yield client


async def test_each_node_looks_after_its_own_recordings(
    pair: tuple[NodePlace, NodePlace],
) -> None:
    """A file that lies at the other node is neither missing nor to be erased here.

    Given a recorded call at each node; then neither watch finds anything; when one is altered, then
    its node alone finds it, and the other node's look does not close that.
    """
    one, two = pair
    call_id, file = await one.recorded(timedelta(minutes=10))
    other, _ = await two.recorded(timedelta(minutes=20))
    assert await one.open() == set()
    assert await two.open() == set()
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    about = str(file.relative_to(one.recordings))
    assert await one.open() == {("recording-altered", about)}
    assert await two.open() == {("recording-altered", about)}
    assert (await one.row(call_id))["recording"]["intact"] is False
    assert (await one.row(other))["recording"]["intact"] is not False


async def test_a_live_call_of_the_other_node_is_not_missing_here(
    pair: tuple[NodePlace, NodePlace],
) -> None:
    """Given a call without an end at one node, which its switch has; then neither node finds it."""
    one, two = pair
    call_id = new_id()
    await one.write(f"call/{call_id}", CallArrived(trunk="t", number_status="none", node=one.name))
    one.inventory, two.inventory = held(call_id), held()
    assert await one.open() == set()
    assert await two.open() == set()
    one.inventory = held()
    assert await one.open() == {("call-without-end", call_id)}
    await two.open()
    assert await one.open() == {("call-without-end", call_id)}


async def test_copying_and_erasing_happen_where_the_file_is(
    pair: tuple[NodePlace, NodePlace],
) -> None:
    """An erased recording must not stay on the other node's disk, nor be called erased there."""
    one, two = pair
    call_id, file = await one.recorded(OLD, PRANK)
    for node in pair:
        node.copy.mkdir()
    await two.watchman.keeper.copy()
    assert two.watchman.kept.copying is not None
    assert two.watchman.kept.copying.waiting == 0
    await one.watchman.keeper.copy()
    assert (one.copy / file.relative_to(one.recordings)).is_file()
    await two.watchman.keeper.erase()
    assert (await one.row(call_id))["recording"]["state"] == "closed"
    await one.watchman.keeper.erase()
    assert (await one.row(call_id))["recording"]["state"] == "erased"
    assert not file.exists()


async def test_a_closed_recording_is_checked_by_the_node_that_has_it(
    pair: tuple[NodePlace, NodePlace],
) -> None:
    """Given the fact of a closed recording of node A; then its check waits for A's worker alone."""
    one, _ = pair
    await apply_schema(one.database.url)
    call_id, recording = new_id(), RecordingId(new_id())
    await one.write(
        f"call/{call_id}",
        CallArrived(trunk="t", number_status="none", node="A"),
        RecordingStarted(recording_id=recording, path="2026/11/26/x.wav"),
        CallEnded(outcome="abandoned", by="caller"),
    )
    body = {"recording_id": recording, "sha256": "0" * 64, "duration_s": TALK_S, "bytes": 44}
    fact = Fact(
        id=new_id(), at=clock.now(), stream=f"call/{call_id}",
        type=RecordingClosed.__struct_config__.tag,  # type: ignore[arg-type]
        body=body, personal={}, actor="switch",
    )  # fmt: skip
    write = Writing(actor="switch", command=fact.id, now=clock.now())
    async with writing(one.database, VIEWS, write) as log:
        await take_over(log, fact)
    record = await one.database.one(
        "select queue_name from procrastinate_jobs where args ->> 'recording_id' = %s", (recording,)
    )
    assert record == ("node-A",)


async def test_a_recording_of_another_node_is_heard_from_there(
    pair: tuple[NodePlace, NodePlace],
) -> None:
    """Who may hear it hears it, wherever they sit; who may not is refused; each play is a fact.

    Given a recording at A; when a supervisor at B plays it, whole and in part; then it comes from
    A; when A is away; then the refusal names it and nothing is lost.
    """
    one, two = pair
    call_id, file = await one.recorded(timedelta(minutes=10))
    path = f"/api/recordings/R{call_id}/audio"
    async with asking(two) as chief, asking(two, "taker") as taker:
        unknown = await chief.get(path)
        assert (unknown.status_code, unknown.json()["code"]) == (503, "recording-elsewhere")
        async with one.serving():
            whole = await chief.get(path)
            assert (whole.status_code, whole.content) == (200, file.read_bytes())
            part = await chief.get(path, headers={"range": "bytes=44-53"})
            assert (part.status_code, part.content) == (206, file.read_bytes()[44:54])
            assert (await taker.get(path)).status_code == 403
            away = file.rename(file.with_suffix(".away"))
            gone = await chief.get(path)
            assert gone.status_code == 503
            away.rename(file)
        silent = await chief.get(path)
    assert (silent.status_code, silent.json()["code"]) == (503, "recording-elsewhere")
    assert silent.json()["context"]["node"] == "A"
    played = await one.database.all(
        "select actor from facts where stream = %s and type = 'calls.recording-played'",
        (f"call/{call_id}",),
    )
    assert played == [("chief",)]


@pytest.mark.parametrize("there", [True, False])
async def test_an_export_brings_recordings_of_all_nodes_or_says_where_they_are(
    pair: tuple[NodePlace, NodePlace], there: bool
) -> None:
    """Evidence for the police is whole, or says what is lacking and where it lies."""
    one, two = pair
    far, _ = await one.recorded(timedelta(minutes=10))
    near, _ = await two.recorded(timedelta(minutes=20))
    now = clock.now()
    span = {"from": (now - timedelta(hours=1)).isoformat(), "until": now.isoformat()}
    async with contextlib.AsyncExitStack() as stack:
        await nodes.tell(one.database, "A", "http://127.0.0.1:9", None, now)
        if there:
            await stack.enter_async_context(one.serving())
        chief = await stack.enter_async_context(asking(two))
        answer = await chief.get("/api/recordings/export", params=span)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        listed = json.loads(archive.read(MANIFEST))["recordings"]
    faults = {entry["call_id"]: entry["fault"] for entry in listed}
    assert faults[near] is None
    assert faults[far] == (None if there else "is at node A, which does not answer")
    target = two.recordings / "x.zip"
    target.write_bytes(answer.content)
    assert (zip_faults(target) == []) is there
    target.unlink()
    assert list(two.recordings.glob(".*")) == []


@pytest.mark.parametrize(("age_s", "found"), [(10, False), (600, True)])
async def test_a_node_that_is_gone_is_found_with_what_only_it_has(
    pair: tuple[NodePlace, NodePlace], age_s: int, found: bool
) -> None:
    """Given a node that has a recording and a live call; when it is silent for long; then the other
    node's watch says so and how much is there; when it is back; then that is closed."""
    one, two = pair
    await one.recorded(timedelta(minutes=10))
    live = CallArrived(trunk="t", number_status="none", node="A")
    await one.write(f"call/{new_id()}", live)
    await nodes.tell(one.database, "A", None, None, clock.now() - timedelta(seconds=age_s))
    states = await told(two)
    assert (states == [("A", {"calls": 1, "recordings": 1}, "open")]) is found
    await one.watchman.tell_node()
    assert all(state == "closed" for _, _, state in await told(two))


async def told(node: NodePlace) -> list[tuple[str, dict[str, int], str]]:
    """Findings of silent nodes after a look."""
    await node.watchman.round()
    return await node.database.all(
        "select body ->> 'about', body -> 'numbers', body ->> 'state' from view_rows "
        "where view = 'finding' and body ->> 'code' = 'node-silent'"
    )


async def test_where_there_is_but_one_node_nothing_is_told_of_nodes(
    database: Database, pack: CityPack, tmp_path: Path
) -> None:
    """Given a centre without names of nodes; then its findings are named as ever."""
    place = Place(database, pack, tmp_path)
    _, file = await place.call()
    file.unlink()
    await place.watchman.round()
    record = await database.one("select key from view_rows where view = 'finding' limit 1")
    assert record is not None
    assert "@" not in record[0]
    assert await nodes.known(database) == []
