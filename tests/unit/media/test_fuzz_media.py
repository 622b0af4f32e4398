"""Anybody can send to an open UDP port: no datagram raises, ends a call, or is kept for ever."""

import struct
from collections.abc import AsyncIterator, Iterator

import pytest
from aioice import stun
from fuzzing import NASTY, searched
from hypothesis import example, given
from hypothesis import strategies as st

from tahuri.telephony.media import rtp, sdp
from tahuri.telephony.media.engine import Engine, Settings
from tahuri.telephony.media.leg import Leg, RtpLeg
from tahuri.telephony.media.protocol import (
    AnyEvent,
    Dtmf,
    FirstRtp,
    MediaRefused,
    OpenWebrtc,
    SetRemote,
)
from tahuri.telephony.media.webrtc import WebrtcLeg

NOWHERE = ("127.0.0.1", 9)
OFFER = "\r\n".join(
    [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 8 101", "c=IN IP4 0.0.0.0", "a=mid:0", "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "",
    ]
)  # fmt: skip


class Room:
    """An engine with one RTP leg, and what it told."""

    def __init__(self) -> None:
        self.told: list[AnyEvent] = []
        self.engine = Engine(Settings("127.0.0.1", 38000, 39999, 0), self.told.append)
        port = self.engine.open_rtp("caller").port
        self.engine.set_remote(SetRemote(port, "127.0.0.1", 9, 8, 101))
        leg = self.engine._legs[port]
        assert isinstance(leg, RtpLeg)
        self.leg: RtpLeg = leg

    def browser(self) -> WebrtcLeg:
        leg = self.engine._legs[self.engine.open_webrtc(OpenWebrtc("seat", OFFER)).port]
        assert isinstance(leg, WebrtcLeg)
        return leg

    def is_sound(self) -> bool:
        """No fault was caught anywhere, and a tick still works."""
        self.engine.tick(0.0)
        return self.engine._around.faults == 0


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    """A media engine on free ports."""
    one = Room()
    yield one
    await one.engine.stop()


_extreme = st.sampled_from([0, 1, 159, 160, 0x7FFF, 0x8000, 0xFFFF, 1 << 31, (1 << 32) - 1])
_packets = st.builds(
    rtp.build,
    st.sampled_from([8, 8, 0, 101, 101, 13, 127]),
    _extreme | st.integers(0, 0xFFFF),
    _extreme | st.integers(0, (1 << 32) - 1),
    st.integers(0, 3),
    st.binary(max_size=8) | st.sampled_from([b"\xd5" * 160, b"", b"\x00" * 1440, b"\xff" * 1488]),
    st.booleans(),
)


def kept(leg: Leg, buffers: object) -> int:
    """What a leg remembers that could grow."""
    before = buffers._before[leg.row]  # type: ignore[attr-defined]
    return len(leg._keys._told_at) + len(before)


async def test_no_rtp_costs_more_than_itself(room: Room) -> None:
    """Numbers that jump, bodies cut short, key presses without end: sound goes on, memory stays."""

    @given(st.lists(_packets | st.binary(max_size=60), max_size=20))
    @searched(120)
    def held(datagrams: list[bytes]) -> None:
        room.told.clear()
        for number, datagram in enumerate(datagrams):
            room.leg._rtp_from(datagram, NOWHERE)
            if number % 3 == 0:
                assert room.is_sound()
        assert sum(isinstance(event, FirstRtp) for event in room.told) <= 1
        assert kept(room.leg, room.engine._around.buffers) < 200
        room.leg.figures()
        room.leg.report(0)

    held()
    assert room.is_sound()


async def test_a_flood_of_packets_leaves_nothing_behind(room: Room) -> None:
    """Given 20,000 packets of a hundred streams, each a key or a sound; then what is kept is what
    was kept after the first hundred, and of the keys at most so many were told as people press."""
    sizes = []
    for number in range(20_000):
        body = struct.pack("!BBH", number % 16, 10, 160) if number % 2 else b"\xd5" * 160
        payload = 101 if number % 2 else 8
        room.leg._rtp_from(rtp.build(payload, number, number * 1600, number % 100, body), NOWHERE)
        if number % 1000 == 100:
            sizes.append(kept(room.leg, room.engine._around.buffers))
    assert room.is_sound()
    assert max(sizes) < 200
    assert 0 < sum(isinstance(event, Dtmf) for event in room.told) < 20_000 / 4


