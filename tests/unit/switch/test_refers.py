"""REFER: the transfer key of a phone seat, trunks that take calls over, and those who may not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone, telephone

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.switch.control import refers

OFFER = sdp.offer(ADDRESS, 40000, 1)


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


async def at_the_phone(centre: Bench, desk: Telephone) -> tuple[PhoneCall, PhoneCall]:
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
    centre: Bench, desk: Telephone, station: Telephone
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
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a target that is busy; then the phone hears 486 and its operator has the caller."""
    _, own = await at_the_phone(centre, desk)
    own.refer(station.address)
    (await station.rung()).reject(486)
    assert [await own.refer_progress.get() for _ in range(3)] == [202, 100, 486]
    await until(lambda: caller_hears(centre) == ["rtp seat"])


async def test_a_phone_that_hangs_up_while_its_target_rings_loses_no_caller(
    centre: Bench, desk: Telephone, station: Telephone
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
        ("sip:M9@127.0.0.1?Replaces=a", [400]),
        ("sip:M9@127.0.0.1?Replaces=OURS%3Bto-tag%3D1%3Bfrom-tag%3D2", [501]),
    ],
)
async def test_a_transfer_that_cannot_be_is_refused_with_a_reason(
    centre: Bench, desk: Telephone, target: str, told: list[int]
) -> None:
    """Nowhere to call, no trunk for numbers, a dialog that is none, or one with us: the phone hears
    why, the log keeps it, and caller and seat notice nothing."""
    caller, own = await at_the_phone(centre, desk)
    own.refer(target.replace("OURS", caller.leg.call_id.replace("@", "%40")))
    async with asyncio.timeout(5):
        assert [await own.refer_progress.get() for _ in told] == told
    assert caller_hears(centre) == ["rtp seat"]
    if told != [400]:
        fact = await centre.told("refer-refused")
        assert (fact.body["role"], fact.body["leg_id"]) == ("seat", "S1")
        assert fact.body["status"] == told[-1]


async def test_whom_the_phone_has_spoken_to_elsewhere_takes_the_call(
    centre: Bench, desk: Telephone, station: Telephone
) -> None:
    """Given a phone seat that has asked a station by a line of its own and presses transfer; then
    the station's telephone is told which of its calls the caller takes the place of."""
    _, own = await at_the_phone(centre, desk)
    own.refer(f"{station.address}?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Subject=x")
    ring = await station.rung()
    request = station.requests[0]
    assert request.get("replaces") == "a@b;to-tag=1;from-tag=2"
    assert request.get("require") == "replaces"
    assert request.get("subject") is None
    assert request.uri == station.address
    ring.accept(OFFER)
    assert await own.wait_ended(5) == "hung-up"
    await until(lambda: caller_hears(centre) == ["rtp party"])


async def test_a_trunk_may_not_send_a_caller_elsewhere(centre: Bench, station: Telephone) -> None:
    """Given a trunk that asks us to call somebody in its caller's place; then it is refused, the
    log says what was asked, and the call notices nothing; whoever asks for ever fills no log."""
    seat, caller, _ = await at_the_browser(centre)
    for count in range(1, 11):
        caller.refer(station.address)
        assert await caller.refer_progress.get() == 603
        assert centre.switch.core.counters["refers-refused"] == count
    fact = await centre.told("refer-refused")
    assert fact.body == {"role": "caller", "leg_id": "", "reason": "not-allowed", "status": 603}
    assert fact.personal == {"address": {"address": station.address}}
    assert centre.types().count("refer-refused") == refers.TOLD_MAX
    assert station.rings == []
    assert caller_hears(centre) == ["webrtc seat"]
    await seat.leave()


async def test_a_refer_outside_a_call_is_refused(centre: Bench, station: Telephone) -> None:
    """Given a REFER that belongs to no call of ours; then it is refused and nobody is called."""
    caller = await centre.call()
    caller.leg.remote_tag = "another"
    caller.refer(station.address)
    assert await caller.refer_progress.get() == 481
    assert station.rings == []


# ---- of a party ---------------------------------------------------------------------------------


HOUSE = "127.0.0.2"
"""Where a hospital has its telephones; no trunk's address."""


@pytest.fixture
async def operator() -> AsyncIterator[Telephone]:
    """The hospital's switchboard."""
    async with telephone(host=HOUSE) as one:
        yield one


@pytest.fixture
async def ward() -> AsyncIterator[Telephone]:
    """Another telephone of the same house."""
    async with telephone(host=HOUSE) as one:
        yield one


async def with_the_hospital(
    centre: Bench, operator: Telephone
) -> tuple[Browser, PhoneCall, PhoneCall]:
    """A seat, its caller, and the hospital's operator on one call: the caller's side, theirs."""
    seat, caller, _ = await at_the_browser(centre)
    await seat.ask("add_party", address=operator.address)
    own = await operator.rung()
    own.accept(OFFER)
    await centre.told("party-joined")
    return seat, caller, own


