"""All ports of one media process, and the tick that moves them."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct

from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media import g711
from tahuri.telephony.media.clockwork import Clockwork, used
from tahuri.telephony.media.leg import Leg, RtpLeg, Surroundings, checked_address
from tahuri.telephony.media.mixer import PACKET_BYTES, Mixer, Player, Sender
from tahuri.telephony.media.ports import PortPairs
from tahuri.telephony.media.protocol import (
    CELLS_MAX,
    GAIN_MAX,
    PORTS_MAX,
    SOURCES_MAX,
    AnyEvent,
    Figures,
    Gains,
    HeldPort,
    Holdings,
    MediaError,
    MediaRefused,
    OpenWebrtc,
    Play,
    Played,
    PlayPort,
    PortFigures,
    Record,
    RecordingClosed,
    RecordingStarted,
    RecordSources,
    RtpPort,
    SetRemote,
    WebrtcPort,
)
from tahuri.telephony.media.recordings import Recordings
from tahuri.telephony.media.sounds import Sounds
from tahuri.telephony.media.webrtc import Endpoint, WebrtcLeg

SILENCE_TICKS: Final = 50
REPORT_TICKS: Final = 250
"""RTCP goes out every 5 s."""


class Settings(Struct, frozen=True):
    """What an administrator decides."""

    address: str
    """Local IP address on which RTP and WebRTC are spoken, and which is told to far ends."""
    rtp_low: int
    rtp_high: int
    webrtc_udp: int
    """UDP port of all browsers; 0: any free one."""
    other_address: str | None = None
    """The same of the other IP family."""
    recordings: Path | None = None
    """Recordings must lie in it; None: anywhere."""


NUMBER_BITS = 48
"""Of the first port's number, by lot: what the switch still asks of a media that died meets no port
of this one."""


class Engine:
    """Ports by number.  To be made in a running event loop; `stop` gives everything back.

    Methods raise MediaRefused with the codes that `protocol` names.
    """

    def __init__(self, settings: Settings, tell: Callable[[AnyEvent], None]) -> None:
        self.instance = secrets.token_hex(8)
        self._settings = settings
        self._tell = tell
        self._mixer = Mixer(np.random.default_rng())
        self._around = Surroundings(self._mixer.buffers, tell)
        addresses = [one for one in (settings.address, settings.other_address) if one is not None]
        self._pairs = PortPairs(addresses, settings.rtp_low, settings.rtp_high)
        self._webrtc = Endpoint(addresses, settings.webrtc_udp, self._around)
        self._legs: dict[int, Leg] = {}
        self._names: dict[int, str] = {}
        self._senders: list[Leg] = []
        self._sounds = Sounds()
        self._number = secrets.randbits(NUMBER_BITS)
        self._recordings = Recordings(self._mixer, settings.recordings, tell, self._fresh)
        self.clockwork = Clockwork(self.tick, self._around.fault)
        self.realtime = False

    # ---- ports ----

    def hello(self) -> Holdings:
        ports = [
            HeldPort(
                leg.port, leg.kind, leg.name, leg.pair.udp if isinstance(leg, RtpLeg) else None
            )
            for leg in self._legs.values()
        ]
        ports += [HeldPort(port, "play", self._names[port], None) for port in self._mixer.players]
        return Holdings(self.instance, ports, self._recordings.held())

    def open_rtp(self, name: str, address: str | None = None) -> RtpPort:
        self._room()
        row = self._mixer.buffers.add()
        try:
            pair = self._pairs.open(address)
        except MediaRefused:
            self._mixer.buffers.remove(row)
            raise
        ssrc = self._mixer.outgoing.begin(row)
        leg = RtpLeg(self._fresh(), name, row, ssrc, self._around, pair)
        self._legs[leg.port] = leg
        return RtpPort(leg.port, pair.address, pair.udp)

    def set_remote(self, asked: SetRemote) -> None:
        leg = self._legs.get(asked.port)
        if not isinstance(leg, RtpLeg):
            raise MediaRefused(MediaError.NO_SUCH_PORT, f"{asked.port} is not an RTP port")
        if asked.payload not in g711.PAYLOADS:
            raise MediaRefused(MediaError.UNSUPPORTED_CODEC, f"payload type {asked.payload}")
        if asked.dtmf is not None and not 0 <= asked.dtmf <= 127:
            raise MediaRefused(MediaError.BAD_REQUEST, "dtmf is not a payload type")
        address = None
        if asked.address is not None:
            address = checked_address(asked.address, asked.udp, leg.pair.rtp.family)
        leg.set_remote(address, asked.payload, asked.dtmf, asked.srtp)

    def open_webrtc(self, asked: OpenWebrtc) -> WebrtcPort:
        self._room()
        row = self._mixer.buffers.add()
        ssrc = self._mixer.outgoing.begin(row)
        try:
            leg = WebrtcLeg(
                self._fresh(), asked.name, row, ssrc, self._around, self._webrtc, asked.sdp
            )
        except MediaRefused:
            self._mixer.buffers.remove(row)
            raise
        self._legs[leg.port] = leg
        return WebrtcPort(leg.port, leg.answer())

    async def play(self, asked: Play) -> PlayPort:
        self._room()
        sound = await self._sounds.get(asked.file)
        port = self._fresh()
        self._mixer.players[port] = Player(sound, asked.loop)
        self._names[port] = asked.name
        self._around.changed = True
        return PlayPort(port)

    def free(self, ports: list[int]) -> None:
        for port in ports:
            self._mixer.matrix.drop(port)
            self._mixer.players.pop(port, None)
            self._names.pop(port, None)
            leg = self._legs.pop(port, None)
            if leg is not None:
                leg.close()
                if isinstance(leg, RtpLeg):
                    self._pairs.close(leg.pair)
                self._mixer.buffers.remove(leg.row)
        self._around.changed = True

    def gains(self, asked: Gains) -> None:
        if len(asked.cells) > CELLS_MAX:
            raise MediaRefused(MediaError.BAD_REQUEST, f"more than {CELLS_MAX} cells")
        for hears, says, gain in asked.cells:
            if not 0 <= gain <= GAIN_MAX:
                raise MediaRefused(MediaError.BAD_REQUEST, f"gain {gain}")
            self._known([hears, says])
        for hears, says, gain in asked.cells:
            self._mixer.matrix.set(hears, says, gain)
        self._around.changed = True

    # ---- recordings ----

    async def record(self, asked: Record) -> RecordingStarted:
        self._known(asked.left)
        self._known(asked.right)
        recording = await self._recordings.open(asked.path)
        self._around.changed = True
        self._recordings.sources(recording, asked.left, asked.right)
        return RecordingStarted(recording)

    def record_sources(self, asked: RecordSources) -> None:
        self._known(asked.left)
        self._known(asked.right)
        self._recordings.sources(asked.recording, asked.left, asked.right)
        self._around.changed = True

    async def record_stop(self, recording: int) -> RecordingClosed:
        self._around.changed = True
        return await self._recordings.close(recording)

    # ---- time ----

    def tick(self, next_at: float) -> None:
        """20 ms of everything.  ``next_at``: monotonic time of the next tick."""
        self._around.next_tick_at = next_at
        if self._around.changed:
            self._plan()
        mixed = self._mixer.tick()
        block = mixed.packets.data.cast("B") if self._senders else memoryview(b"")
        for index, leg in enumerate(self._senders):
            try:
                leg.send(block[index * PACKET_BYTES : (index + 1) * PACKET_BYTES])
            except OSError:
                continue  # the network will not take it now; the next packet is 20 ms away
            except Exception:
                self._around.fault("sending to a leg")
        self._recordings.take(mixed)
        self._tell_ends()
        ticks = self.clockwork.ticks
        if ticks % SILENCE_TICKS == 0:
            moment = monotonic_s()
            for leg in self._legs.values():
                leg.look_for_silence(moment)
        self._report(ticks % REPORT_TICKS)

    def stats(self, ports: bool) -> Figures:
        median, high, lateness = self.clockwork.percentiles_ms()
        cpu_s, rss_bytes = used()
        return Figures(
            ticks=self.clockwork.ticks,
            late_ticks=self.clockwork.late_ticks,
            tick_p50_ms=median,
            tick_p99_ms=high,
            lateness_p99_ms=lateness,
            cpu_s=round(cpu_s, 2),
            rss_bytes=rss_bytes,
            realtime=self.realtime,
            faults=self._around.faults,
            ports=[leg.figures() for leg in self._legs.values()] if ports else [],
        )

    def measure(self, ports: list[int]) -> list[PortFigures]:
        """Figures of legs; what is none is passed over."""
        if len(ports) > PORTS_MAX:
            raise MediaRefused(MediaError.BAD_REQUEST, f"more than {PORTS_MAX} ports")
        return [self._legs[port].figures() for port in ports if port in self._legs]

    async def stop(self) -> None:
        """Free all ports; close all recordings for certain."""
        self.free([*self._legs, *self._mixer.players])
        await self._webrtc.stop()
        await self._recordings.stop()

    def _plan(self) -> None:
        buffers = self._mixer.buffers
        rows = {leg.port: leg.row for leg in self._legs.values() if buffers.begun(leg.row)}
        self._senders = [leg for leg in self._legs.values() if leg.sending]
        senders = [Sender(leg.port, leg.row, leg.payload) for leg in self._senders]
        self._mixer.changed(rows, senders, self._recordings.running)
        self._around.changed = False

    def _report(self, turn: int) -> None:
        """RTCP of the legs whose turn it is: spread over the ticks, never all at once."""
        for leg in self._senders:
            if leg.port % REPORT_TICKS == turn:
                try:
                    leg.report(self._mixer.outgoing.timestamp(leg.row))
                except OSError:
                    continue
                except Exception:
                    self._around.fault("reporting to a leg")

    def _tell_ends(self) -> None:
        for port, player in self._mixer.players.items():
            if player.ended and not player.told:
                player.told = True
                self._tell(Played(port))

    def _fresh(self) -> int:
        self._number += 1
        return self._number

    def _room(self) -> None:
        if len(self._legs) + len(self._mixer.players) >= PORTS_MAX:
            raise MediaRefused(MediaError.PORTS_EXHAUSTED, f"{PORTS_MAX} ports are open")

    def _known(self, ports: list[int]) -> None:
        if len(ports) > SOURCES_MAX:
            raise MediaRefused(MediaError.BAD_REQUEST, f"more than {SOURCES_MAX} sources")
        for port in ports:
            if port not in self._legs and port not in self._mixer.players:
                raise MediaRefused(MediaError.NO_SUCH_PORT, f"port {port}")
