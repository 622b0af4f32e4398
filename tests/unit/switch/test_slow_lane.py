"""The slow lane: nobody is refused, nobody waits longer than declared, one key leads out of it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.kernel import clock
from tahuri.telephony import rpc
from tahuri.telephony.protocol.operations import Measure, SetMeasures, number_digest
from tahuri.telephony.switch import views
from tahuri.telephony.switch.queue import lane

SALT = "salt"
MEASURED, OTHER = "+620001", "+620002"
DAY = timedelta(days=1)


def measure(number: str = MEASURED, until: timedelta = DAY) -> SetMeasures:
    """A table with one number in it."""
    one = Measure(
        digest=number_digest(SALT, number), measure_id="S1", until=clock.now() + until
    )  # fmt: skip
    return SetMeasures(salt=SALT, measures=[one])


class Always:
    """A lot that always draws the same."""

    def __init__(self, drawn: float) -> None:
        self.drawn = drawn

    def random(self) -> float:
        return self.drawn


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with one measured number, whose calls the lot never lets by."""
    async with bench(tmp_path, slow_lane_s=20, slow_lane_sample=0.1, offer_s=5) as one:
        slowing(one)
        yield one


def slowing(one: Bench, drawn: float = 0.99, wait_s: float = 20.0) -> None:
    one.switch.core.lot = Always(drawn)  # type: ignore[assignment]
    lane.set_measures(one.switch.core, measure())


async def caller(centre: Bench, number: str) -> None:
    await centre.call(f"<sip:{number}@127.0.0.1>")


def queue(centre: Bench) -> list[tuple[str, str]]:
    """(number, lane) of those who wait, in the order of offers."""
    return [(one.number or "", one.lane) for one in views.queue(centre.switch.core)]


def press(centre: Bench, digit: str) -> None:
    """The newest caller presses a key."""
    port = centre.media.port("caller")
    centre.media.server.push({"event": "dtmf", "port": port, "digit": digit})