async def test_a_party_sends_the_caller_on_within_its_own_house(
    centre: Bench, operator: Telephone, ward: Telephone
) -> None:
    """Given a hospital's operator on the call; when they press transfer and dial the ward; then the
    ward rings, everybody talks on, and with its answer the operator is off the call."""
    seat, _, own = await with_the_hospital(centre, operator)
    own.refer(ward.address)
    assert [await own.refer_progress.get() for _ in range(2)] == [202, 100]
    ring = await ward.rung()
    assert caller_hears(centre) == ["rtp party", "webrtc seat"]
    added = await centre.told("party-added", 2)
    assert added.body["referred_by"] == (await centre.told("party-joined")).body["leg_id"]
    assert added.personal == {"address": {"address": ward.address}}
    ring.accept(OFFER)
    assert await own.refer_progress.get() == 200
    assert await own.wait_ended(5) == "hung-up"
    assert (await centre.told("party-left")).body["reason"] == "transferred"
    await until(lambda: caller_hears(centre) == ["rtp party", "webrtc seat"])
    await seat.leave()


@pytest.mark.parametrize("goes", ["on", "nowhere"])
async def test_a_name_in_another_alphabet_costs_no_fact_and_no_seat_its_line(
    centre: Bench, operator: Telephone, ward: Telephone, goes: str
) -> None:
    """Given a telephone whose directory is in Latin-1, which is no UTF-8; when it sends the caller
    on, or may not; then it is done or refused as ever, the log is told, and the seat goes on."""
    seat, _, own = await with_the_hospital(centre, operator)
    name = b"k\xf6ln".decode("utf-8", "surrogateescape")
    place = ward.address.partition("@")[2] if goes == "on" else "198.51.100.7"
    own.refer(f"sip:{name}@{place}")
    if goes == "on":
        (await ward.rung()).accept(OFFER)
        told = await centre.told("party-added", 2)
        await seat.until(
            lambda state: [one["address"][:8] for one in state["call"]["parties"]] == ["sip:k?ln"]
        )
    else:
        assert await own.refer_progress.get() == 603
        told = await centre.told("refer-refused")
    assert str(told.personal["address"]["address"]).startswith("sip:k?ln@")
    await seat.ask("mute")
    await seat.leave()


async def test_whom_a_party_has_spoken_to_takes_its_place(
    centre: Bench, operator: Telephone, ward: Telephone
) -> None:
    """An attended transfer inside the hospital: the ward is told which of its calls is replaced."""
    seat, _, own = await with_the_hospital(centre, operator)
    own.refer(f"{ward.address}?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2")
    (await ward.rung()).accept(OFFER)
    assert ward.requests[0].get("replaces") == "a@b;to-tag=1;from-tag=2"
    assert await own.wait_ended(5) == "hung-up"
    await seat.leave()


@pytest.mark.parametrize("how", ["refused", "killed"])
async def test_a_caller_whom_nobody_took_over_comes_back_to_the_room(
    centre: Bench, operator: Telephone, ward: Telephone, how: str
) -> None:
    """Nobody is lost between two people.

    Given a caller whom the seat has left with the hospital, and an operator who sends them on and
    hangs up at once; when the ward refuses, or the switch is killed while it rings; then the
    caller, who heard the hold prompt, rings at the seat again.
    """
    seat, caller, own = await with_the_hospital(centre, operator)
    await seat.ask("complete_transfer")
    await until(lambda: caller_hears(centre) == ["rtp party"])
    await seat.ask("ready")
    own.refer(ward.address)
    ring = await ward.rung()
    own.hang_up()
    await centre.told("party-left")
    await until(lambda: caller_hears(centre) == ["play hold"])
    assert "call-ended" not in centre.types()
    if how == "killed":
        await centre.restart()
    else:
        ring.reject(480)
    requeued = await centre.told("call-requeued")
    assert requeued.body["seat_id"] == "M1"
    assert requeued.body["reason"] == ("party-lost" if how == "killed" else "transfer-failed")
    if how == "killed":
        await seat.leave()
        seat = Browser(centre, "M1", "op1")
        await seat.sit()
    await seat.ask("answer", call_id=await seat.offered())
    await centre.told("call-answered", 2)
    assert not caller.ended.is_set()
    assert centre.types().count("party-left") == 2
    await seat.leave()


