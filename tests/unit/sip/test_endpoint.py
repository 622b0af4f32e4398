"""Real sockets: rubbish, overload, streams cut in odd places."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from tahuri.telephony.sip import events, transport
from tahuri.telephony.sip.endpoint import Endpoint
from tahuri.telephony.sip.gate import Bucket, Gate

REQUEST = (
    "{method} sip:112@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/{over} 127.0.0.1:1;branch=z9hG4bK{n};rport\r\n"
    "From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:112@127.0.0.1>\r\nCall-ID: {n}\r\n"
    "CSeq: 1 {method}\r\nContact: <sip:a@127.0.0.1:1>\r\n{extra}\r\n"
)


def text(method: str, over: str = "TCP", n: int = 1, extra: str = "Content-Length: 0\r\n") -> bytes:
    """A request by hand."""
    return REQUEST.format(method=method, over=over, n=n, extra=extra).encode()


class Told:
    """An endpoint and what it told."""

    def __init__(self) -> None:
        self.events: list[events.Event] = []
        self.gate = Gate()
        self.endpoint = Endpoint(self.events.append, self.gate)

    @property
    def port(self) -> int:
        return self.endpoint.agent.identity.tcp_port


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    """A listening endpoint."""
    one = Told()
    await one.endpoint.start("127.0.0.1")
    yield one
    await one.endpoint.stop()


async def answers(told: Told, *pieces: bytes) -> bytes:
    """What comes back over one TCP connection, until 0.3 s of silence or its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", told.port)
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.01)
    heard = b""
    try:
        async with asyncio.timeout(0.3):
            while piece := await reader.read(65536):
                heard += piece
    except TimeoutError:
        pass
    writer.close()
    return heard


async def test_messages_in_a_stream_are_cut_apart(told: Told) -> None:
    """TCP knows no messages: they come in halves and in pairs."""
    whole = text("OPTIONS", n=1) + b"\r\n\r\n" + text("DANCE", n=2)
    heard = await answers(told, whole[:40], whole[40:200], whole[200:])
    assert (heard.count(b"SIP/2.0 200"), heard.count(b"SIP/2.0 501")) == (1, 1)


async def test_a_stream_without_lengths_is_answered_and_closed(told: Told) -> None:
    """Where the next message begins is anybody's guess."""
    assert b"SIP/2.0 400" in await answers(told, text("OPTIONS", extra=""))
    assert await answers(told, b"x" * 70_000) == b""
    huge = "Content-Length: 999999\r\n"
    assert b"SIP/2.0 400" in await answers(told, text("OPTIONS", extra=huge))


async def test_overload_is_a_503_for_new_calls_only(told: Told) -> None:
    """Calls that are there go on; the trunk is told to try again."""
    spent = Bucket(0.0, 0.0, 0.0, 0.0)
    told.gate._calls = dict.fromkeys((None, *told.gate.trunks), spent)
    heard = await answers(told, text("INVITE", n=3), text("OPTIONS", n=4))
    assert b"SIP/2.0 503" in heard
    assert b"Retry-After" in heard
    assert b"SIP/2.0 200" in heard
    refused = told.events[0]
    assert isinstance(refused, events.InviteRefused)
    assert refused.status == 503


class Probe(asyncio.DatagramProtocol):
    """A UDP socket that keeps what it gets."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard.append(data)

    async def until(self, start: bytes) -> bytes:
        async with asyncio.timeout(5):
            while True:
                for data in self.heard:
                    if data.startswith(start):
                        return data
                await asyncio.sleep(0.01)


@pytest.fixture
async def probe(told: Told) -> AsyncIterator[tuple[Probe, asyncio.DatagramTransport]]:
    """A far end over UDP."""
    to = ("127.0.0.1", told.endpoint.agent.identity.udp_port)
    loop = asyncio.get_running_loop()
    sender, one = await loop.create_datagram_endpoint(Probe, remote_addr=to)
    yield one, sender
    sender.close()


async def test_rubbish_over_udp_is_survived(
    probe: tuple[Probe, asyncio.DatagramTransport],
) -> None:
    """Scanners find every port within minutes."""
    one, sender = probe
    for data in (
        b"\r\n",
        b"\x00" * 100,
        b"x" * 17_000,
        b"INVITE\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
    ):
        sender.sendto(data)
    sender.sendto(text("OPTIONS", "UDP"))
    await one.until(b"SIP/2.0 200")


async def test_an_invite_too_large_for_a_datagram_is_told_so(
    told: Told, probe: tuple[Probe, asyncio.DatagramTransport]
) -> None:
    """A location of many kilobytes: the trunk must hear 513 and use TCP, not ring into a void."""
    one, sender = probe
    body = "x" * 20_000
    sender.sendto(text("INVITE", "UDP", extra=f"Content-Length: {len(body)}\r\n") + body.encode())
    await one.until(b"SIP/2.0 513")
    [refused] = told.events
    assert isinstance(refused, events.InviteRefused)
    assert refused.status == 513


async def test_an_invite_cut_at_any_place_is_survived(
    told: Told, probe: tuple[Probe, asyncio.DatagramTransport]
) -> None:
    """A datagram that lost its end is refused if it can be answered, and costs nobody else."""
    told.gate.trunks = [ip_network("127.0.0.0/8")]
    one, sender = probe
    whole = text("INVITE", "UDP", extra="Content-Length: 60\r\n") + b"v=0\r\n" * 12
    for length in range(len(whole) - 13):
        sender.sendto(whole[:length])
    sender.sendto(text("OPTIONS", "UDP", n=2))
    await one.until(b"SIP/2.0 200")
    assert any(data.startswith(b"SIP/2.0 400") for data in one.heard)
    refused = [event for event in told.events if isinstance(event, events.InviteRefused)]
    assert refused
    assert {event.status for event in refused} == {400}
    assert len(told.events) - len(refused) <= 1, "cut at the end of a line it may be a whole one"


async def test_half_a_message_keeps_no_connection(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens all connections and says nothing whole must not lock a trunk out."""
    monkeypatch.setattr(transport, "TCP_REST_WITHIN_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", told.port)
    writer.write(text("OPTIONS") + text("INVITE", n=2)[:100])
    async with asyncio.timeout(5):
        heard = await reader.read()  # until the end
    assert heard.count(b"SIP/2.0 ") == 1
    writer.close()


async def test_one_address_may_not_take_every_connection(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are for the trunks."""
    monkeypatch.setattr(transport, "TCP_CONNECTIONS_A_SOURCE_MAX", 2)
    opened = [await asyncio.open_connection("127.0.0.1", told.port) for _ in range(3)]
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            assert await opened[2][0].read() == b""
    opened[0][1].write(text("OPTIONS"))
    async with asyncio.timeout(5):
        assert b"SIP/2.0 200" in await opened[0][0].read(100)
    for _, writer in opened:
        writer.close()


async def test_a_flood_over_a_stream_is_cut_off(told: Told) -> None:
    """Limits of a source count over TCP as well; what comes afterwards is answered again."""
    heard = await answers(told, b"".join(text("OPTIONS", n=n) for n in range(400)))
    assert 50 <= heard.count(b"SIP/2.0 200") < 400
    assert told.gate.shed > 0


async def test_a_bug_in_the_agent_is_a_500_and_not_the_end(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message must never stop the socket."""
    with monkeypatch.context() as patch:
        patch.setattr(told.endpoint.agent, "receive", lambda *_: 1 / 0)
        assert b"SIP/2.0 500" in await answers(told, text("OPTIONS"))
    assert b"SIP/2.0 200" in await answers(told, text("OPTIONS"))
