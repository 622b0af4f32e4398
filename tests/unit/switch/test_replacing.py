"""INVITE with Replaces: a far side puts another telephone in the place of one on a call."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from telephones import Telephone

from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall

OFFER = sdp.offer(ADDRESS, 40000, 1)


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media, a phone seat and a trunk."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=5, transfer_s=5) as one:
        yield one


@pytest.fixture
async def ward() -> AsyncIterator[Phone]:
    """The telephone that takes somebody's place."""
    one = Phone()
    await one.start()
    yield one
    await one.stop()


def named(leg: Leg, more: str = "") -> tuple[tuple[str, str], ...]:
    """The header that names a dialog, as its far side sees it: our local tag is the switch's."""
    tags = f"to-tag={leg.remote_tag};from-tag={leg.local_tag}"
    return (("replaces", f"{leg.call_id};{tags}{more}"),)


def replaced(centre: Bench, phone: Phone, headers: tuple[tuple[str, str], ...]) -> PhoneCall:
    """An INVITE with such a header."""
    from_ = "<sip:+620119@127.0.0.1>"
    return phone.call("sip:112@127.0.0.1", centre.flow, OFFER, from_, headers=headers)


async def status_of(call: PhoneCall) -> int:
    """200, or with what it was refused."""
    try:
        await call.wait_answered(5)
    except CallFailed as failed:
        return failed.status
    return 200


def hears(centre: Bench, name: str) -> list[str]:
    return centre.media.hears(centre.media.port(name))