async def test_a_party_whose_target_refuses_has_the_caller_still(
    centre: Bench, operator: Telephone, ward: Telephone
) -> None:
    """Given an operator who waits for the ward; when it is busy; then the operator is told, and
    talks on; a second request while the first rings is refused."""
    seat, _, own = await with_the_hospital(centre, operator)
    await seat.ask("complete_transfer")
    own.refer(ward.address)
    ring = await ward.rung()
    own.refer(ward.address)
    assert [await own.refer_progress.get() for _ in range(3)] == [202, 100, 491]
    ring.reject(486)
    assert await own.refer_progress.get() == 486
    assert caller_hears(centre) == ["rtp party"]
    assert "call-requeued" not in centre.types()
    await seat.leave()


async def test_a_party_whose_target_rang_over_a_kill_is_told(
    centre: Bench, operator: Telephone, ward: Telephone
) -> None:
    """Given an operator who waits for the ward; when the switch is killed; then the ring is over,
    the operator hears so and has the caller still."""
    seat, _, own = await with_the_hospital(centre, operator)
    own.refer(ward.address)
    ring = await ward.rung()
    await centre.restart()
    assert await ring.wait_ended(5) == "cancelled"
    assert [await own.refer_progress.get() for _ in range(3)] == [202, 100, 503]
    assert not own.ended.is_set()
    await seat.leave()


async def test_a_caller_who_gives_up_while_the_ward_rings_is_no_ring_for_ever(
    centre: Bench, operator: Telephone, ward: Telephone
) -> None:
    """Given a caller sent on; when they hang up; then the ward rings no longer and the call has
    its one end."""
    seat, caller, own = await with_the_hospital(centre, operator)
    await seat.ask("complete_transfer")
    own.refer(ward.address)
    ring = await ward.rung()
    own.hang_up()
    await centre.told("party-left")
    caller.hang_up()
    assert await ring.wait_ended(5) == "cancelled"
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("answered", "caller")
    await seat.leave()


@pytest.mark.parametrize("target", ["sip:0809123456@{house}", "sip:111@198.51.100.7", "tel:+62911"])
async def test_a_party_sends_nobody_where_others_pay(
    tmp_path: Path, operator: Telephone, target: str
) -> None:
    """Given a party whose line comes over a trunk, or one that names a stranger's machine or a
    number; then it is refused with a reason and nobody is called."""
    trunks = [{"name": "telco", "sources": ["127.0.0.1/32"]}]
    if "house" in target:
        trunks.append({"name": "other", "sources": [f"{HOUSE}/32"], "host": f"{HOUSE}:5060"})
    async with bench(tmp_path, trunks=trunks, offer_s=5) as centre:
        seat, _, own = await with_the_hospital(centre, operator)
        own.refer(target.format(house=HOUSE))
        assert await own.refer_progress.get() == 603
        fact = await centre.told("refer-refused")
        assert (fact.body["role"], fact.body["reason"]) == ("party", "not-allowed")
        assert fact.body["leg_id"] == (await centre.told("party-joined")).body["leg_id"]
        assert centre.types().count("party-added") == 1
        await seat.leave()


async def test_a_party_may_send_the_caller_to_whom_the_directory_names(
    tmp_path: Path, operator: Telephone, station: Telephone
) -> None:
    """Given an agency that the city pack names; then any party can send the caller there."""
    trunks = [{"name": "telco", "sources": ["127.0.0.8/32"]}]
    aliases = {"damkar": station.address}
    async with bench(tmp_path, trunks=trunks, offer_s=5, party_aliases=aliases) as centre:
        outside = Phone()
        await outside.start("127.0.0.8")
        seat = Browser(centre, "M1", "op1")
        await seat.sit()
        caller = outside.call("sip:112@127.0.0.1", centre.flow, OFFER)
        await caller.wait_answered(5)
        await seat.ask("answer", call_id=await seat.offered())
        await seat.ask("add_party", address=operator.address)
        own = await operator.rung()
        own.accept(OFFER)
        await centre.told("party-joined")
        own.refer(f"sip:damkar@{centre.flow.host}:{centre.flow.port}")
        (await station.rung()).accept(OFFER)
        assert await own.wait_ended(5) == "hung-up"
        await seat.leave()
        await outside.stop()


async def test_a_party_that_names_a_call_with_us_is_refused(
    centre: Bench, operator: Telephone, ward: Telephone
) -> None:
    """Given a party that would join our caller with another call of ours; then it is refused: it
    knows only its own end of that call."""
    seat, caller, own = await with_the_hospital(centre, operator)
    named = caller.leg.call_id.replace("@", "%40")
    own.refer(f"{ward.address}?Replaces={named}%3Bto-tag%3D1%3Bfrom-tag%3D2")
    assert await own.refer_progress.get() == 501
    assert (await centre.told("refer-refused")).body["reason"] == "attended"
    assert ward.rings == []
    await seat.leave()


# ---- of a trunk ---------------------------------------------------------------------------------


async def test_a_trunk_takes_a_transferred_call_over(referring: Bench, station: Telephone) -> None:
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
    referring: Bench, station: Telephone, how: str
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
    referring: Bench, station: Telephone
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
