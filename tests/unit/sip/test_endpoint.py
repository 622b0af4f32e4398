"""Real sockets: rubbish, overload, streams cut in odd places."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tahuri.telephony.sip import events
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
    told.gate._calls = Bucket(0.0, 0.0, 0.0, 0.0)
    heard = await answers(told, text("INVITE", n=3), text("OPTIONS", n=4))
    assert b"SIP/2.0 503" in heard
    assert b"Retry-After" in heard
    assert b"SIP/2.0 200" in heard
    refused = told.events[0]
    assert isinstance(refused, events.InviteRefused)
    assert refused.status == 503


async def test_rubbish_over_udp_is_survived(told: Told) -> None:
    """Scanners find every port within minutes."""
    loop = asyncio.get_running_loop()
    heard: list[bytes] = []

    class Probe(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.append(data)

    to = ("127.0.0.1", told.endpoint.agent.identity.udp_port)
    probe, _ = await loop.create_datagram_endpoint(Probe, local_addr=("127.0.0.1", 0))
    for data in (
        b"\r\n",
        b"\x00" * 100,
        b"x" * 17_000,
        b"INVITE\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\n",
    ):
        probe.sendto(data, to)
    probe.sendto(text("OPTIONS", "UDP"), to)
    async with asyncio.timeout(5):
        while not any(data.startswith(b"SIP/2.0 200") for data in heard):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    probe.close()


async def test_a_bug_in_the_agent_is_a_500_and_not_the_end(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message must never stop the socket."""
    with monkeypatch.context() as patch:
        patch.setattr(told.endpoint.agent, "receive", lambda *_: 1 / 0)
        assert b"SIP/2.0 500" in await answers(told, text("OPTIONS"))
    assert b"SIP/2.0 200" in await answers(told, text("OPTIONS"))
