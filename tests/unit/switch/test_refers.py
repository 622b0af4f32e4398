"""REFER: the transfer key of a phone seat, trunks that take calls over, and those who may not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone, PhoneCall

OFFER = sdp.offer(ADDRESS, 40000, 1)


class Line:
    """A phone and what rings at it."""

    def __init__(self, account: Account | None = None) -> None:
        self.rings: list[PhoneCall] = []
        self.phone = Phone(account, self.rings.append)

    @property
    def address(self) -> str:
        return f"sip:damkar@{ADDRESS}:{self.phone.agent.identity.udp_port}"

    async def rung(self) -> PhoneCall:
        await until(lambda: self.rings)
        return self.rings[0]


@pytest.fixture
async def station() -> AsyncIterator[Line]:
    one = Line()
    await one.phone.start()
    yield one
    await one.phone.stop()


@pytest.fixture
async def desk() -> AsyncIterator[Line]:
    """The phone of seat S1, not yet registered."""
    one = Line(Account("s1", "secret-S1"))
    await one.phone.start()
    yield one
    await one.phone.stop()


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media, one phone seat and a trunk that takes no REFER."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=5, transfer_s=2) as one:
        yield one


@pytest.fixture
async def referring(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch whose trunk takes transferred calls over."""
    trunk = {"name": "telco", "sources": ["127.0.0.1/32"], "refer": True}
    async with bench(tmp_path, trunks=[trunk], offer_s=5, transfer_s=1) as one:
        yield one


def caller_hears(centre: Bench) -> list[str]:
    return centre.media.hears(centre.media.port("caller"))


async def at_the_phone(centre: Bench, desk: Line) -> tuple[PhoneCall, PhoneCall]:
    """A phone seat in a call; the caller's side and the seat's."""
    assert await desk.phone.register(centre.flow) == 200
    caller = await centre.call()
    own = await desk.rung()
    own.accept(OFFER)
    await centre.told("call-answered")
    await until(lambda: caller_hears(centre) == ["rtp seat"])
    return caller, own


