"""RTP and RTCP as bytes, and what one stream's packets tell.  Pure: no socket, no clock.

Sources: RFC 3550 (RTP, RTCP), RFC 3551 (profile), RFC 4733 (telephone events).
"""

import struct
from typing import Final, NamedTuple

from msgspec import Struct

CLOCK_HZ: Final = 8000
HEADER_BYTES: Final = 12
DATAGRAM_BYTES_MAX: Final = 1500
DIGITS: Final = "0123456789*#ABCD"
PRESSES_PER_S_MAX: Final = 20
"""Key presses told in any one second; people and PBXs dial at most 12, more is a storm."""
PRESS_LATE_MAX: Final = 10 * CLOCK_HZ
"""Samples by which a key press's packet may lie behind the latest one; one further back is of a
stream whose timestamps began anew."""
STEP_MAX: Final = 3000
"""A sequence number further ahead than this is a new start of the stream (RFC 3550 A.1)."""

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
SOURCE_DESCRIPTION: Final = 202
NTP_OFFSET_S: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""


class Packet(NamedTuple):
    payload: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    body: bytes


def parse(datagram: bytes) -> Packet | None:
    """One RTP packet; None if it is not one (wrong version, cut short, bad padding)."""
    end = len(datagram)
    if end < HEADER_BYTES or datagram[0] >> 6 != 2:
        return None
    first, second = datagram[0], datagram[1]
    start = HEADER_BYTES + 4 * (first & 15)
    if first & 16:  # header extension
        if end < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    if first & 32:  # padding: its last byte is its length
        padding = datagram[-1]
        if padding == 0:
            return None
        end -= padding
    if end < start:
        return None
    sequence, timestamp, ssrc = struct.unpack_from("!HII", datagram, 2)
    return Packet(second & 127, second > 127, sequence, timestamp, ssrc, datagram[start:end])


def build(
    payload: int, sequence: int, timestamp: int, ssrc: int, body: bytes, marker: bool = False
) -> bytes:
    """One RTP packet without extensions; numbers wrap by themselves."""
    second = payload | (128 if marker else 0)
    numbers = (sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc & 0xFFFFFFFF)
    return struct.pack("!BBHII", 0x80, second, *numbers) + body


def is_rtcp(datagram: bytes) -> bool:
    """Whether a datagram on a port shared by both is RTCP (RFC 5761 §4)."""
    return len(datagram) >= 8 and datagram[0] >> 6 == 2 and 192 <= datagram[1] <= 223


def difference(later: int, earlier: int, bits: int) -> int:
    """``later - earlier`` of counters that wrap at 2**bits, the short way round."""
    half = 1 << (bits - 1)
    return ((later - earlier + half) & ((1 << bits) - 1)) - half


class KeyPresses:
    """Telephone events of one stream, each press told once, as early as it is known.

    A press is many packets with one timestamp: repeated while held, three times at its end, any
    of them lost, doubled or out of order.  A press longer than 8.2 s comes as segments with new
    timestamps that touch (RFC 4733 §2.5.1.3) and is still one press.
    """

    def __init__(self) -> None:
        self.storms = 0
        """Presses not told because there were too many."""
        self._ssrc: int | None = None
        self._timestamp = 0
        self._event = -1
        self._end = 0
        self._told_at: list[float] = []

    def receive(self, packet: Packet, now_s: float) -> str | None:
        """The digit that this packet makes known; None for anything already told or not a key."""
        if len(packet.body) < 4:
            return None
        event = packet.body[0]
        end = packet.timestamp + int.from_bytes(packet.body[2:4], "big")
        known = self._ssrc == packet.ssrc
        if known and 0 <= difference(self._timestamp, packet.timestamp, 32) <= PRESS_LATE_MAX:
            if packet.timestamp == self._timestamp:
                self._end = max(self._end, end)
            return None
        touches = difference(packet.timestamp, self._end, 32) == 0
        goes_on = known and touches and event == self._event and not packet.marker
        self._ssrc, self._timestamp = packet.ssrc, packet.timestamp
        self._event, self._end = event, end
        if goes_on or event >= len(DIGITS):
            return None
        self._told_at = [at for at in self._told_at if now_s - at < 1.0]
        if len(self._told_at) >= PRESSES_PER_S_MAX:
            self.storms += 1
            return None
        self._told_at.append(now_s)
        return DIGITS[event]


