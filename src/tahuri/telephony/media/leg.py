"""One leg: the stream it hears from, the stream it sends, and what both tell about the line."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media import g711, rtp
from tahuri.telephony.media.jitter import AHEAD_MAX, FRAME, JitterBuffers
from tahuri.telephony.media.ports import Pair
from tahuri.telephony.media.protocol import (
    AnyEvent,
    Dtmf,
    FirstRtp,
    Heard,
    MediaError,
    MediaRefused,
    PortFigures,
    PortKind,
    Silent,
    SrtpKeys,
)
from tahuri.telephony.media.srtp import Error as SrtpError
from tahuri.telephony.media.srtp import Protection

SILENT_S: Final = 5.0
"""No packet for this long is told."""
PAUSE_S: Final = 30.0
"""The same after comfort noise: somebody may listen for so long without a word."""
COMFORT_NOISE: Final = 13
"""Payload type of RFC 3389 at 8 kHz; its first byte is the level below 0 dBov."""
PACKETS_A_WAKE_MAX: Final = 64
"""Packets taken from one socket before other legs have their turn."""
SAMPLES_MAX: Final = 1440
"""Longest packet taken: 180 ms."""
CNAME: Final = "tahuri"
FAULTS_LOGGED_MAX: Final = 20

log = logging.getLogger(__name__)


class Surroundings:
    """What a leg needs of the engine: the buffers, the clock of ticks, and ears."""

    def __init__(self, buffers: JitterBuffers, tell: Callable[[AnyEvent], None]) -> None:
        self.buffers = buffers
        self.tell = tell
        self.next_tick_at = 0.0
        """Monotonic seconds."""
        self.changed = True
        """Set when a stream began or an address changed; the engine makes its plan anew."""
        self.faults = 0

    def fault(self, what: str) -> None:
        """Count a bug that was caught, and log the first ones.  In an except clause only."""
        self.faults += 1
        if self.faults <= FAULTS_LOGGED_MAX:
            log.exception(what)


class Leg:
    """The part that RTP and WebRTC legs share.  Subclasses carry the datagrams."""

    kind: PortKind

    def __init__(self, port: int, name: str, row: int, ssrc: int, around: Surroundings) -> None:
        self.port = port
        self.name = name
        self.row = row
        self.ssrc = ssrc
        self.payload = g711.PCMA
        self.dtmf: int | None = None
        self.sent = 0
        self._around = around
        self._reception = rtp.Reception()
        self._keys = rtp.KeyPresses()
        self._late = 0
        self._dropped = 0
        self._strangers = 0
        self._heard_at: float | None = None
        self._silent = False
        self._pausing = False
        """Whether the last we heard was comfort noise: the far end sends nothing in pauses."""
        self._rtt_ms: float | None = None
        self._their_report = (0, 0.0)
        self._told_of_us: tuple[rtp.ReportBlock, int] | None = None
        """Their latest report on our stream, and how much we had sent by then."""

    @property
    def sending(self) -> bool:
        """Whether there is somewhere to send to."""
        raise NotImplementedError

    def send(self, packet: memoryview) -> None:
        """Send one RTP packet.  Raises OSError when the system will not take it."""
        raise NotImplementedError

    def send_rtcp(self, packet: bytes) -> None:
        """Send one compound RTCP packet.  Raises OSError when the system will not take it."""
        raise NotImplementedError

    def close(self) -> None:
        """Give everything back but the row."""
        raise NotImplementedError

    def expect(self) -> None:
        """From now on silence is worth telling."""
        if self._heard_at is None:
            self._heard_at = monotonic_s()

    def take(self, datagram: bytes) -> None:
        """One RTP packet from the far end."""
        packet = rtp.parse(datagram)
        if packet is None:
            self._dropped += 1
        else:
            self.take_packet(packet)

    def take_packet(self, packet: rtp.Packet) -> None:
        """The same, already read."""
        moment = monotonic_s()
        if packet.payload == self.dtmf:
            self._reception.pass_over(packet)
            digit = self._keys.receive(packet, moment)
            if digit is not None:
                self._around.tell(Dtmf(self.port, digit))
        elif packet.payload == COMFORT_NOISE and packet.body:
            self._count(packet, moment)
            buffers = self._around.buffers
            buffers.comfort(self.row, packet.timestamp, -float(packet.body[0] & 127))
            self._pausing = True
        elif packet.payload in g711.PAYLOADS and 0 < len(packet.body) <= SAMPLES_MAX:
            self._audio(packet, moment)
        else:
            self._dropped += 1
            return
        self._heard_at = moment
        if self._silent:
            self._silent = False
            self._around.tell(Heard(self.port))

    def _audio(self, packet: rtp.Packet, moment: float) -> None:
        self._pausing = False
        self._count(packet, moment)
        buffers = self._around.buffers
        if not buffers.begun(self.row):  # also when comfort noise came before the first word
            self._around.changed = True
        samples = g711.decode(packet.payload, np.frombuffer(packet.body, np.uint8))
        until_tick_s = self._around.next_tick_at - moment
        if not buffers.write(self.row, packet.timestamp, samples, until_tick_s):
            self._late += 1

    def _count(self, packet: rtp.Packet, moment: float) -> None:
        """Sound or the noise of a pause came; the first of all is told."""
        first = self._reception.received == 0
        if self._reception.receive(packet, moment):
            self._around.buffers.restart(self.row)
            self._around.changed = True
        if first:
            self._around.tell(FirstRtp(self.port))

    def take_rtcp(self, datagram: bytes) -> None:
        """One compound RTCP packet from the far end."""
        for report in rtp.parse_rtcp(datagram):
            if report.ntp_middle is not None:
                self._their_report = (report.ntp_middle, monotonic_s())
            for block in report.blocks:
                if block.ssrc != self.ssrc:
                    continue
                self._told_of_us = (block, self.sent)
                if block.last_report:
                    passed = rtp.ntp_middle(monotonic_s()) - block.last_report - block.delay
                    self._rtt_ms = max(0, rtp.difference(passed, 0, 32)) / 65.536

    def report(self, timestamp: int) -> None:
        """Send an RTCP report.  ``timestamp`` is that of the latest RTP packet sent.

        Its time is the machine's uptime (RFC 3550 § 6.4.1 allows it): a clock that is set in
        mid-call must not make a round trip of an hour.
        """
        heard, at = self._their_report
        block = None
        if self._reception.ssrc is not None:
            block = rtp.ReportBlock(
                ssrc=self._reception.ssrc,
                fraction_lost=self._reception.fraction_lost(),
                lost=self._reception.lost,
                highest=self._reception.highest,
                jitter=int(self._reception.jitter),
                last_report=heard,
                delay=int((monotonic_s() - at) * 65536) if heard else 0,
            )
        sent = None
        if self.sent:
            sent = (monotonic_s(), timestamp, self.sent, self.sent * FRAME)
        self.send_rtcp(rtp.build_rtcp(self.ssrc, CNAME, sent, block))

    def look_for_silence(self, moment: float) -> None:
        """Tell when nothing has come for `SILENT_S`; to be asked about once a second."""
        if self._heard_at is None or self._silent:
            return
        seconds = moment - self._heard_at
        if seconds >= (PAUSE_S if self._pausing else SILENT_S):
            self._silent = True
            self._around.tell(Silent(self.port, round(seconds, 1)))

    def figures(self) -> PortFigures:
        """How the line is."""
        block, sent = self._told_of_us or (None, None)
        return PortFigures(
            port=self.port,
            kind=self.kind,
            name=self.name,
            rx=self._reception.received,
            tx=self.sent,
            lost=self._reception.lost,
            late=self._late,
            dropped=self._dropped + self._strangers,
            strangers=self._strangers,
            jitter_ms=round(self._reception.jitter * 1000 / rtp.CLOCK_HZ, 2),
            rtt_ms=None if self._rtt_ms is None else round(self._rtt_ms, 2),
            buffer_ms=self._around.buffers.delay_samples(self.row) * 1000 / rtp.CLOCK_HZ,
            concealed=self._around.buffers.concealed(self.row),
            their_lost=None if block is None else block.lost,
            their_expected=sent,
            their_fraction=None if block is None else block.fraction_lost / 256,
            their_jitter_ms=None if block is None else round(block.jitter * 1000 / rtp.CLOCK_HZ, 2),
        )


class RtpLeg(Leg):
    """A leg on its own pair of UDP ports: a trunk, an agency, a SIP phone."""

    kind: PortKind = "rtp"

    def __init__(
        self, port: int, name: str, row: int, ssrc: int, around: Surroundings, pair: Pair
    ) -> None:
        super().__init__(port, name, row, ssrc, around)
        self.pair = pair
        self._latch = rtp.Latch()
        self._srtp: Protection | None = None
        loop = asyncio.get_running_loop()
        loop.add_reader(pair.rtp.fileno(), self._readable, pair.rtp, self._rtp_from)
        loop.add_reader(pair.rtcp.fileno(), self._readable, pair.rtcp, self._rtcp_from)

    @property
    def sending(self) -> bool:
        return self._latch.address is not None

    def set_remote(
        self,
        address: tuple[str, int] | None,
        payload: int,
        dtmf: int | None,
        srtp: SrtpKeys | None = None,
    ) -> None:
        """Where to send, in which codec; the address checked by `checked_address` before.

        Raises MediaRefused ``bad-request`` for keys that are none; then nothing has changed.
        """
        if srtp is None:
            self._srtp = None
        else:
            self._srtp = Protection(srtp) if self._srtp is None else self._srtp.renewed(srtp)
        self._latch.say(address)
        self.payload = payload
        self.dtmf = dtmf
        self._around.changed = True
        if address is not None:
            self.expect()

    def send(self, packet: memoryview) -> None:
        if self._latch.address is not None:
            srtp = self._srtp
            sent = packet if srtp is None else srtp.outbound.protect(bytes(packet))
            self.pair.rtp.sendto(sent, self._latch.address)
            self.sent += 1

    def send_rtcp(self, packet: bytes) -> None:
        if self._latch.address is not None:
            host, udp = self._latch.address
            if udp < 65535:
                if self._srtp is not None:
                    packet = self._srtp.outbound.protect_rtcp(packet)
                self.pair.rtcp.sendto(packet, (host, udp + 1))

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.pair.rtp.fileno())
        loop.remove_reader(self.pair.rtcp.fileno())

    def _rtp_from(self, datagram: bytes, source: tuple[str, int]) -> None:
        if self._srtp is not None:
            try:
                datagram = self._srtp.inbound.unprotect(datagram)
            except SrtpError:
                self._dropped += 1
                return
        packet = rtp.parse(datagram)
        if packet is None:
            self._dropped += 1
            return
        before = self._latch.address
        if not self._latch.admit(source):
            self._strangers += 1
            return
        if before != self._latch.address:
            self._around.changed = True
        self.take_packet(packet)

    def _rtcp_from(self, datagram: bytes, source: tuple[str, int]) -> None:
        if self._latch.address is not None and source[0] != self._latch.address[0]:
            self._strangers += 1
            return
        if self._srtp is not None:
            try:
                datagram = self._srtp.inbound.unprotect_rtcp(datagram)
            except SrtpError:
                self._dropped += 1
                return
        self.take_rtcp(datagram)

    def _readable(
        self, sock: socket.socket, take: Callable[[bytes, tuple[str, int]], None]
    ) -> None:
        for _ in range(PACKETS_A_WAKE_MAX):
            try:
                datagram, source = sock.recvfrom(rtp.DATAGRAM_BYTES_MAX)
            except OSError:  # nothing more to read, or an ICMP error of an earlier send
                return
            try:
                take(datagram, source[:2])
            except Exception:
                self._around.fault("a packet of an RTP leg")


def checked_address(address: str, udp: int, family: socket.AddressFamily) -> tuple[str, int]:
    """An address that RTP may be sent to.  Raises MediaRefused ``bad-media-address``."""
    try:
        checked = ipaddress.ip_address(address)
    except ValueError as error:
        raise MediaRefused(MediaError.BAD_MEDIA_ADDRESS, "not an IP address") from error
    version = 6 if family == socket.AF_INET6 else 4
    if checked.version != version:
        raise MediaRefused(MediaError.BAD_MEDIA_ADDRESS, f"media speaks IPv{version}")
    if checked.is_multicast or checked.is_unspecified or address == "255.255.255.255":
        raise MediaRefused(MediaError.BAD_MEDIA_ADDRESS, "nobody lives at that address")
    if not 1 <= udp <= 65535:
        raise MediaRefused(MediaError.BAD_MEDIA_ADDRESS, "not a UDP port")
    return str(checked), udp


assert SAMPLES_MAX <= AHEAD_MAX