async def test_a_measured_number_is_asked_for_a_key_and_answered_all_the_same(
    centre: Bench,
) -> None:
    """Given a measure and a seat that is ready; when its number calls; then the caller is asked
    for a key, and rings at the seat at once, for nobody else waits."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await caller(centre, MEASURED)
    slowed = await centre.told("call-slowed")
    assert slowed.body == {"measure_id": "S1", "wait_max_s": 20.0}
    await seat.ask("answer", call_id=await seat.offered())
    assert "call-refused" not in centre.types()
    assert "lane-left" not in centre.types()
    await seat.leave()


@pytest.mark.parametrize("table", ["+6281234567890", "081234567890"])
async def test_a_measure_fits_every_spelling_of_its_number(centre: Bench, table: str) -> None:
    """Given a table by canonical form, or one of an older `serve` by the number as it came; when
    the number calls; then it is slowed, and another number is not."""
    lane.set_measures(centre.switch.core, measure(table))
    await caller(centre, "081234567890")
    await centre.told("call-queued")
    await caller(centre, "081234567891")
    await centre.told("call-queued", 2)
    assert queue(centre) == [("081234567891", "normal"), ("081234567890", "slow")]


async def test_the_slow_lane_waits_behind_those_who_came_later(centre: Bench) -> None:
    """Given a measured caller, then another; when a seat becomes ready; then it is offered the
    other first, and the measured one next."""
    await caller(centre, MEASURED)
    await centre.told("call-queued")
    await caller(centre, OTHER)
    await centre.told("call-queued", 2)
    assert queue(centre) == [(OTHER, "normal"), (MEASURED, "slow")]
    first, second = Browser(centre, "M1", "op1"), Browser(centre, "M2", "op2")
    await first.sit()
    await first.offered()
    assert first.state["offer"]["number"] == OTHER
    await second.sit()
    await second.offered()
    assert second.state["offer"]["number"] == MEASURED
    await first.leave()
    await second.leave()


async def test_the_key_leads_to_the_queue_at_once(centre: Bench) -> None:
    """Given two who wait, the measured one first; when that presses 1; then it stands where it
    came; any other key changes nothing."""
    await caller(centre, MEASURED)
    await centre.told("call-queued")
    port = centre.media.port("caller")
    await caller(centre, OTHER)
    await centre.told("call-queued", 2)
    centre.media.server.push({"event": "dtmf", "port": port, "digit": "7"})
    await centre.told("key-pressed")
    assert queue(centre)[0] == (OTHER, "normal")
    centre.media.server.push({"event": "dtmf", "port": port, "digit": "1"})
    assert (await centre.told("lane-left")).body["reason"] == "key"
    assert queue(centre) == [(MEASURED, "normal"), (OTHER, "normal")]


async def test_after_the_longest_wait_it_is_like_everybody(centre: Bench) -> None:
    """The hard limit: whoever cannot press a key waits 20 seconds longer than others, no more."""
    await caller(centre, MEASURED)
    await centre.told("call-queued")
    await caller(centre, OTHER)
    await centre.told("call-queued", 2)
    core = centre.switch.core
    call = next(one for one in core.calls.values() if one.number == MEASURED)
    lane.tick(core, call, call.arrived_s + 19.9)
    assert call.slow
    lane.tick(core, call, call.arrived_s + 20.0)
    assert not call.slow
    assert (await centre.told("lane-left")).body["reason"] == "waited"
    assert queue(centre)[0] == (MEASURED, "normal")


async def test_a_wait_runs_out_by_itself(tmp_path: Path) -> None:
    """The clockwork looks at it: nobody need do anything."""
    async with bench(tmp_path, slow_lane_s=1, slow_lane_sample=0.1) as one:
        slowing(one)
        await caller(one, MEASURED)
        assert (await one.told("lane-left")).body["reason"] == "waited"


async def test_a_clock_that_began_anew_holds_nobody_back(centre: Bench) -> None:
    """After a reboot the clock of seconds is small again: the limit must not move away."""
    await caller(centre, MEASURED)
    await centre.told("call-queued")
    core = centre.switch.core
    call = next(iter(core.calls.values()))
    lane.tick(core, call, call.arrived_s - 1000)
    assert not call.slow


async def test_the_lot_lets_some_by_and_says_so(centre: Bench) -> None:
    """Without a sample nobody could tell what the lane costs."""
    slowing(centre, drawn=0.05)
    await caller(centre, MEASURED)
    sampled = await centre.told("call-sampled")
    assert sampled.body == {"measure_id": "S1", "share": 0.1}
    await centre.told("call-queued")
    assert queue(centre) == [(MEASURED, "normal")]
    assert "call-slowed" not in centre.types()


async def test_the_lot_is_drawn_as_often_as_declared(tmp_path: Path) -> None:
    """One in ten; the process's own lot, not the test's."""
    async with bench(tmp_path) as one:
        drawn = sum(one.switch.core.lot.random() < 0.1 for _ in range(20_000))
    assert 1_700 < drawn < 2_300


async def test_a_measure_ends_without_anybody(centre: Bench) -> None:
    """Given a measure that `serve` cannot lift, for it is down; when its time is over; then the
    number's next call is like every other."""
    lane.set_measures(centre.switch.core, measure(until=timedelta(seconds=-1)))
    await caller(centre, MEASURED)
    await centre.told("call-queued")
    assert queue(centre) == [(MEASURED, "normal")]


async def test_a_killed_switch_knows_measures_and_lanes(centre: Bench) -> None:
    """Given a caller in the lane; when the switch is killed; then the next one has it in the lane,
    for no longer than declared, and slows the number's next call as well."""
    await caller(centre, MEASURED)
    await centre.told("call-queued")
    before = next(iter(centre.switch.core.calls.values())).lane_due_s
    await centre.restart()
    assert queue(centre) == [(MEASURED, "slow")]
    assert next(iter(centre.switch.core.calls.values())).lane_due_s == before
    centre.switch.core.lot = Always(0.99)  # type: ignore[assignment]
    await caller(centre, MEASURED)
    await centre.told("call-slowed", 2)
    press(centre, "1")
    await centre.told("lane-left")
    assert sorted(queue(centre)) == [(MEASURED, "normal"), (MEASURED, "slow")]


