"""What may be asked of the media process and what it says by itself: the one definition.

Requests travel as JSON lines (`tahuri.telephony.rpc`); ``op`` names the struct.  Ports and
recordings are positive integers, never used twice while one media process lives, and hardly ever
by the next one (`engine.NUMBER_BITS`).
Frequencies are 8 kHz everywhere; gains are linear (1.0 = unchanged).
"""

from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

GAIN_MAX = 4.0
CELLS_MAX = 4096
SOURCES_MAX = 64
PORTS_MAX = 4096
STREAMS_MAX = 1024
"""Legs that say something (`jitter.ROWS_MAX`)."""
NAME_LENGTH_MAX = 64
PATH_LENGTH_MAX = 4096
SDP_LENGTH_MAX = 20_000

Payload = Literal[0, 8]
"""RTP payload type: 0 is PCMU, 8 is PCMA (RFC 3551)."""

PortKind = Literal["rtp", "webrtc", "play"]
WebrtcState = Literal["connected", "failed", "closed"]


class MediaError(StrEnum):
    """Why media said no.  A code never changes meaning."""

    PORTS_EXHAUSTED = "ports-exhausted"
    BAD_MEDIA_ADDRESS = "bad-media-address"
    NO_SUCH_PORT = "no-such-port"
    UNSUPPORTED_CODEC = "unsupported-codec"
    BAD_SDP = "bad-sdp"
    DISK_FULL = "disk-full"
    BAD_FILE = "bad-file"
    BAD_REQUEST = "bad-request"


