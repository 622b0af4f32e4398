"""Trunks, registered phones and third parties, as they behave on a bad day."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until

from tahuri.telephony import rpc
from tahuri.telephony.sip import digest, sdp
from tahuri.telephony.sip.dialogs import Identity, Output
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.gate import Gate
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.switch.control import parties
from tahuri.telephony.switch.edge import registrar

OFFER = sdp.offer(ADDRESS, 40000, 1)


@pytest.fixture
async def phones() -> AsyncIterator[list[Phone]]:
    """Phones to be stopped afterwards."""
    started: list[Phone] = []
    yield started
    for phone in started:
        await phone.stop()


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media and one phone seat."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=5) as one:
        yield one


async def ringing(phones: list[Phone], account: Account | None = None) -> list[PhoneCall]:
    """A new phone; its incoming calls collect in the list."""
    calls: list[PhoneCall] = []
    phone = Phone(account, calls.append)
    await phone.start()
    phones.append(phone)
    return calls


async def talking(centre: Bench) -> tuple[Browser, PhoneCall]:
    """A browser seat in a call."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    call = await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    return seat, call


async def at_the_phone(centre: Bench, phones: list[Phone]) -> tuple[PhoneCall, PhoneCall]:
    """The phone of seat S1 in a call: the caller's side, its own."""
    rings = await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    caller = await centre.call()
    await until(lambda: rings)
    rings[0].accept(OFFER)
    await centre.told("call-answered")
    return caller, rings[0]


# ---- trunks -------------------------------------------------------------------------------------


async def test_each_trunk_is_known_by_its_own_addresses(
    tmp_path: Path, phones: list[Phone]
) -> None:
    """Two carriers: a call's trunk tells whom to ask for its origin; a third address is refused."""
    trunks = [
        {"name": "telkom", "sources": ["127.0.0.1/32"]},
        {"name": "mobile", "sources": ["127.0.0.8/29", "192.0.2.0/24"]},
    ]
    async with bench(
        tmp_path, trunks=trunks, sip={"address": "0.0.0.0", "udp_port": 0, "tcp_port": 0}
    ) as centre:
        for source in ("127.0.0.1", "127.0.0.9", "127.0.0.2"):
            phone = Phone()
            await phone.start(source)
            phones.append(phone)
            call = phone.call("sip:112@127.0.0.1", centre.flow, OFFER)
            if source == "127.0.0.2":
                with pytest.raises(CallFailed) as caught:
                    await call.wait_answered(5)
                assert caught.value.status == 403
            else:
                await call.wait_answered(5)
        arrived = [fact.body["trunk"] for fact in centre.facts() if "arrived" in fact.type]
        assert arrived == ["telkom", "mobile"]
        assert (await centre.told("call-refused")).body["reason"] == "not-allowed"


@pytest.mark.parametrize(
    "target", ["tel:112", "urn:service:sos", "urn:service:sos.ambulance", "sip:anything@x.invalid"]
)
async def test_whatever_a_trunk_sends_is_a_call(centre: Bench, target: str) -> None:
    """Carriers rewrite the number dialled; none of them may be a wrong number here."""
    call = centre.phone.call(target, centre.flow, OFFER)
    await call.wait_answered(5)
    await centre.told("call-queued")


@pytest.mark.parametrize(
    "xml",
    [
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b"<presence",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        b"",
        bytes(range(256)),
    ],
)
async def test_a_broken_location_costs_the_location_and_not_the_call(
    centre: Bench, xml: bytes
) -> None:
    """Whatever a network puts there, its caller is taken."""
    body = b"--e\r\nContent-Type: application/sdp\r\n\r\n" + OFFER
    body += b"\r\n--e\r\nContent-Type: application/pidf+xml\r\n\r\n" + xml + b"\r\n--e--\r\n"
    call = centre.phone.call(
        "urn:service:sos", centre.flow, body, content_type='multipart/mixed;boundary="e"'
    )
    await call.wait_answered(5)
    assert "location" not in (await centre.told("call-arrived")).personal


# ---- registered phones --------------------------------------------------------------------------


def saying(phone: Phone, *contacts: str) -> None:
    """What the phone names as its Contacts from now on."""

    class Named(Identity):
        def contact(self, *_: object, **__: object) -> str:
            return ", ".join(contacts)

    one = phone.agent.identity
    phone.agent.identity = Named(one.host, one.udp_port, one.tcp_port, one.user)