class Reception:
    """Counts what came of one stream: loss and jitter (RFC 3550 A.1, A.3, A.8)."""

    def __init__(self) -> None:
        self.received = 0
        self.ssrc: int | None = None
        self.jitter = 0.0
        """Samples of 1/8000 s."""
        self._first = 0
        self._highest = 0
        self._counted = 0
        self._lost_before = 0
        self._transit: float | None = None
        self._reported = (0, 0)

    def receive(self, packet: Packet, now_s: float) -> bool:
        """Count a packet.  True if a stream starts anew with it (first, or other SSRC)."""
        self.received += 1
        ahead = difference(packet.sequence, self._highest, 16)
        anew = self.ssrc != packet.ssrc or abs(ahead) > STEP_MAX
        if anew:
            self._lost_before = self.lost
            self.ssrc, self._counted = packet.ssrc, 0
            self._first = self._highest = packet.sequence
            self._transit = None
        elif ahead > 0:
            self._highest += ahead
        self._counted += 1
        transit = now_s * CLOCK_HZ - packet.timestamp
        if self._transit is not None:
            deviation = abs(transit - self._transit)
            if deviation < CLOCK_HZ:  # else the timestamps jumped; that is not jitter
                self.jitter += (deviation - self.jitter) / 16
        self._transit = transit
        return anew

    def pass_over(self, packet: Packet) -> None:
        """A key press of the stream: no sound, and its number is none of a packet that is lost."""
        ahead = difference(packet.sequence, self._highest, 16)
        if self.ssrc == packet.ssrc and abs(ahead) <= STEP_MAX:
            self._highest += max(0, ahead)
            self._counted += 1

    @property
    def highest(self) -> int:
        """Extended highest sequence number."""
        return self._highest

    @property
    def lost(self) -> int:
        """Packets that never came, ≥ 0; duplicates do not hide losses of other streams."""
        if self.ssrc is None:
            return 0
        return self._lost_before + max(0, self._highest - self._first + 1 - self._counted)

    def fraction_lost(self) -> int:
        """Loss since this was last asked, in 1/256, as a report block wants it."""
        lost, received = self.lost, self.received
        missing, came = lost - self._reported[0], received - self._reported[1]
        self._reported = (lost, received)
        return min(255, 256 * missing // (missing + came)) if missing > 0 else 0


class ReportBlock(Struct, frozen=True):
    """What a receiver says of one stream that it gets."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    """Middle 32 bits of the NTP time of the last sender report; 0: none came."""
    delay: int
    """Since that report, in 1/65536 s."""


class Report(Struct, frozen=True):
    """One SR or RR."""

    ssrc: int
    ntp_middle: int | None
    """Middle 32 bits of the sender's NTP time; None in a receiver report."""
    blocks: list[ReportBlock]


_BLOCK = struct.Struct("!IIIIII")


def parse_rtcp(datagram: bytes) -> list[Report]:
    """The sender and receiver reports of a compound packet; stops at the first broken part."""
    reports: list[Report] = []
    start = 0
    while start + 8 <= len(datagram) and datagram[start] >> 6 == 2:
        kind, count = datagram[start + 1], datagram[start] & 31
        end = start + 4 * (int.from_bytes(datagram[start + 2 : start + 4], "big") + 1)
        if end > len(datagram):
            break
        body = start + (28 if kind == SENDER_REPORT else 8)
        if kind in (SENDER_REPORT, RECEIVER_REPORT) and body + _BLOCK.size * count <= end:
            middle = datagram[start + 10 : start + 14] if kind == SENDER_REPORT else None
            reports.append(
                Report(
                    int.from_bytes(datagram[start + 4 : start + 8], "big"),
                    None if middle is None else int.from_bytes(middle, "big"),
                    [_parse_block(datagram, body + _BLOCK.size * i) for i in range(count)],
                )
            )
        start = end
    return reports


def _parse_block(datagram: bytes, start: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(datagram, start)
    lost = loss & 0xFFFFFF
    signed = lost - (1 << 24) if lost & 0x800000 else lost
    return ReportBlock(ssrc, loss >> 24, signed, highest, jitter, last_report, delay)


def ntp(unix_s: float) -> tuple[int, int]:
    """(seconds since 1900, fraction in 1/2**32 s), both 32 bits."""
    seconds = int(unix_s)
    return (seconds + NTP_OFFSET_S) & 0xFFFFFFFF, int((unix_s - seconds) * 4294967296)


def ntp_middle(unix_s: float) -> int:
    """The middle 32 bits of the NTP time: 1/65536 s."""
    seconds, fraction = ntp(unix_s)
    return (seconds & 0xFFFF) << 16 | fraction >> 16


def build_rtcp(
    ssrc: int,
    cname: str,
    sent: tuple[float, int, int, int] | None,
    block: ReportBlock | None,
) -> bytes:
    """A compound packet: SR (or RR, if nothing was sent) and SDES with the CNAME.

    Args:
        ssrc: of the stream we send.
        cname: ASCII, at most 255 bytes; says nothing about a person.
        sent: (now as Unix seconds, RTP timestamp now, packets sent, octets sent).
        block: what we say of the stream we get.
    """
    blocks = b""
    if block is not None:
        loss = block.fraction_lost << 24 | max(0, min(block.lost, 0x7FFFFF))
        blocks = _BLOCK.pack(
            block.ssrc,
            loss,
            block.highest & 0xFFFFFFFF,
            block.jitter,
            block.last_report,
            block.delay & 0xFFFFFFFF,
        )
    info = b""
    if sent is not None:
        unix_s, timestamp, packets, octets = sent
        info = struct.pack(
            "!IIIII",
            *ntp(unix_s),
            timestamp & 0xFFFFFFFF,
            packets & 0xFFFFFFFF,
            octets & 0xFFFFFFFF,
        )
    kind = RECEIVER_REPORT if sent is None else SENDER_REPORT
    words = (4 + len(info) + len(blocks)) // 4
    report = struct.pack("!BBHI", 0x80 | len(blocks) // _BLOCK.size, kind, words, ssrc)
    name = cname.encode("ascii")
    items = bytes([1, len(name)]) + name + b"\0"
    items += b"\0" * (-len(items) % 4)
    words = (4 + len(items)) // 4
    description = struct.pack("!BBHI", 0x81, SOURCE_DESCRIPTION, words, ssrc)
    return report + info + blocks + description + items


class Latch:
    """Where a leg's packets go and from where they are believed: symmetric RTP, latched once.

    Callers behind address translation send from another address than they say.  So the first
    packet sets the address, and later ones from elsewhere are dropped: whoever guesses a port
    in mid-call neither hears the caller nor speaks to them.  Who guesses it before the caller's
    first packet gives way to the first one that comes from where signalling said.
    """

    def __init__(self) -> None:
        self.address: tuple[str, int] | None = None
        """Where to send; None: nowhere yet."""
        self._said: tuple[str, int] | None = None
        self._source: tuple[str, int] | None = None

    def say(self, address: tuple[str, int] | None) -> None:
        """What signalling says.  The same again changes nothing; a new address opens the latch."""
        if address is None:
            self.address = None
        elif address != self._said or self._source is None:
            self._said = self.address = address
            self._source = None
        else:
            self.address = self._source

    def admit(self, source: tuple[str, int]) -> bool:
        """Whether to believe a packet from there; latches on the first."""
        if self._source is None or (source == self._said and source != self._source):
            self._source = source
            if self.address is not None:
                self.address = source
        return source == self._source