def _reports() -> Iterator[bytes]:
    yield rtp.build_rtcp(1, "x", (1.0, 2, 3, 4), rtp.ReportBlock(7, 255, -5, 1, 2, 3, 4))
    yield rtp.build_rtcp(1, "x", None, None)
    yield struct.pack("!BBHI", 0x9F, 201, 0xFFFF, 1)
    yield struct.pack("!BBH", 0x80, 200, 0) * 200


async def test_no_rtcp_costs_more_than_itself(room: Room) -> None:
    """Reports that lie about their length or about us: at most a figure is wrong."""

    @given(st.lists(st.sampled_from(list(_reports())) | st.binary(max_size=80)), st.integers(0, 99))
    @searched(100)
    def held(parts: list[bytes], cut: int) -> None:
        datagram = b"".join(parts)
        room.leg._rtcp_from(datagram, NOWHERE)
        room.leg._rtcp_from(datagram[cut:], NOWHERE)
        ours = struct.pack("!BBHIIIIIII", 0x81, 201, 7, 1, room.leg.ssrc, 0, 1, 2, cut, 0xFFFFFFFF)
        room.leg._rtcp_from(ours, NOWHERE)
        room.leg.report(cut)
        room.leg.figures()

    held()
    assert room.is_sound()


def _check(leg: WebrtcLeg) -> bytes:
    """What a browser sends to ask whether we are there."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{leg.ufrag}:abcd"
    request.attributes["PRIORITY"] = 1
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(leg.password.encode())
    return bytes(request)


async def test_no_datagram_harms_the_browsers_port(room: Room) -> None:
    """STUN cut and bent, DTLS of a stranger and of the browser itself, SRTP before its keys: one
    port carries every seat, so nothing that comes to it may harm the others."""
    leg = room.browser()
    check = _check(leg)
    hello = b"\x16\xfe\xff" + b"\0" * 8 + b"\0\x20" + b"\x01\0\0\x14" + b"\0" * 24

    @st.composite
    def bent(draw: st.DrawFn) -> bytes:
        data = bytearray(draw(st.sampled_from([check, hello, rtp.build(8, 1, 1, 1, b"x" * 20)])))
        for _ in range(draw(st.integers(0, 4))):
            data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
        return bytes(data[: draw(st.integers(1, len(data)))])

    @given(bent() | st.binary(max_size=200), st.sampled_from([NOWHERE, ("127.0.0.1", 10)]))
    @example(check, NOWHERE)
    @example(hello, NOWHERE)
    @searched(200)
    def held(datagram: bytes, source: tuple[str, int]) -> None:
        room.engine._webrtc._take(datagram, source)
        assert len(room.engine._webrtc._by_address) <= 2
        assert len(room.engine._webrtc._by_ufrag) == 1

    held()
    assert room.is_sound()


_lines = st.sampled_from(OFFER.split("\r\n")) | st.builds(
    lambda key, value: key + value.decode("utf-8", "replace"),
    st.sampled_from(
        ["a=rtpmap:", "a=fingerprint:", "a=ice-ufrag:", "a=setup:", "a=mid:", "m=audio 9 ", "m="]
    ),
    st.sampled_from([*NASTY, b"9" * 5000 + b" telephone-event/8000"]),
)


@given(st.lists(_lines, max_size=16).map(lambda lines: "v=0\r\n" + "\r\n".join(lines)))
@example(OFFER.replace("rtpmap:101 ", f"rtpmap:{'9' * 5000} "))
@searched(150)
def test_no_offer_of_a_browser_breaks_the_answer(offered: str) -> None:
    """It is answered, or refused with a reason; a payload type stays one."""
    try:
        offer = sdp.read(offered)
    except MediaRefused:
        return
    assert offer.dtmf is None or 0 <= offer.dtmf < 128
    answer = sdp.answer(offer, sdp.Ours([("127.0.0.1", 9)], "u", "p", "AB", 1))
    assert answer.count("m=") >= len(offer.sections)
