"""A machine whose time of day is set in the middle of calls: nothing that waits may notice."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, phone_seat, until

from tahuri.kernel import clock
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.edge import registrar

HOURS = pytest.mark.parametrize("hours", [1, -1])
Step = Callable[[float], None]
genuine_now = clock.now


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Step:
    """Sets the time of day that many hours off; the clock that never steps goes on."""

    def steps(hours: float) -> None:
        monkeypatch.setattr(clock, "now", lambda: genuine_now() + timedelta(hours=hours))

    return steps


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and one phone seat."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=1.0, robot_after_s=30) as one:
        yield one


@HOURS
async def test_the_queue_keeps_its_order(centre: Bench, step: Step, hours: float) -> None:
    """Who has waited longest is answered first, whatever the wall says; and after a kill as well.

    Given one caller, a clock that steps and a second caller; when a seat becomes ready; then it
    is offered the first.
    """
    await centre.call("<sip:+620001@127.0.0.1>")
    await centre.told("call-queued")
    step(hours)
    await centre.call("<sip:+620002@127.0.0.1>")
    await centre.told("call-queued", 2)
    await centre.restart()
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await seat.offered()
    assert seat.state["offer"]["number"] == "+620001"
    await seat.leave()


@HOURS
async def test_an_offer_lasts_as_long_as_declared(centre: Bench, step: Step, hours: float) -> None:
    """Given a call that rings; when the clock steps; then the offer is missed no sooner, no later
    and goes to the next seat."""
    first, second = Browser(centre, "M1", "op1"), Browser(centre, "M2", "op2")
    await first.sit()
    await second.sit()
    await centre.call()
    await first.offered()
    began_s = clock.monotonic_s()
    step(hours)
    await centre.told("offer-missed")
    assert 0.7 < clock.monotonic_s() - began_s < 4
    await second.offered()
    await first.leave()
    await second.leave()


@HOURS
async def test_the_longest_idle_seat_stays_the_longest_idle(
    centre: Bench, step: Step, hours: float
) -> None:
    """Given a seat that is ready; when the clock steps and another becomes ready; then the first
    gets the call: work is shared fairly on the night the clocks are wrong too."""
    first, second = Browser(centre, "M9", "op1"), Browser(centre, "M1", "op2")
    await first.sit()
    step(hours)
    await second.sit()
    await centre.call()
    await first.offered()
    await first.leave()
    await second.leave()


async def test_a_robot_waits_its_time_when_the_clock_jumps(tmp_path: Path, step: Step) -> None:
    """Given a robot and nobody ready; when a call comes in and the clock jumps an hour ahead; then
    the robot waits as long as declared, for a person may become ready meanwhile."""
    seats = [phone_seat("R1", robot=True)]
    async with bench(tmp_path, seats=seats, robot_after_s=1.0, offer_s=5) as centre:
        robot = Phone(Account("r1", "secret-R1"), lambda call: call.accept(call.session or b""))
        await robot.start()
        assert await robot.register(centre.flow) == 200
        await centre.call()
        step(1)
        began_s = clock.monotonic_s()
        answered = await centre.told("call-answered")
        assert answered.body["robot"] is True
        assert clock.monotonic_s() - began_s > 0.8
        await robot.stop()


@HOURS
async def test_a_registration_ends_when_it_was_said(
    centre: Bench, step: Step, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a registered phone; when the clock steps; then it stays a seat until its registration
    ends on the clock that never steps, and not a moment of the wall's more or less."""
    monkeypatch.setattr(registrar, "EXPIRES_S_MIN", 1)
    phone = Phone(Account("s1", "secret-S1"))
    await phone.start()
    assert await phone.register(centre.flow, 1) == 200
    began_s = clock.monotonic_s()
    step(hours)
    seat = centre.switch.core.seats["S1"]
    assert seat.attached
    await until(lambda: not seat.attached)
    assert clock.monotonic_s() - began_s > 0.9
    await centre.told("seat-vanished")
    await phone.stop()


@HOURS
async def test_a_challenge_outlives_a_step(centre: Bench, step: Step, hours: float) -> None:
    """Given a phone that was challenged; when the clock steps before it answers; then it is let
    in: a whole room of phones must not fall off when a time server wakes up."""
    core = centre.switch.core
    phone = Phone(Account("s1", "secret-S1"))
    await phone.start()
    assert await phone.register(centre.flow) == 200
    step(hours)
    assert await phone.register(centre.flow) == 200
    assert core.seats["S1"].attached
    await phone.stop()


@HOURS
async def test_a_vanished_seat_is_freed_in_its_time(
    centre: Bench, step: Step, hours: float
) -> None:
    """Given a seat whose browser is gone; when the clock steps; then its call is given back after
    the declared time, and the caller is still there."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await seat.leave()
    step(hours)
    vanished = await centre.told("seat-vanished")
    assert 0.3 < float(str(vanished.body["after_s"])) < 4
    await centre.told("call-requeued")
    assert not call.ended.is_set()


@HOURS
async def test_the_notice_ends_in_its_time(
    centre: Bench, step: Step, hours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a caller who hears the notice; when the clock steps; then it goes on, and the queue
    tone follows."""
    caller = await _caller_in_notice(centre, monkeypatch)
    step(hours)
    assert centre.media.hears(caller) == ["play notice"]
    await until(lambda: centre.media.hears(caller) == ["play tone"])


async def test_a_notice_without_end_is_cut_after_5_s(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever file a city puts there, a caller is never talked at for longer."""
    assert audio.NOTICE_S_MAX <= 5
    caller = await _caller_in_notice(centre, monkeypatch)  # pretended media never says "played"
    await until(lambda: centre.media.hears(caller) == ["play tone"])


async def _caller_in_notice(centre: Bench, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(audio, "NOTICE_S_MAX", 0.8)
    await centre.call()
    return centre.media.port("caller")


@HOURS
async def test_ids_stay_apart_and_the_log_in_order(centre: Bench, step: Step, hours: float) -> None:
    """Given calls on both sides of a step; when they end and the switch is started anew; then each
    has its own id and one outcome, and the journal is empty."""
    calls = [await centre.call()]
    step(hours)
    calls.append(await centre.call())
    step(0)
    calls.append(await centre.call())
    await centre.restart()
    for call in calls:
        call.hang_up()
    await centre.told("call-ended", 3)
    ended = [fact for fact in centre.facts() if fact.type == "calls.call-ended"]
    assert len({fact.stream for fact in ended}) == len({fact.id for fact in ended}) == 3
    await until(lambda: not list((centre.folder / "data/journal/calls").iterdir()))
