"""Two nodes with sound: a caller who waits at one is answered at a seat of the other."""

import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from centre import (
    ADDRESS,
    CALLER_HZ,
    SEAT_HZ,
    TONE_HZ,
    Centre,
    person,
    phone_seat,
    seated,
    until,
)


@pytest.fixture
async def nodes(tmp_path: Path) -> AsyncIterator[tuple[Centre, Centre]]:
    """Nodes A and B with a phone seat each, told of each other."""
    made = []
    for name in ("A", "B"):
        (tmp_path / name).mkdir()
        seats = [phone_seat(f"{name}1")]
        settings = {"node": name, "seats": seats, "other_nodes_after_s": 1, "offer_s": 10}
        made.append(Centre(tmp_path / name, 16, **settings))
    for here, there in ((0, 1), (1, 0)):
        other = {
            "name": "AB"[there],
            "sources": [f"{ADDRESS}/32"],
            "host": f"{ADDRESS}:{made[there].sip_port}",
            "node": True,
            "options_every_s": 1,
        }
        made[here].settings["trunks"] = [
            {"name": "telco", "sources": [f"{ADDRESS}/32"]},
            other,
        ]
    async with contextlib.AsyncExitStack() as stack:
        for centre in made:
            await stack.enter_async_context(centre)
        yield made[0], made[1]


async def test_a_caller_is_heard_at_the_other_node_and_recorded_at_their_own(
    nodes: tuple[Centre, Centre],
) -> None:
    """Given a caller at A, where nobody sits; when B's seat picks up; then both hear each other,
    hold works, the recording is A's and there is one end."""
    one, two = nodes
    async with person(one, CALLER_HZ) as caller, seated(two, "B1") as seat:
        await caller.dial()
        await seat.pick_up(20)
        await seat.hears(CALLER_HZ)
        await caller.hears(SEAT_HZ)
        told = await one.fact("call-answered")
        assert (told.body["seat_id"], told.body["how"]) == ("B1", "other-node")
        await two.ask("B1", "hold")
        held = await two.fact("call-held")
        assert held.stream == told.stream
        await two.ask("B1", "resume")
        await caller.hears(SEAT_HZ)
        assert seat.call is not None
        seat.call.hang_up()
        ended = await one.fact("call-ended")
        assert (ended.body["outcome"], ended.body["by"]) == ("answered", "seat")
        closed = await one.fact("recording-closed")
        started = await one.fact("recording-started")
        assert one.recording(started).stat().st_size == closed.body["bytes"]
        assert not {"call-ended", "recording-started", "call-arrived"} & set(await two.types())


async def test_a_node_that_is_killed_gives_its_guest_back(nodes: tuple[Centre, Centre]) -> None:
    """A power cut in the other room: the caller waits again, hears so, and is answered here.

    Given a caller of A at a seat of B; when switch and media of B are killed; then the caller hears
    the queue, and A's own seat, which is ready by now, has them.
    """
    one, two = nodes
    async with person(one, CALLER_HZ) as caller:
        async with seated(two, "B1") as seat:
            await caller.dial()
            await seat.pick_up(20)
            await caller.hears(SEAT_HZ)
            await two.stop(signal.SIGKILL)
            await two.media.stop(signal.SIGKILL)
            requeued = await one.fact("call-requeued", within_s=30)
            assert requeued.body == {"seat_id": "B1", "reason": "node-lost"}
            await caller.hears(TONE_HZ)
        async with seated(one, "A1") as own:
            await own.pick_up(20)
            await own.hears(CALLER_HZ)
            await caller.hears(SEAT_HZ)
            assert caller.call is not None
            caller.call.hang_up()
            ended = await one.fact("call-ended")
            assert ended.body["outcome"] == "answered"
        await two.media.__aenter__()
        await until(lambda: not two.rpc.connected)
        await two.start()
        await two.until_state(lambda state: not state["calls_in_hand"], within_s=40)
