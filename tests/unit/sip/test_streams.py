"""TLS, keep-alives and connections that break, on real sockets."""

import asyncio
import contextlib
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from tahuri.host.certificate import own_certificate
from tahuri.telephony.sip import transport
from tahuri.telephony.sip.gate import Gate, neighbourhood
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall
from tahuri.telephony.sip.sdp import answer, offer, parse
from tahuri.telephony.sip.tls import client_context, server_context
from tahuri.telephony.sip.transaction import Flow

OFFER = offer("127.0.0.1", 40000, 1)
OPTIONS = (
    b"OPTIONS sip:112@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:1;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:112@127.0.0.1>\r\nCall-ID: 1\r\n"
    b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Callee:
    """A phone that answers every call, over TLS as well."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self.phone = Phone(on_call=self._take)

    def _take(self, call: PhoneCall) -> None:
        call.on_reoffer = lambda session: answer(parse(session or OFFER), "127.0.0.1", 40002, 2)
        call.accept(answer(parse(OFFER), "127.0.0.1", 40002, 1))
        self.calls.put_nowait(call)

    def flow(self, kind: str) -> Flow:
        return Flow(kind, "127.0.0.1", self.phone.agent.identity.port(kind))


@pytest.fixture
async def callee(tmp_path: Path) -> AsyncIterator[Callee]:
    """A phone that is called."""
    one = Callee()
    await one.phone.start(user="callee", context=server_context(*own_certificate(tmp_path, ())))
    yield one
    await one.phone.stop()


@pytest.fixture
async def caller() -> AsyncIterator[Phone]:
    """A phone that calls; it listens nowhere for TLS."""
    phone = Phone()
    await phone.start(user="caller")
    yield phone
    await phone.stop()


async def up(caller: Phone, callee: Callee, kind: str) -> tuple[PhoneCall, PhoneCall]:
    """A call over that transport, as both sides have it."""
    call = caller.call("sip:112@127.0.0.1", callee.flow(kind), OFFER)
    await call.wait_answered(10)
    called = await callee.calls.get()
    await called.wait_answered(10)
    return call, called


@pytest.mark.parametrize("hangs_up", ["caller", "callee"])
async def test_a_call_over_tls_is_made_and_ended(
    caller: Phone, callee: Callee, tmp_path: Path, hangs_up: str
) -> None:
    """What is said in the signalling of an emergency call is nobody's business on the way."""
    caller.trust(callee.flow("TLS"), client_context(authority=tmp_path / "root.pem"))
    call, called = await up(caller, callee, "TLS")
    assert called.leg.transport == "TLS"
    assert ";transport=tls" in called.leg.target
    (call if hangs_up == "caller" else called).hang_up()
    assert await call.wait_ended(10) == await called.wait_ended(10) == "hung-up"


async def test_a_certificate_of_a_stranger_is_not_believed(caller: Phone, callee: Callee) -> None:
    """Nobody in the middle may take the call: without the authority nothing is sent."""
    call = caller.call("sip:112@127.0.0.1", callee.flow("TLS"), OFFER)
    with pytest.raises(CallFailed):
        await call.wait_answered(10)
    assert callee.calls.empty()


async def test_verification_can_be_switched_off(caller: Phone, callee: Callee) -> None:
    """A carrier with a certificate of its own making is better than one in the clear."""
    caller.trust(callee.flow("TLS"), client_context(verify=False))
    call, _ = await up(caller, callee, "TLS")
    call.hang_up()


async def test_an_old_protocol_is_refused(callee: Callee) -> None:
    """TLS 1.1 and below can be broken on the way."""
    context = client_context(verify=False)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", callee.flow("TLS").port, ssl=context)


async def test_whoever_never_shakes_hands_is_counted_and_cut(
    callee: Callee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent connections must not take the places of trunks."""
    monkeypatch.setattr(transport, "TLS_HANDSHAKE_WITHIN_S", 0.3)
    monkeypatch.setattr(transport, "TCP_CONNECTIONS_A_SOURCE_MAX", 2)
    port = callee.flow("TLS").port
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
    async with asyncio.timeout(5):
        for reader, _ in opened[::-1]:
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
    for _, writer in opened:
        writer.close()
    context = client_context(verify=False)
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(OPTIONS)
    async with asyncio.timeout(5):
        assert (await reader.read(100)).startswith(b"SIP/2.0 200")
    writer.close()


async def test_a_full_house_takes_no_more_connections(
    caller: Phone, callee: Callee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then our own call fails at once, and is told."""
    monkeypatch.setattr(transport, "TCP_CONNECTIONS_MAX", 0)
    call = caller.call("sip:112@127.0.0.1", callee.flow("TCP"), OFFER)
    with pytest.raises(CallFailed):
        await call.wait_answered(10)


@pytest.mark.parametrize("kind", ["TCP", "TLS"])
async def test_a_ping_is_answered(callee: Callee, kind: str) -> None:
    """RFC 5626: a phone that hears no answer gives its connection up in mid-call."""
    context = client_context(verify=False) if kind == "TLS" else None
    reader, writer = await asyncio.open_connection("127.0.0.1", callee.flow(kind).port, ssl=context)
    async with asyncio.timeout(5):
        writer.write(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.write(b"\r\n")  # a ping may come in two pieces
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"\r\n")
        assert await reader.readexactly(2) == b"\r\n"
        writer.write(b"\r\n" + OPTIONS)  # no ping
        assert await reader.readexactly(11) == b"SIP/2.0 200"
    writer.close()


async def test_an_idle_connection_is_closed_unless_a_call_needs_it(
    caller: Phone, callee: Callee, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call may be silent on the wire for an hour; a forgotten connection takes a place."""
    call, called = await up(caller, callee, "TCP")
    of_call = callee.phone._endpoint._transports._streams[called.leg.flow]
    assert of_call.transport is not None
    connected: socket.socket = of_call.transport.get_extra_info("socket")
    assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    reader, writer = await asyncio.open_connection("127.0.0.1", callee.flow("TCP").port)
    monkeypatch.setattr(transport, "TCP_IDLE_S", 0.0)
    callee.phone._endpoint._transports._close_idle()
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    writer.close()
    streams = callee.phone._endpoint._transports._streams
    assert called.leg.flow in streams
    call.hang_up()
    await called.wait_ended(10)


@pytest.mark.parametrize("hangs_up", ["caller", "callee"])
async def test_a_broken_connection_is_made_again_for_the_dialog(
    caller: Phone, callee: Callee, hangs_up: str
) -> None:
    """A router that forgets a connection must not keep a caller from hanging up."""
    call, called = await up(caller, callee, "TCP")
    for phone in (caller, callee.phone):
        for stream in set(phone._endpoint._transports._streams.values()):
            assert stream.transport is not None
            stream.transport.abort()
    await asyncio.sleep(0.05)
    assert not caller._endpoint._transports._streams
    (call if hangs_up == "caller" else called).hang_up()
    assert await call.wait_ended(10) == await called.wait_ended(10) == "hung-up"


async def test_requests_that_wait_for_a_connection_share_it(caller: Phone, callee: Callee) -> None:
    """Ten calls at once over a trunk are ten calls, not ten handshakes."""
    calls = [caller.call("sip:112@127.0.0.1", callee.flow("TCP"), OFFER) for _ in range(10)]
    for call in calls:
        await call.wait_answered(10)
    assert len(set(caller._endpoint._transports._streams.values())) == 1
    for call in calls:
        call.hang_up()
        await call.wait_ended(10)


async def test_a_name_is_connected_to_once(caller: Phone, callee: Callee) -> None:
    """A trunk is often set by its name: its connection is known by that name as well."""
    port = callee.flow("TCP").port
    for _ in range(2):
        call = caller.call("sip:112@localhost", Flow("TCP", "localhost", port), OFFER)
        await call.wait_answered(10)
        call.hang_up()
        await call.wait_ended(10)
    assert len(set(caller._endpoint._transports._streams.values())) == 1


async def test_nobody_listening_is_told_at_once(caller: Phone) -> None:
    """An operator must not wait 32 s to hear that the agency's line is down."""
    call = caller.call("sip:112@127.0.0.1", Flow("TCP", "127.0.0.1", 1), OFFER)
    with pytest.raises(CallFailed) as caught:
        await call.wait_answered(10)
    assert caught.value.status == 408


async def test_a_sips_call_names_sips_contacts(caller: Phone, callee: Callee) -> None:
    """RFC 3261 § 12.1: what was asked for secured on every hop stays so."""
    caller.trust(callee.flow("TLS"), client_context(verify=False))
    call = caller.call("sips:112@127.0.0.1", callee.flow("TLS"), OFFER)
    await call.wait_answered(10)
    called = await callee.calls.get()
    assert called.leg.target.startswith("sips:")
    call.hang_up()
    await called.wait_ended(10)


def test_strangers_of_one_ipv6_network_share_one_limit() -> None:
    """One device there has more addresses than the whole of IPv4; a trunk is known by its own."""
    gate = Gate(trunks=[ip_network("2001:db8:1::5/128")])
    strangers = (f"2001:db8:1::{n:x}" for n in range(0x100, 0x300))
    verdicts = [gate.admit(source, b"x", 0.0) for source in strangers]
    assert "shed" in verdicts
    assert gate.admit("2001:db8:1::5", b"x", 0.0) == "in"
    assert gate.admit("2001:db8:2::1", b"x", 0.0) == "in"
    assert gate.admit("fe80::1%lo", b"x", 0.0) == "in"
    assert neighbourhood("192.0.2.1") == "192.0.2.1"
    assert neighbourhood("no:address") == "no:address"
