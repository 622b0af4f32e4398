"""Far ends that vanish, that are heard before they answer, and that speak IPv6."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until

from ports import has_ipv6
from tahuri.telephony.sip import sdp, sessions
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import Phone, PhoneCall
from tahuri.telephony.sip.sessions import Times
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch.control import parties

SHORT = {"session_expires_s": 3, "session_least_s": 1}
"""Timers that a test can wait for."""


def timed(address: str = ADDRESS, port: int = 0) -> dict[str, object]:
    """Settings of SIP with short timers."""
    return {"address": address, "udp_port": port, "tcp_port": port, **SHORT}


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A centre with short session timers."""
    async with bench(tmp_path, sip=timed()) as one:
        one.phone.agent.times = Times(3, 1)
        yield one


async def test_a_caller_who_refreshes_stays_and_one_who_vanishes_is_found(centre: Bench) -> None:
    """Given two callers; when one's device dies without a word; then its call ends, alone."""
    lasting = await centre.call("<sip:+620001@127.0.0.1>")
    vanishing = Phone()
    await vanishing.start()
    vanishing.agent.times = Times(3, 1)
    offer = sdp.offer(ADDRESS, 40000, 1)
    call = vanishing.call("sip:112@127.0.0.1", centre.flow, offer)
    await call.wait_answered(5)
    await vanishing.stop()
    ended = await centre.told("call-ended")
    assert ended.body["reason"] == "session-expired"
    assert ended.body["by"] == "failure"
    await until(lambda: len(centre.switch.core.calls) == 1)
    assert not lasting.ended.is_set()
    lasting.hang_up()
    await centre.told("call-ended", 2)


