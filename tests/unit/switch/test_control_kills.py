"""The switch is killed between any two things of a call that changes hands: nobody is lost, and no
telephone is left on a line that leads nowhere."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mortal import Death
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.telephony.rpc import Failure
from tahuri.telephony.sip import sdp, sessions
from tahuri.telephony.switch import answering

OFFER = sdp.offer(ADDRESS, 40000, 1)
AT_S1: dict[str, object] = {"seat_id": "S1", "operator_id": "op-S1"}
PHASES = (
    "a party is called",
    "a party is let go",
    "a target takes the call",
    "the call is parked",
    "the seat vanishes",
    "the caller gives up while a target rings",
)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and one phone seat, which is not ready by itself."""
    seats = [phone_seat("S1", ready_when_registered=False)]
    async with bench(tmp_path, seats=seats, offer_s=5, park_s=60) as one:
        yield one


def follows(session: bytes | None) -> bytes:
    """A phone that takes a new session in mid-call."""
    return sdp.answer(sdp.parse(session or OFFER), ADDRESS, 40000, 2)


def ports(centre: Bench) -> list[str]:
    return sorted(name.split()[0] for kind, name in centre.media.ports.values() if kind == "rtp")


@pytest.mark.parametrize("after", range(22))
@pytest.mark.parametrize("phase", PHASES)
async def test_a_kill_in_the_middle_leaves_nobody_on_a_dead_line(
    centre: Bench,
    desk: Telephone,
    station: Telephone,
    phase: str,
    after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a phone seat in a call that calls, lets go, sends on, parks or vanishes; when the
    switch is killed after any number of the messages, lines and facts of that; then the phone
    talks for its seat or is hung up, and with the caller everybody is off."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.2)
    core = centre.switch.core
    assert await desk.phone.register(centre.flow) == 200
    await centre.switch.answer("ready", AT_S1)
    caller = await centre.call()
    own = await desk.rung()
    own.on_reoffer = follows
    own.accept(OFFER)
    await centre.told("call-answered")
    await until(lambda: centre.media.hears(centre.media.port("caller")) == ["rtp seat"])
    if phase == "a party is let go":
        asked = await centre.switch.answer("add_party", {**AT_S1, "address": station.address})
        (await station.rung()).accept(OFFER)
        await centre.told("party-joined")
    elif "target" in phase:
        own.refer(station.address)
        (await station.rung()).ring()
        await centre.told("transfer-started")
    death = Death(centre.switch, after)
    work: asyncio.Task[object] | None = None
    left = False
    match phase:
        case "a party is called":
            adding = centre.switch.answer("add_party", {**AT_S1, "address": station.address})
            work = asyncio.create_task(adding)
            with contextlib.suppress(TimeoutError):
                await until(lambda: death.came.is_set() or station.rings, 2)
            for ring in station.rings:
                ring.accept(OFFER)
            done = lambda: "rtp party" in centre.media.hears(centre.media.port("caller"))  # noqa: E731
        case "a party is let go":
            dropping = centre.switch.answer("drop_party", {**AT_S1, **asked})  # type: ignore[dict-item]
            work = asyncio.create_task(dropping)
            done = work.done
        case "a target takes the call":
            station.rings[0].accept(OFFER)
            done = lambda: ports(centre) == ["caller", "party"]  # noqa: E731
        case "the call is parked":
            work = asyncio.create_task(centre.switch.answer("park", AT_S1))
            done = work.done
        case "the seat vanishes":
            answering.lose_seat(core, core.seats["S1"], 0)
            done = lambda: ports(centre) == ["caller"]  # noqa: E731
        case _:
            caller.hang_up()
            done = lambda: not core.calls  # noqa: E731
    with contextlib.suppress(TimeoutError):
        await until(lambda: death.came.is_set() or done(), 2)
    if work is not None:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, Failure):
            await work
    await death.bury()
    await centre.resume()
    core = centre.switch.core
    if phase != PHASES[-1]:
        await until(
            lambda: (
                own.ended.is_set() or (core.seats["S1"].state == "busy" and "seat" in ports(centre))
            )
        )
        assert not caller.ended.is_set()
        left = own.ended.is_set()
        caller.hang_up()
    await until(lambda: not core.calls)
    for call in (*desk.rings, *station.rings):
        await call.wait_ended(5)
    await until(lambda: ports(centre) == [])
    kinds = centre.types()
    assert kinds.count("call-ended") == 1
    assert kinds.count("party-added") == kinds.count("party-left")
    assert kinds.count("transfer-started") == kinds.count("transfer-completed") + kinds.count(
        "transfer-failed"
    )
    if phase == "the call is parked":
        assert kinds.count("call-parked") == left
    if phase == "the seat vanishes":
        assert kinds.count("call-requeued") == left
    assert core.places == {}


@pytest.mark.parametrize("after", range(12))
async def test_a_kill_while_a_supervisor_takes_over_leaves_one_of_the_two_with_the_caller(
    centre: Bench, desk: Telephone, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a supervisor who takes a call over from a telephone seat; when the switch is killed
    after any number of the things of that; then whoever has the call by the journal is heard, and
    the other is off the line."""
    monkeypatch.setattr(sessions, "PROBE_S", 0.2)
    assert await desk.phone.register(centre.flow) == 200
    await centre.switch.answer("ready", AT_S1)
    supervisor = Browser(centre, "M1", "op1", "supervisor")
    await supervisor.sit(ready=False)
    caller = await centre.call()
    own = await desk.rung()
    own.on_reoffer = follows
    own.accept(OFFER)
    call_id = (await centre.told("call-answered")).stream.partition("/")[2]
    await until(lambda: centre.media.hears(centre.media.port("caller")) == ["rtp seat"])
    death = Death(centre.switch, after)
    taking = asyncio.create_task(supervisor.ask("take_over", call_id=call_id))
    with contextlib.suppress(TimeoutError):
        await until(lambda: death.came.is_set() or taking.done(), 2)
    taking.cancel()
    await death.bury()
    await centre.resume()
    again = Browser(centre, "M1", "op1", "supervisor")
    await again.sit(ready=False)
    core, media = centre.switch.core, centre.media
    taken = core.calls[call_id].seat_id == "M1"
    await until(
        lambda: media.hears(media.port("caller")) == (["webrtc seat"] if taken else ["rtp seat"])
    )
    await until(lambda: own.ended.is_set() == taken)
    assert not caller.ended.is_set()
    assert centre.types().count("call-answered") == 1 + taken
    caller.hang_up()
    await until(lambda: not core.calls)
    await own.wait_ended(5)
    await again.leave()
    await supervisor.leave()