async def test_a_phone_that_takes_its_old_address_back_is_still_there(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given a phone whose address changes; when it takes the old one back, in the same REGISTER as
    it names the new one or in the next; then its seat is there, at the new address; when it takes
    that back, or everything; then it is gone."""
    await ringing(phones, Account("s1", "secret-S1"))
    phone, seat = phones[0], centre.switch.core.seats["S1"]
    here = f"{ADDRESS}:{phone.agent.identity.udp_port}"
    old, new = "<sip:s1@192.0.2.77:5060>", f"<sip:s1@{here};ob>"
    for leaving in (f"<sip:s1@{here}>", "*"):
        saying(phone, old)
        assert await phone.register(centre.flow) == 200
        saying(phone, f"{old};expires=0", f"{new};expires=60")
        assert await phone.register(centre.flow) == 200
        assert seat.attached
        assert seat.contact == new.strip("<>")
        saying(phone, old)
        assert await phone.register(centre.flow, 0) == 200
        assert seat.attached
        assert seat.state == "ready"
        saying(phone, leaving)
        assert await phone.register(centre.flow, 0) == 200
        assert not seat.attached


async def test_a_register_is_answered_with_what_is_bound(
    centre: Bench, phones: list[Phone]
) -> None:
    """RFC 3261 § 10.3: a phone that asks, or takes an old address back, hears where it is called.

    Given a registered phone; when it names no Contact; then the answer names the bound one.
    """
    await ringing(phones, Account("s1", "secret-S1"))
    phone = phones[0]
    answers: list[str | None] = []
    answered = centre.switch.core.endpoint.agent.respond

    def heard(*arguments: Any) -> list[Output]:
        headers = dict(arguments[3]) if len(arguments) > 3 else {}
        answers.append(headers.get("contact"))
        return answered(*arguments)

    centre.switch.core.endpoint.agent.respond = heard  # type: ignore[method-assign]
    contact = f"<sip:s1@{ADDRESS}:{phone.agent.identity.udp_port}>"
    for said in (contact, "", "<sip:s1@192.0.2.77>;expires=0"):
        saying(phone, said)
        assert await phone.register(centre.flow, 60) == 200
        assert answers[-1] == f"{contact};expires=60"
    saying(phone, contact)
    assert await phone.register(centre.flow, 0) == 200
    assert answers[-1] is None


async def test_a_stale_nonce_is_asked_anew_and_costs_nothing(
    centre: Bench, phones: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that slept has the right password; it must not be treated as a burglar."""
    await ringing(phones, Account("s1", "secret-S1"))
    punished: list[str] = []
    monkeypatch.setattr(Gate, "penalise", lambda _gate, source, _now: punished.append(source))
    with monkeypatch.context() as patch:
        patch.setattr(digest, "NONCE_LIFE_S", -1)
        assert await phones[0].register(centre.flow) == 401
    assert not centre.switch.core.seats["S1"].attached
    assert punished == []
    assert await phones[0].register(centre.flow) == 200


async def test_credentials_that_were_overheard_seat_nobody_elsewhere(
    centre: Bench, phones: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a phone that has registered; when another machine repeats its credentials; then it is
    challenged anew, and calls go on ringing at the phone."""
    overheard: list[str] = []
    credentials = digest.credentials

    def heard(*given: str | Account) -> str:
        overheard.append(credentials(*given))  # type: ignore[arg-type]
        return overheard[-1]

    monkeypatch.setattr(digest, "credentials", heard)
    await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    stranger = Phone(Account("s1", "guessed"))
    await stranger.start("127.0.0.2")
    phones.append(stranger)
    monkeypatch.setattr(digest, "credentials", lambda *_: overheard[0])
    assert await stranger.register(centre.flow) == 401
    assert centre.switch.core.seats["S1"].host == ADDRESS


async def test_a_phone_that_missed_a_call_rings_again_once_it_has_registered_anew(
    tmp_path: Path, phones: list[Phone]
) -> None:
    """A phone has no key to say ready with: without this a desk that was empty for twelve seconds
    would never ring again, and its caller would wait for ever."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=0.4) as centre:
        rings = await ringing(phones, Account("s1", "secret-S1"))
        assert await phones[0].register(centre.flow) == 200
        await centre.call()
        await centre.told("offer-missed")
        assert centre.switch.core.seats["S1"].reason == "missed-offer"
        before = len(rings)
        assert await phones[0].register(centre.flow) == 200
        await until(lambda: len(rings) > before)
        rings[-1].accept(OFFER)
        assert (await centre.told("call-answered")).body["seat_id"] == "S1"


async def test_a_wrong_password_never_gets_a_seat(
    centre: Bench, phones: list[Phone], caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever registers as a seat hears emergency calls; guessing is slowed down, and told."""
    await ringing(phones, Account("s1", "guess"))
    for _ in range(3):
        assert await phones[0].register(centre.flow) == 401
    assert not centre.switch.core.seats["S1"].attached
    assert "seat-taken" not in centre.types()
    assert centre.switch.core.counters["registrations-refused"] == 3
    stranger = Phone(Account("nobody", "guess"))
    await stranger.start()
    phones.append(stranger)
    assert await stranger.register(centre.flow) == 401
    told = [vars(one) for one in caplog.records if "may not register" in one.getMessage()]
    assert [(one["why"], one["username"]) for one in told] == [
        *3 * [("wrong-password", "s1")],
        ("unknown-username", ""),
    ]


async def test_nobody_sits_in_the_browser_at_a_telephones_seat(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given a phone seat whose telephone is away; when somebody types its name in the console; then
    it is refused with that reason, whoever they are, and the telephone registers as before: at such
    a seat no call would ever ring in the browser."""
    who = {"seat_id": "S1", "kind": "browser", "operator_id": "op1", "operator_name": "Ani"}
    for operator_id in ("op1", "op-S1"):
        with pytest.raises(rpc.Failure) as caught:
            await centre.switch.answer("take", {**who, "operator_id": operator_id})
        assert (caught.value.code, caught.value.detail) == ("seat-is-phone", "S1")
    assert centre.switch.core.seats["S1"].operator_id is None
    await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    await centre.told("seat-ready")


async def test_a_registration_that_is_not_renewed_ends_and_comes_back(
    centre: Bench, phones: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that lost its network must not be offered calls."""
    monkeypatch.setattr(registrar, "EXPIRES_S_MIN", 1)
    await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow, 1) == 200
    await centre.told("seat-ready")
    await centre.told("seat-vanished")
    await centre.call()
    assert "call-offered" not in centre.types()
    assert await phones[0].register(centre.flow) == 200
    await centre.told("call-offered")


async def test_a_phone_that_signs_off_while_it_rings_is_gone_after_a_time(
    tmp_path: Path, phones: list[Phone]
) -> None:
    """Given a phone seat where a call rings; when the phone takes its registration back; then the
    call is offered elsewhere, and the seat is nobody's after the time a seat may be away."""
    seats = [phone_seat("S1"), phone_seat("S2")]
    async with bench(tmp_path, seats=seats, offer_s=60, seat_vanish_s=0.4) as centre:
        calls = await ringing(phones, Account("s1", "secret-S1"))
        assert await phones[0].register(centre.flow) == 200
        await centre.call()
        await until(lambda: calls)
        others = await ringing(phones, Account("s2", "secret-S2"))
        assert await phones[1].register(centre.flow) == 200
        assert await phones[0].register(centre.flow, expires_s=0) == 200
        assert (await centre.told("seat-vanished")).body["operator_id"] == "op-S1"
        await until(lambda: others)
        assert await calls[0].wait_ended(5) == "cancelled"
        others[0].accept(OFFER)
        assert (await centre.told("call-answered")).body["seat_id"] == "S2"


async def test_a_phone_that_signs_off_in_a_call_keeps_it_and_is_gone_afterwards(
    tmp_path: Path, phones: list[Phone]
) -> None:
    """Given a phone seat that talks; when its registration is taken back; then the talk goes on;
    when it is over, nobody waits for that seat any more."""
    async with bench(tmp_path, seats=[phone_seat("S1")], offer_s=5) as centre:
        caller, _ = await at_the_phone(centre, phones)
        assert await phones[0].register(centre.flow, expires_s=0) == 200
        seat = centre.switch.core.seats["S1"]
        await until(lambda: centre.switch.core.monotonic_s() - (seat.gone_since or 1e9) > 0.6)
        assert seat.state == "busy"
        assert not caller.ended.is_set()
        caller.hang_up()
        await centre.told("seat-vanished")
        assert seat.state == "vanished"


async def test_a_phone_that_holds_its_line_plays_the_hold_prompt(
    centre: Bench, phones: list[Phone]
) -> None:
    """The hold key of a desk phone must do what the console's does: callers hang up on silence."""
    rings = await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    await centre.call()
    await until(lambda: rings)
    rings[0].accept(sdp.answer(sdp.parse(rings[0].session or b""), ADDRESS, 40010, 1))
    caller = centre.media.port("caller")
    await until(lambda: centre.media.hears(caller) == ["rtp seat"])
    for direction, void in (("sendonly", False), ("inactive", False), ("sendrecv", True)):
        address = "0.0.0.0" if void else ADDRESS
        rings[0].reoffer(sdp.offer(address, 40010, 2, direction))  # type: ignore[arg-type]
        assert await rings[0].reanswered.get() == 200
        await until(lambda: centre.media.hears(caller) == ["play hold"])
        assert centre.media.hears(centre.media.port("seat S1")) == []
        rings[0].reoffer(sdp.offer(ADDRESS, 40010, 3))
        assert await rings[0].reanswered.get() == 200
        await until(lambda: centre.media.hears(caller) == ["rtp seat"])
    kinds = centre.types()
    assert kinds.count("call-held") == kinds.count("call-resumed") == 3
    held = await centre.told("call-held")
    assert held.actor == "op-S1"


# ---- the caller's side --------------------------------------------------------------------------


async def test_a_caller_may_hold_move_and_change_the_codec(centre: Bench) -> None:
    """A phone with two lines, a network that hands over: the call goes on through all of it."""
    seat, call = await talking(centre)
    port = centre.media.port("caller")

    async def reoffered(session: bytes, status: int = 200) -> None:
        call.reoffer(session)
        assert await call.reanswered.get() == status

    for direction, mirrored in (("sendonly", b"recvonly"), ("inactive", b"inactive")):
        await reoffered(sdp.offer(ADDRESS, 40000, 2, direction))  # type: ignore[arg-type]
        assert b"a=" + mirrored in (call.session or b"")
        assert centre.media.remotes[port] == "None", "nothing is sent to who does not listen"
    await reoffered(sdp.offer(ADDRESS, 40000, 3).replace(b"RTP/AVP 8 0", b"RTP/AVP 0"))
    assert b"PCMU/8000" in (call.session or b"")
    assert b"PCMA" not in (call.session or b"")
    await reoffered(sdp.offer("127.0.0.7", 41000, 4))
    assert centre.media.remotes[port] == "127.0.0.7"
    await reoffered(OFFER.replace(b"RTP/AVP 8 0 101", b"RTP/AVP 18"), 488)
    assert centre.media.remotes[port] == "127.0.0.7", "a refused change changes nothing"
    assert centre.media.hears(port) == ["webrtc seat"]
    assert not call.ended.is_set()
    await seat.leave()


# ---- third parties ------------------------------------------------------------------------------


async def test_a_party_is_called_by_number_over_the_trunk_and_hangs_up(
    tmp_path: Path, phones: list[Phone]
) -> None:
    """The station's number, as a call taker types it."""
    rings = await ringing(phones)
    host = f"{ADDRESS}:{phones[0].agent.identity.udp_port}"
    trunks = [
        {"name": "telco", "sources": ["127.0.0.1/32"]},
        {"name": "out", "sources": [], "host": host, "default_out": True},
    ]
    async with bench(tmp_path, trunks=trunks) as centre:
        seat, call = await talking(centre)
        await seat.ask("add_party", address="+62 (911) 000-113")
        await until(lambda: rings)
        assert rings[0].request is not None
        assert rings[0].request.uri.startswith("sip:+62911000113@")
        added = await centre.told("party-added")
        assert added.personal["address"] == {"address": "+62 (911) 000-113"}
        assert "113" not in str(added.body)
        rings[0].accept(OFFER)
        await centre.told("party-joined")
        hears = ["rtp party", "webrtc seat"]
        await until(lambda: centre.media.hears(centre.media.port("caller")) == hears)
        rings[0].hang_up()
        assert (await centre.told("party-left")).body["reason"] == "hung-up"
        await until(lambda: centre.media.hears(centre.media.port("caller")) == ["webrtc seat"])
        assert not call.ended.is_set()
        await seat.leave()


async def test_a_party_that_is_busy_is_told_and_may_be_tried_again(
    centre: Bench, phones: list[Phone]
) -> None:
    """The call taker must see at once that nobody comes, and the caller stays."""
    rings = await ringing(phones)
    seat, call = await talking(centre)
    address = f"sip:damkar@{ADDRESS}:{phones[0].agent.identity.udp_port}"
    for number in (1, 2):
        await seat.ask("add_party", address=address)
        await until(lambda: len(rings) == number)  # noqa: B023
        rings[-1].reject(486)
        left = await centre.told("party-left", number)
        assert left.body["reason"] == "refused"
        assert left.body["status"] == 486
    await until(lambda: seat.state["call"]["parties"] == [])
    [gone] = seat.state["call"]["gone"]  # type: ignore[misc]
    assert (gone["address"], gone["reason"], gone["status"]) == (address, "refused", 486)
    await seat.ask("add_party", address=address)  # called once more it is not missing
    await until(lambda: seat.state["call"]["parties"])
    assert seat.state["call"]["gone"] == []
    assert not call.ended.is_set()
    await seat.leave()


async def test_whoever_the_seat_lets_go_itself_is_not_told_as_missing(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given parties that hang up or are dropped; then the seat sees none of them as a failure; of
    many that failed it sees the last three."""
    rings = await ringing(phones)
    seat, _ = await talking(centre)
    port = phones[0].agent.identity.udp_port
    for number in range(1, 7):
        await seat.ask("add_party", address=f"sip:rs{number}@{ADDRESS}:{port}")
        await until(lambda: len(rings) == number)  # noqa: B023
        if number == 5:
            leg_id = seat.state["call"]["parties"][0]["leg_id"]  # type: ignore[index]
            await seat.ask("drop_party", leg_id=leg_id)
        elif number == 6:
            rings[-1].accept(OFFER)
            await centre.told("party-joined")
            rings[-1].hang_up()
        else:
            rings[-1].reject(404)
        await centre.told("party-left", number)
    await until(lambda: seat.state["call"]["parties"] == [])
    gone = [one["address"] for one in seat.state["call"]["gone"]]  # type: ignore[attr-defined]
    assert gone == [f"sip:rs{number}@{ADDRESS}:{port}" for number in (4, 3, 2)]
    await seat.leave()


async def test_a_party_that_never_answers_is_given_up(
    centre: Bench, phones: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty station must not ring for ever."""
    monkeypatch.setattr(parties, "PARTY_RING_S", 0.5)
    rings = await ringing(phones)
    seat, call = await talking(centre)
    await seat.ask("add_party", address=f"sip:pln@{ADDRESS}:{phones[0].agent.identity.udp_port}")
    await until(lambda: rings)
    rings[0].ring()
    assert (await centre.told("party-left")).body["reason"] == "no-answer"
    assert await rings[0].wait_ended(5) == "cancelled"
    assert not call.ended.is_set()
    await seat.leave()


async def test_parties_leave_with_the_caller(centre: Bench, phones: list[Phone]) -> None:
    """One that talks and one that rings: neither is left on a dead line."""
    talks, rings = await ringing(phones), await ringing(phones)
    seat, call = await talking(centre)
    for phone in phones:
        port = phone.agent.identity.udp_port
        await seat.ask("add_party", address=f"sip:station@{ADDRESS}:{port}")
    await until(lambda: talks and rings)
    talks[0].accept(OFFER)
    rings[0].ring()
    await centre.told("party-joined")
    call.hang_up()
    await talks[0].wait_ended(5)
    assert await rings[0].wait_ended(5) == "cancelled"
    await centre.told("recording-closed")
    assert [fact.body["reason"] for fact in centre.facts() if "party-left" in fact.type] == [
        "call-ended",
        "call-ended",
    ]
    assert centre.types().count("call-ended") == 1
    await until(lambda: "rtp" not in [kind for kind, _ in centre.media.ports.values()])
    await seat.leave()


async def test_a_phone_that_answered_while_the_switch_was_killed_is_heard(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given a seat's phone that answers, and media that is slow to let it hear; when the switch is
    killed meanwhile; then the phone still has the caller, and is asked for its session anew: a
    caller who is said to talk must not talk to nobody."""
    rings = await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    caller = await centre.call()
    await until(lambda: rings)
    rings[0].on_reoffer = lambda session: OFFER
    centre.media.stalls.add("set_remote")
    rings[0].accept(OFFER)
    await centre.told("call-answered")
    centre.media.remotes.clear()
    await centre.restart()
    centre.media.stalls.clear()
    await until(lambda: centre.media.port("seat") in centre.media.remotes)
    await until(lambda: centre.media.hears(centre.media.port("caller")) == ["rtp seat"])
    assert not rings[0].ended.is_set()
    caller.hang_up()
    assert await rings[0].wait_ended(5) == "hung-up"
    assert (await centre.told("call-ended")).body["outcome"] == "answered"


async def test_a_phone_that_rang_and_answered_too_late_for_a_kill_is_hung_up(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given a caller whose call waits for a slow media, and a phone that answers meanwhile; when
    the switch is killed before it gives them to each other; then the phone is hung up and the
    caller rings anew."""
    rings = await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    await centre.call()
    await until(lambda: rings)
    call = next(iter(centre.switch.core.calls.values()))
    asleep = asyncio.Event()
    centre.switch.core.post(call.call_id, asleep.wait)  # the call's steps wait for a slow one
    rings[0].accept(OFFER)
    await until(lambda: rings[0].leg.confirmed)
    await centre.restart()
    assert await rings[0].wait_ended(5) == "hung-up"
    await until(lambda: len(rings) == 2)
    rings[1].accept(OFFER)
    assert (await centre.told("call-answered")).body["seat_id"] == "S1"


async def test_a_party_that_answered_while_the_switch_was_killed_is_hung_up(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given an agency that answers, and media that is slow; when the switch is killed meanwhile;
    then the agency is not left alone on a silent line, and the seat is told that it is gone."""
    rings = await ringing(phones)
    seat, _ = await talking(centre)
    await seat.ask("add_party", address=f"sip:rs@{ADDRESS}:{phones[0].agent.identity.udp_port}")
    await until(lambda: rings)
    centre.media.stalls.add("set_remote")
    rings[0].accept(OFFER)
    await until(lambda: rings[0].leg.confirmed)
    await centre.restart()
    centre.media.stalls.clear()
    assert await rings[0].wait_ended(5) == "hung-up"
    assert (await centre.told("party-left")).body["reason"] == "failed"
    await seat.leave()
    again = Browser(centre, "M1", "op1")
    await again.sit(ready=False)
    await again.until(lambda state: [one["reason"] for one in state["call"]["gone"]] == ["failed"])
    await again.leave()


async def test_a_call_that_ends_while_the_switch_is_stopped_is_hung_up(
    centre: Bench, phones: list[Phone], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a seat's phone that hangs up in the very moment in which the switch is told to stop;
    then the caller's telephone hears of it, from this process or from the next: what a step sends
    while the switch stops is not lost on closed sockets."""
    caller, own = await at_the_phone(centre, phones)
    stopping = centre.switch._rpc.stop

    async def slowly() -> None:
        own.hang_up()
        await asyncio.sleep(0.05)
        await stopping()

    monkeypatch.setattr(centre.switch._rpc, "stop", slowly)
    await centre.restart()
    assert await caller.wait_ended(5) == "hung-up"
    assert (await centre.told("call-ended")).body["by"] == "seat"


async def test_a_phone_that_answers_nobody_during_a_restart_is_hung_up(
    centre: Bench, phones: list[Phone]
) -> None:
    """Given a seat's phone that rings; when it answers while no switch is there to hear it; then
    the next one hears the answer when it is repeated, and ends it: the caller rings there anew."""
    rings = await ringing(phones, Account("s1", "secret-S1"))
    assert await phones[0].register(centre.flow) == 200
    await centre.call()
    await until(lambda: rings)
    await centre.switch.stop()
    rings[0].accept(OFFER)
    await asyncio.sleep(0.05)
    await centre.resume()
    assert await rings[0].wait_ended(5) == "hung-up"
    await until(lambda: len(rings) == 2)