async def test_a_killed_switch_asks_whether_its_callers_are_still_there(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever hung up in the moment of a kill must not ring at seats as a ghost.

    Given two callers; when the switch is killed and one device loses its call meanwhile; then the
    next switch asks both, ends the one call that is gone (481), and keeps the other.
    """
    monkeypatch.setattr(sessions, "PROBE_S", 0.1)
    lasting = await centre.call("<sip:+620001@127.0.0.1>")
    device = Phone()
    await device.start()
    port = device.agent.identity.udp_port
    gone = device.call("sip:112@127.0.0.1", centre.flow, sdp.offer(ADDRESS, 40000, 1))
    await gone.wait_answered(5)
    await centre.switch.stop()
    await device.stop()
    again = Phone()
    await again.start(udp_port=port)
    await centre.resume()
    ended = await centre.told("call-ended")
    assert (ended.body["by"], ended.body["reason"]) == ("failure", "lost")
    await until(lambda: len(centre.switch.core.calls) == 1)
    [kept] = centre.switch.core.calls.values()
    await until(lambda: not kept.leg.probe)
    assert kept.leg.refreshes == "them"
    assert not lasting.ended.is_set()
    await again.stop()


class Agency:
    """A third party that is called."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.phone = Phone(on_call=self.calls.put_nowait)

    @property
    def address(self) -> str:
        return f"sip:polisi@{ADDRESS}:{self.phone.agent.identity.udp_port}"


@pytest.fixture
async def agency() -> AsyncIterator[Agency]:
    """An agency's phone."""
    one = Agency()
    await one.phone.start(user="polisi")
    yield one
    await one.phone.stop()


async def test_a_called_party_is_heard_by_the_seat_alone_before_it_answers(
    centre: Bench, agency: Agency
) -> None:
    """Given a call; when a party sends early media (an announcement, a ring-back); then the seat
    hears it and the caller does not, until the party answers."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await seat.ask("add_party", address=agency.address)
    async with asyncio.timeout(5):
        called = await agency.calls.get()
    session = sdp.answer(sdp.parse(called.session or b""), ADDRESS, 40700, 1)
    called.ring(session)
    media = centre.media
    port = media.port("seat M1")
    await until(lambda: "rtp party" in media.hears(port))
    assert media.hears(media.port("caller")) == ["webrtc seat"]
    assert media.hears(media.port("party")) == []
    called.accept(session)
    await centre.told("party-joined")
    await until(lambda: media.hears(media.port("party")) == ["rtp caller", "webrtc seat"])
    assert media.hears(media.port("caller")) == ["rtp party", "webrtc seat"]
    await seat.leave()


async def test_a_party_that_never_answers_is_heard_no_more(centre: Bench, agency: Agency) -> None:
    """Given early media; when the party refuses; then it is off the call and off the ear."""
    seat = Browser(centre, "M1", "op1")
    await seat.sit()
    await centre.call()
    await seat.ask("answer", call_id=await seat.offered())
    await seat.ask("add_party", address=agency.address)
    async with asyncio.timeout(5):
        called = await agency.calls.get()
    called.ring(sdp.answer(sdp.parse(called.session or b""), ADDRESS, 40700, 1))
    port = centre.media.port("seat M1")
    await until(lambda: "rtp party" in centre.media.hears(port))
    called.reject(486)
    assert (await centre.told("party-left")).body["status"] == 486
    await until(lambda: "rtp party" not in centre.media.hears(port))
    await seat.leave()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_call_over_ipv6(tmp_path: Path, transport: str) -> None:
    """Given a centre on an IPv6 address; when a trunk of an IPv6 network calls; then it is let in,
    offered, and ended by either side: every address on the wire is in brackets."""
    trunks = [{"name": "ims", "sources": ["::1/128"]}]
    caller = Phone()
    settings = {"sip": timed("::1"), "public_address": "::1", "trunks": trunks}
    async with bench(tmp_path, **settings) as one:
        await caller.start("::1")
        try:
            port = one.switch.core.endpoint.agent.identity.port(transport)
            offer = sdp.offer("::1", 40000, 1)
            assert b"c=IN IP6 ::1" in offer
            call = caller.call("sip:112@[::1]", Flow(transport, "::1", port), offer)
            session = await call.wait_answered(5)
            assert session is not None
            assert b"c=IN IP6 ::1" in session
            arrived = await one.told("call-arrived")
            assert arrived.body["trunk"] == "ims"
            assert f"@[::1]:{port}" in call.leg.target
            [kept] = one.switch.core.calls.values()
            await until(lambda: kept.leg.confirmed)
            one.switch.core.perform(
                one.switch.core.endpoint.agent.hang_up(kept.leg, one.switch.core.sip_now)
            )
            assert await call.wait_ended(5) == "hung-up"
        finally:
            await caller.stop()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")
async def test_a_telephone_registers_over_ipv6(tmp_path: Path) -> None:
    """Given a seat whose phone has IPv6 alone; when it registers; then it is bound there."""
    settings = {"sip": timed("::1"), "public_address": "::1", "seats": [phone_seat("S1")]}
    phone = Phone(Account("s1", "secret-S1"))
    async with bench(tmp_path, trunks=[], **settings) as centre:
        await phone.start("::1")
        try:
            port = centre.switch.core.endpoint.agent.identity.udp_port
            assert await phone.register(Flow("UDP", "::1", port)) == 200
            assert centre.switch.core.seats["S1"].host == "::1"
        finally:
            await phone.stop()


def test_addresses_of_ipv6_are_dialled_in_brackets(tmp_path: Path) -> None:
    """A number goes out by a trunk at an IPv6 address."""
    trunk = {"name": "ims", "sources": ["2001:db8::/32"], "host": "[2001:db8::5]:5070"}
    one = Bench(tmp_path, trunks=[trunk], public_address="2001:db8::1")
    assert parties.destination(one.switch.core, "110") == (
        "sip:110@[2001:db8::5]:5070",
        Flow("UDP", "2001:db8::5", 5070),
    )
    assert parties.destination(one.switch.core, "sip:a@[2001:DB8:0::9]")[1] == Flow(
        "UDP", "2001:db8::9", 5060
    )
    assert one.switch.core.local("112") == "<sip:112@[2001:db8::1]>"


def test_an_address_at_a_trunk_is_called_as_the_trunk_is(tmp_path: Path) -> None:
    """Keys of encrypted sound must not travel in the clear because nobody typed a transport."""
    lines = [
        {"name": "seluler", "sources": ["192.0.2.3"], "host": "192.0.2.3:5061", "transport": "tls"},
        {"name": "telkom", "sources": ["192.0.2.2"], "host": "192.0.2.2"},
    ]
    core = Bench(tmp_path, trunks=lines).switch.core
    over_tls = Flow("TLS", "192.0.2.3", 5061)
    for typed in ("sip:rs@192.0.2.3:5061", "sip:rs@192.0.2.3"):
        assert parties.destination(core, typed) == (f"{typed};transport=tls", over_tls)
    for typed, flow in (
        ("sip:rs@192.0.2.3:5061;transport=tcp", Flow("TCP", "192.0.2.3", 5061)),
        ("sip:rs@192.0.2.3:5070", Flow("UDP", "192.0.2.3", 5070)),
        ("sip:rs@192.0.2.2", Flow("UDP", "192.0.2.2", 5060)),
        ("sip:rs@192.0.2.9", Flow("UDP", "192.0.2.9", 5060)),
    ):
        assert parties.destination(core, typed) == (typed, flow)