async def test_whoever_was_answered_once_never_waits_in_the_lane_again(centre: Bench) -> None:
    """Given a measured call that talks; when its seat vanishes; then it is at the head of the
    queue, before those in the normal lane."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await caller(centre, MEASURED)
    await seat.ask("answer", call_id=await seat.offered())
    await caller(centre, OTHER)
    await centre.told("call-queued", 2)
    await seat.leave()
    await centre.told("call-requeued")
    await until(lambda: len(queue(centre)) == 2)
    assert queue(centre) == [(MEASURED, "normal"), (OTHER, "normal")]


async def test_a_number_without_a_measure_notices_nothing(centre: Bench) -> None:
    """Nor does a caller without a number."""
    await caller(centre, OTHER)
    await centre.call("<sip:anonymous@anonymous.invalid>")
    await centre.told("call-queued", 2)
    assert not {"call-slowed", "call-sampled"} & set(centre.types())


async def test_the_table_comes_over_the_socket_and_is_checked(centre: Bench) -> None:
    """What `serve` sends, as it sends it; rubbish changes nothing."""
    client = rpc.Client(centre.settings.rpc_socket)
    client.start()
    await until(lambda: client.connected)
    table = {"salt": "s2", "measures": []}
    await client.call("measures", **table)
    assert centre.switch.core.measures.salt == "s2"
    with pytest.raises(rpc.Failure):
        await client.call("measures", salt="s3", measures=[{"digest": 1}])
    assert centre.switch.core.measures.salt == "s2"
    await client.close()


async def test_a_measure_set_while_the_call_rings_takes_it_from_nobody(centre: Bench) -> None:
    """A person is about to say hello; a table is no reason to make the caller wait again.

    Given a call that rings at a seat; when its number is put into the slow lane; then it rings on
    there, nothing is withdrawn, also after a kill, and it is answered as every other.  The number's
    next call is slowed.
    """
    core = centre.switch.core
    lane.set_measures(core, SetMeasures(salt=SALT, measures=[]))
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await caller(centre, MEASURED)
    call_id = await seat.offered()
    lane.set_measures(core, measure())
    await caller(centre, OTHER)
    await centre.told("call-queued", 2)
    assert queue(centre) == [(MEASURED, "normal"), (OTHER, "normal")]
    await seat.leave()
    await centre.restart()
    centre.switch.core.lot = Always(0.99)  # type: ignore[assignment]
    assert queue(centre) == [(MEASURED, "normal"), (OTHER, "normal")]
    again = Browser(centre, "M1", "op1")
    await again.sit()
    assert await again.offered() == call_id
    await again.ask("answer", call_id=call_id)
    await centre.told("call-answered")
    await caller(centre, MEASURED)
    await centre.told("call-slowed")
    assert queue(centre) == [(OTHER, "normal"), (MEASURED, "slow")]
    await again.leave()


async def test_a_missed_ring_keeps_the_turn_of_a_number_that_was_measured_meanwhile(
    tmp_path: Path,
) -> None:
    """Given a call that rings, and a measure set meanwhile; when the seat misses it; then it goes
    to the next seat before a caller who came later, as if there were no measure."""
    async with bench(tmp_path, offer_s=0.6) as one:
        first, second = Browser(one, "M1", "op1"), Browser(one, "M2", "op2")
        await first.sit()
        await caller(one, MEASURED)
        call_id = await first.offered()
        slowing(one)
        await caller(one, OTHER)
        await one.told("call-queued", 2)
        await one.told("offer-missed")
        await second.sit()
        assert await second.offered() == call_id
        await second.ask("answer", call_id=call_id)
        answered = await one.told("call-answered")
        assert answered.stream == f"call/{call_id}"
        assert not {"call-slowed", "offer-withdrawn"} & set(one.types())
        await first.leave()
        await second.leave()