async def at_the_browser(centre: Bench) -> tuple[Browser, PhoneCall, str]:
    """A browser seat in a call; the caller's side, the call's id."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    caller = await centre.call()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    return seat, caller, call_id


# ---- of a phone seat ----------------------------------------------------------------------------


async def test_the_transfer_key_of_a_phone_seat_sends_the_call_on(
    centre: Bench, desk: Line, station: Line
) -> None:
    """Given a phone seat in a call; when its operator presses transfer and dials; then the phone is
    told 202, trying, answered; it is hung up, and caller and target talk."""
    caller, own = await at_the_phone(centre, desk)
    own.refer(station.address)
    assert await own.refer_progress.get() == 202
    assert await own.refer_progress.get() == 100
    ring = await station.rung()
    await until(lambda: caller_hears(centre) == ["play hold"])
    ring.accept(OFFER)
    assert await own.refer_progress.get() == 200
    assert await own.wait_ended(5) == "hung-up"
    await until(lambda: caller_hears(centre) == ["rtp party"])
    assert not caller.ended.is_set()
    ring.hang_up()
    assert (await centre.told("call-ended")).body["by"] == "party"


async def test_a_phone_seat_is_told_that_its_target_is_busy(
    centre: Bench, desk: Line, station: Line
) -> None:
    """Given a target that is busy; then the phone hears 486 and its operator has the caller."""
    _, own = await at_the_phone(centre, desk)
    own.refer(station.address)
    (await station.rung()).reject(486)
    assert [await own.refer_progress.get() for _ in range(3)] == [202, 100, 486]
    await until(lambda: caller_hears(centre) == ["rtp seat"])


async def test_a_phone_that_hangs_up_while_its_target_rings_loses_no_caller(
    centre: Bench, desk: Line, station: Line
) -> None:
    """Many phones hang up at the 202.  Given one that does; when the target refuses; then the
    call rings at that seat again."""
    caller, own = await at_the_phone(centre, desk)
    own.refer(station.address)
    ring = await station.rung()
    own.hang_up()
    await until(lambda: "seat" not in [n.split()[0] for _, n in centre.media.ports.values()])
    assert caller_hears(centre) == ["play hold"]
    ring.reject(480)
    assert (await centre.told("call-requeued")).body["reason"] == "transfer-failed"
    await until(lambda: len(desk.rings) == 2)
    desk.rings[1].accept(OFFER)
    await centre.told("call-answered", 2)
    assert not caller.ended.is_set()


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("tel:nobody", [400]),
        ("urn:service:sos", [202, 100, 404]),
        ("sip:110@127.0.0.1", [202, 100, 404]),
        ("sip:M9@127.0.0.1?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2", [501]),
    ],
)
async def test_a_transfer_that_cannot_be_is_refused_with_a_reason(
    centre: Bench, desk: Line, target: str, told: list[int]
) -> None:
    """Nowhere to call, no trunk for numbers, or an attended transfer: the phone hears why, and
    caller and seat notice nothing."""
    _, own = await at_the_phone(centre, desk)
    own.refer(target)
    async with asyncio.timeout(5):
        assert [await own.refer_progress.get() for _ in told] == told
    assert caller_hears(centre) == ["rtp seat"]


async def test_nobody_else_may_send_a_caller_elsewhere(centre: Bench, station: Line) -> None:
    """Given a trunk, or a party, that asks us to call somebody; then it is refused and counted."""
    seat, caller, _ = await at_the_browser(centre)
    caller.refer(station.address)
    assert await caller.refer_progress.get() == 603
    await seat.ask("add_party", address=station.address)
    ring = await station.rung()
    ring.accept(OFFER)
    await centre.told("party-joined")
    ring.refer("sip:elsewhere@127.0.0.1")
    assert await ring.refer_progress.get() == 603
    assert centre.switch.core.counters["refers-refused"] == 2
    assert len(station.rings) == 1
    await seat.leave()


# ---- of a trunk ---------------------------------------------------------------------------------


async def test_a_trunk_takes_a_transferred_call_over(referring: Bench, station: Line) -> None:
    """Given a trunk that knows REFER; when the seat sends its call on and the network says that
    the target answered; then our part of the call is over, with its outcome and recording."""
    seat, caller, _ = await at_the_browser(referring)
    asked: list[str] = []

    def taken(target: str) -> int:
        asked.append(target)
        return 202

    caller.on_refer = taken
    await seat.ask("transfer", address=station.address)
    await until(lambda: asked == [station.address])
    assert caller_hears(referring) == ["play hold"]
    caller.notify(180)
    caller.notify(200)
    completed = await referring.told("transfer-completed")
    assert completed.body["kind"] == "refer"
    started = await referring.told("transfer-started")
    assert started.personal == {"address": {"address": station.address}}
    ended = await referring.told("call-ended")
    assert (ended.body["outcome"], ended.body["reason"]) == ("answered", "transferred")
    assert station.rings == []
    await referring.told("recording-closed")
    await seat.until(lambda s: s["seat"]["reason"] == "wrap-up")
    await seat.leave()


@pytest.mark.parametrize("how", ["refused", "failed", "silent"])
async def test_a_trunk_that_does_not_take_the_call_is_bridged(
    referring: Bench, station: Line, how: str
) -> None:
    """Given a trunk that refuses REFER, cannot reach the target, or says nothing; then we call the
    target ourselves and connect the two."""
    seat, caller, _ = await at_the_browser(referring)
    caller.on_refer = lambda _: 405 if how == "refused" else 202
    await seat.ask("transfer", address=station.address)
    if how == "failed":
        await referring.told("transfer-started")
        await until(lambda: caller.leg.remote_cseq)
        caller.notify(503)
    ring = await station.rung()
    assert (await referring.told("transfer-failed")).body["reason"] in ("refused", "no-answer")
    ring.accept(OFFER)
    completed = await referring.told("transfer-completed")
    assert completed.body["kind"] == "blind"
    await until(lambda: caller_hears(referring) == ["rtp party"])
    assert not caller.ended.is_set()
    await seat.leave()


async def test_a_trunk_that_is_silent_over_a_kill_is_bridged(
    referring: Bench, station: Line
) -> None:
    """Given a REFER that the trunk took; when the switch is killed and the trunk says no more;
    then the next switch calls the target."""
    seat, caller, _ = await at_the_browser(referring)
    caller.on_refer = lambda _: 202
    await seat.ask("transfer", address=station.address)
    await referring.restart()
    (await station.rung()).accept(OFFER)
    await referring.told("transfer-completed")
    await until(lambda: caller_hears(referring) == ["rtp party"])
    assert not caller.ended.is_set()
    await seat.leave()