async def answered(centre: Bench) -> tuple[Browser, PhoneCall, str]:
    """A browser seat in a call; the caller's side, the call's id."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    caller = await centre.call()
    call_id = await seat.offered()
    await seat.ask("answer", call_id=call_id)
    await until(lambda: hears(centre, "caller") == ["webrtc seat"])
    return seat, caller, call_id


async def test_another_telephone_takes_the_callers_place(centre: Bench, ward: Phone) -> None:
    """Given a call; when the caller's exchange moves it to another telephone; then the former one
    is hung up, seat and new one hear each other, and the same recording and call go on."""
    seat, caller, _ = await answered(centre)
    recordings = dict(centre.media.recordings)
    new = replaced(centre, ward, named(caller.leg))
    assert await status_of(new) == 200
    assert await caller.wait_ended(5) == "hung-up"
    fact = await centre.told("leg-replaced")
    assert (fact.body["role"], fact.body["early"]) == ("caller", False)
    assert fact.personal["caller"]["number"] == "+620119"
    callers = [p for p, (_, name) in centre.media.ports.items() if name.startswith("caller")]
    await until(
        lambda: len([1 for _, n in centre.media.ports.values() if n.startswith("caller")]) == 1
    )
    assert hears(centre, "caller") == ["webrtc seat"]
    assert callers
    assert centre.media.recordings == recordings
    new.hang_up()
    ended = await centre.told("call-ended")
    assert (ended.body["outcome"], ended.body["by"]) == ("answered", "caller")
    assert centre.types().count("call-arrived") == 1
    await seat.leave()


async def test_the_new_telephone_is_kept_over_a_kill(centre: Bench, ward: Phone) -> None:
    """Given a caller whose telephone was replaced; when the switch is killed; then the next one
    has the new dialog, and its BYE ends the call."""
    seat, caller, _ = await answered(centre)
    new = replaced(centre, ward, named(caller.leg))
    assert await status_of(new) == 200
    await centre.told("leg-replaced")
    await caller.wait_ended(5)
    await centre.restart()
    assert not new.ended.is_set()
    new.hang_up()
    assert (await centre.told("call-ended")).body["by"] == "caller"
    await seat.leave()


async def test_a_party_is_moved_to_its_ward(centre: Bench, ward: Phone, station: Telephone) -> None:
    """Given a hospital on the call; when it moves its line to the ward; then all three talk on."""
    seat, _, _ = await answered(centre)
    phone, rings = station.phone, station.rings
    await seat.ask("add_party", address=f"sip:rs@{ADDRESS}:{phone.agent.identity.udp_port}")
    await until(lambda: rings)
    rings[0].accept(OFFER)
    joined = await centre.told("party-joined")
    new = replaced(centre, ward, named(rings[0].leg))
    assert await status_of(new) == 200
    assert await rings[0].wait_ended(5) == "hung-up"
    fact = await centre.told("leg-replaced")
    assert (fact.body["role"], fact.body["leg_id"]) == ("party", joined.body["leg_id"])
    await until(lambda: hears(centre, "caller") == ["rtp party", "webrtc seat"])
    assert "party-left" not in centre.types()
    new.hang_up()
    assert (await centre.told("party-left")).body["reason"] == "hung-up"
    await seat.leave()


async def test_a_ringing_party_is_answered_at_another_telephone(
    centre: Bench, ward: Phone, station: Telephone
) -> None:
    """Given a party that rings; when another telephone there picks it up, early dialogs only; then
    it has joined, and the first one rings no longer."""
    seat, _, _ = await answered(centre)
    phone, rings = station.phone, station.rings
    await seat.ask("add_party", address=f"sip:rs@{ADDRESS}:{phone.agent.identity.udp_port}")
    await until(lambda: rings)
    rings[0].ring()
    call = next(iter(centre.switch.core.calls.values()))
    await until(lambda: call.parties[0].leg.rang)
    new = replaced(centre, ward, named(rings[0].leg, ";early-only"))
    assert await status_of(new) == 200
    await rings[0].wait_ended(5)
    assert (await centre.told("leg-replaced")).body["early"] is True
    await centre.told("party-joined")
    await until(lambda: hears(centre, "caller") == ["rtp party", "webrtc seat"])
    await seat.leave()


async def test_a_seats_phone_moves_its_call_to_another_line(centre: Bench, desk: Telephone) -> None:
    """Given a phone seat in a call; when that registered phone takes the call on a new dialog;
    then the seat keeps its call."""
    rings = desk.rings
    assert await desk.phone.register(centre.flow) == 200
    caller = await centre.call()
    await until(lambda: rings)
    rings[0].accept(OFFER)
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    new = replaced(centre, desk.phone, named(rings[0].leg))
    assert await status_of(new) == 200
    await rings[0].wait_ended(5)
    fact = await centre.told("leg-replaced")
    assert (fact.body["role"], fact.body["leg_id"]) == ("seat", "S1")
    await until(lambda: hears(centre, "caller") == ["rtp seat"])
    assert not caller.ended.is_set()
    new.hang_up()
    assert (await centre.told("call-ended")).body["by"] == "seat"


async def test_what_may_not_take_a_place_is_refused_and_changes_nothing(
    centre: Bench, ward: Phone
) -> None:
    """No such dialog 481; broken or twice 400; answered already, early only 486; another's phone
    403.  Caller and seat notice nothing, and nobody is taken for a new caller."""
    seat, caller, _ = await answered(centre)
    leg = caller.leg
    wrong = (("replaces", f"{leg.call_id};to-tag={leg.local_tag};from-tag={leg.remote_tag}"),)
    asked = {
        wrong: 481,
        (("replaces", leg.call_id),): 400,
        named(leg) + named(leg): 400,
        named(leg, ";early-only"): 486,
    }
    for headers, status in asked.items():
        assert await status_of(replaced(centre, ward, headers)) == status
    assert centre.switch.core.counters["replaces-refused"] == len(asked)
    await asyncio.sleep(0)
    assert hears(centre, "caller") == ["webrtc seat"]
    assert not caller.ended.is_set()
    assert centre.types().count("call-arrived") == 1
    assert centre.types().count("call-refused") == len(asked)  # each INVITE has its outcome
    assert "leg-replaced" not in centre.types()
    await seat.leave()


async def test_one_trunk_takes_no_caller_of_another(tmp_path: Path) -> None:
    """Given a caller of one trunk; when an INVITE from another, or from a stranger, names that
    dialog; then it is refused 403 with a fact, and the caller talks on."""
    trunks = [
        {"name": "telco", "sources": ["127.0.0.1/32"]},
        {"name": "another", "sources": ["127.0.0.2/32"]},
    ]
    async with bench(tmp_path, offer_s=5, trunks=trunks) as centre:
        caller = await centre.call()
        for number, source in enumerate(("127.0.0.2", "127.0.0.3"), 1):
            phone = Phone()
            await phone.start(source)
            assert await status_of(replaced(centre, phone, named(caller.leg))) == 403
            await phone.stop()
            refused = [f.body for f in centre.facts() if f.type == "calls.call-refused"]
            assert [(one["status"], one["reason"]) for one in refused] == (
                number * [(403, "not-allowed")]
            )
        assert not caller.ended.is_set()