class MediaRefused(Exception):  # noqa: N818
    """Media cannot do what was asked; nothing changed."""

    def __init__(self, code: MediaError, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail


# ---- requests -------------------------------------------------------------------------------


class Request(Struct, frozen=True, tag_field="op", forbid_unknown_fields=True):
    """Base of every request."""


class Hello(Request, frozen=True, tag="hello"):
    """Who are you, and what do you hold?  Answer: `Holdings`."""


class OpenRtp(Request, frozen=True, tag="open_rtp"):
    """Open a leg on plain RTP.  Answer: `RtpPort`.  Errors: ports-exhausted, bad-request."""

    name: str
    address: str | None = None
    """Which of media's own addresses; None: the first."""


SrtpSuite = Literal["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]


class SrtpKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """Keys of one leg, each base64 of 16 bytes of key and 14 of salt (RFC 4568)."""

    suite: SrtpSuite
    ours: str
    """For what we send."""
    theirs: str

    def __repr__(self) -> str:
        return f"SrtpKeys({self.suite})"  # keys never stand in a log


class SetRemote(Request, frozen=True, tag="set_remote"):
    """Where to send and in which codec; listening is not changed by it.  Answer: null.

    A new address opens the latch again: the next packet from anywhere sets where we send.
    Errors: no-such-port, bad-media-address, unsupported-codec, bad-request (keys that are none).
    """

    port: int
    address: str | None
    """IPv4 or IPv6 address, never a name; null: do not send yet."""
    udp: int
    payload: int
    dtmf: int | None = None
    """Payload type of RFC 4733 telephone events that the far end sends; null: none."""
    srtp: SrtpKeys | None = None
    """Encrypt with these, and take nothing that is not; null: plain RTP."""


class OpenWebrtc(Request, frozen=True, tag="open_webrtc"):
    """Answer a browser's offer.  Answer: `WebrtcPort`.  Errors: ports-exhausted, bad-sdp,
    unsupported-codec."""

    name: str
    sdp: str


class Free(Request, frozen=True, tag="free"):
    """Close ports; unknown ones are passed over, so repeating is safe.  Answer: null."""

    ports: list[int]


class Gains(Request, frozen=True, tag="gains"):
    """Set cells of the matrix: all of them or, on an error, none.  Answer: null.

    Errors: no-such-port, bad-request.
    """

    cells: list[tuple[int, int, float]]
    """(hears, says, gain), gain 0 ≤ g ≤ 4; 0 removes the cell."""


class Play(Request, frozen=True, tag="play"):
    """A port that says a sound file, from its start.  Answer: `PlayPort`.

    Errors: bad-file, ports-exhausted.
    """

    name: str
    file: str
    loop: bool = False


class Record(Request, frozen=True, tag="record"):
    """Begin a two-channel recording.  Answer: `RecordingStarted`.

    Errors: no-such-port, disk-full, bad-file (the path cannot be made or is taken, or the disk was
    so slow that nobody waits for the answer any more).
    """

    path: str
    """Where the WAV goes; its folder is made if need be.  An existing file is never touched."""
    left: list[int]
    right: list[int]


class RecordSources(Request, frozen=True, tag="record_sources"):
    """Change who is on which channel.  Answer: null.  Errors: no-such-port."""

    recording: int
    left: list[int]
    right: list[int]


class RecordStop(Request, frozen=True, tag="record_stop"):
    """Close a recording, for certain on the disk.  Answer: `RecordingClosed`.

    Asked again within `CLOSED_KEPT` recordings it gives the same answer.  Errors: no-such-port.
    """

    recording: int


class Stats(Request, frozen=True, tag="stats"):
    """Figures of the process and, if asked, of each port.  Answer: `Figures`."""

    ports: bool = False


class Measure(Request, frozen=True, tag="measure"):
    """Figures of these ports; unknown ones are passed over.  Answer: `Figures.ports` alone."""

    ports: list[int]


AnyRequest = (
    Hello
    | OpenRtp
    | SetRemote
    | OpenWebrtc
    | Free
    | Gains
    | Play
    | Record
    | RecordSources
    | RecordStop
    | Stats
    | Measure
)


# ---- answers --------------------------------------------------------------------------------


class HeldPort(Struct, frozen=True):
    port: int
    kind: PortKind
    name: str
    udp: int | None
    """Local UDP port of an RTP leg; null for other kinds."""


class HeldRecording(Struct, frozen=True):
    recording: int
    path: str


class Holdings(Struct, frozen=True):
    """All that media holds; a restarted switch compares it with its journal."""

    instance: str
    """Changes with each start of the process: another value means that every port is gone."""
    ports: list[HeldPort]
    recordings: list[HeldRecording]


class RtpPort(Struct, frozen=True):
    port: int
    address: str
    udp: int


class WebrtcPort(Struct, frozen=True):
    port: int
    sdp: str


class PlayPort(Struct, frozen=True):
    port: int


class RecordingStarted(Struct, frozen=True):
    recording: int


class RecordingClosed(Struct, frozen=True):
    path: str
    sha256: str
    """Hex digest of the whole file as it lies on the disk; empty if it cannot be read."""
    duration_s: float
    bytes: int
    fault: str | None = None
    """Why the file is not the whole call; null when it is."""


class PortFigures(Struct, frozen=True):
    port: int
    kind: PortKind
    name: str
    rx: int
    """Audio packets taken in."""
    tx: int
    lost: int
    """Packets the sequence numbers say should have come and did not (RFC 3550 A.3)."""
    late: int
    """Packets that came after the moment at which they should have sounded."""
    dropped: int
    """Packets thrown away: malformed, wrong codec, or from elsewhere than the latched address."""
    strangers: int
    """Of these, the ones from elsewhere than the latched address."""
    jitter_ms: float
    """Interarrival jitter, RFC 3550 A.8."""
    rtt_ms: float | None
    """Round trip by the far end's RTCP; null until it sent some."""
    buffer_ms: float
    """Audio that waits in the jitter buffer right now."""
    concealed: int = 0
    """Frames of 20 ms that were made up, in gaps of at most 200 ms."""
    their_lost: int | None = None
    """Packets of ours that did not come, by the far end's reports; null until it sent one."""
    their_expected: int | None = None
    """Packets of ours that these reports speak of."""
    their_fraction: float | None = None
    """Share of them lost between its last two reports, 0 to 1."""
    their_jitter_ms: float | None = None


class Figures(Struct, frozen=True):
    ticks: int
    late_ticks: int
    """Ticks that began more than `clockwork.LATE_S` after their time, and those left out."""
    tick_p50_ms: float
    tick_p99_ms: float
    lateness_p99_ms: float
    """Lateness and cost of ticks over the last 100 s."""
    cpu_s: float
    rss_bytes: int
    realtime: bool
    """Whether the process runs under SCHED_RR."""
    faults: int
    """Exceptions caught in ticks; each is a bug, none stopped a call."""
    ports: list[PortFigures] = field(default_factory=list)


# ---- events ---------------------------------------------------------------------------------


class Event(Struct, frozen=True, tag_field="event"):
    """Base of everything media says without being asked."""


class Dtmf(Event, frozen=True, tag="dtmf"):
    """A key was pressed; told once a press, when it begins."""

    port: int
    digit: str
    """One of ``0123456789*#ABCD``."""


class Webrtc(Event, frozen=True, tag="webrtc"):
    port: int
    state: WebrtcState


class Played(Event, frozen=True, tag="played"):
    """A sound file that does not loop has come to its end; the port stays until freed."""

    port: int


class FirstRtp(Event, frozen=True, tag="first_rtp"):
    port: int


class Silent(Event, frozen=True, tag="silent"):
    """No RTP for 5 s; told once, until `Heard`."""

    port: int
    seconds: float


class Heard(Event, frozen=True, tag="heard"):
    """RTP came again after `Silent`."""

    port: int


class RecordingFailed(Event, frozen=True, tag="recording_failed"):
    """The disk refused; told once a recording.  The call goes on."""

    recording: int
    path: str
    error: str


AnyEvent = Dtmf | Webrtc | Played | FirstRtp | Silent | Heard | RecordingFailed
