"""What the switch shows of its present state."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from tahuri.telephony.protocol.facts.personal import Location
from tahuri.telephony.protocol.words import (
    AlarmCode,
    Direction,
    GhostAnswer,
    GhostQuestion,
    Lane,
    LeftReason,
    LineVerdict,
    NotReadyReason,
    NumberStatus,
    OverflowTo,
    PartyState,
    PrecedenceReason,
    RefusedReason,
    SeatStateName,
    SupervisionMode,
    TransferKind,
    TrunkStateName,
)
from tahuri.telephony.token import Desk, SeatKind


class SeatView(Struct, frozen=True, kw_only=True):
    seat_id: str
    operator_id: str | None
    operator_name: str | None
    kind: SeatKind
    robot: bool
    state: SeatStateName
    reason: NotReadyReason | None
    since: datetime
    media: Literal["connected", "connecting", "down"]
    call_id: str | None
    desk: Desk = "taker"
    languages: list[str] = []
    agency_id: str | None = None
    wrap_up_until: datetime | None = None
    """When it becomes ready by itself; None: not before its operator says so."""


class QueuedView(Struct, frozen=True, kw_only=True):
    call_id: str
    arrived_at: datetime
    number: str | None
    number_status: NumberStatus
    trunk: str
    lane: Lane = "normal"
    precedence: int = 0
    precedence_reason: PrecedenceReason | None = None
    language: str | None = None
    agency_id: str | None = None
    overflow: list[OverflowTo] = []
    """Who takes part by now because it waits for long; ``number`` while one is called."""
    rings_at: list[str] = []
    """Seats where it rings."""
    requeued: bool = False
    held_back_until: datetime | None = None
    """Ready seats are kept for another trunk group, at most until then."""


class OfferView(Struct, frozen=True, kw_only=True):
    call_id: str
    arrived_at: datetime
    number: str | None
    number_status: NumberStatus
    location: Location | None
    direction: Direction = "in"
    """``out``: accepting it calls this number back."""
    callback_id: str | None = None


class PartyView(Struct, frozen=True, kw_only=True):
    leg_id: str
    address: str
    state: PartyState
    consulted: bool = False
    """The seat's phone asks it by a second line; it does not hear the caller."""


class GoneView(Struct, frozen=True, kw_only=True):
    """A party that did not come, or whose line broke."""

    address: str
    reason: LeftReason
    status: int | None
    """SIP status, where the far end or the network gave one."""
    at: datetime


class GhostAnswerView(Struct, frozen=True, kw_only=True):
    question: GhostQuestion
    answer: GhostAnswer


class GhostView(Struct, frozen=True, kw_only=True):
    """The keys' conversation with a caller who does not speak."""

    question: GhostQuestion | None
    """Asked and not answered yet."""
    answers: list[GhostAnswerView]
    """The last to each question, in the order of the answers."""
    listen_until: datetime
    """From then on the call may be ended as silent."""


class LineSpan(Struct, frozen=True, kw_only=True):
    """How one leg's line was over ten seconds."""

    began: datetime
    verdict: LineVerdict
    """By the worst look at it."""
    mos: float
    """The mean; of each look the worse direction, as ``worst_mos``."""
    worst_mos: float
    loss: float
    """Share of their packets that we could not play, 0 to 1."""


class LineView(Struct, frozen=True, kw_only=True):
    """How one leg's line was in the last seconds."""

    leg: str
    """``caller``, ``seat`` or a party's leg_id."""
    verdict: LineVerdict
    mos: float
    loss: float
    """Share of their packets that we could not play, 0 to 1."""
    jitter_ms: float
    rtt_ms: float | None
    their_loss: float | None
    their_mos: float | None
    history: list[LineSpan] = []
    """The last minutes, oldest first; the last span is not over, one that could not be judged is
    left out."""


class TransferView(Struct, frozen=True, kw_only=True):
    """A transfer whose target has not answered."""

    kind: TransferKind
    target: str
    """The address called, or the seat's id."""
    to_seat: bool
    since: datetime


class CallView(Struct, frozen=True, kw_only=True):
    call_id: str
    answered_at: datetime | None
    """When it was first answered: by whoever had it before, if it was parked or sent on."""
    number: str | None
    number_status: NumberStatus
    on_hold: bool
    muted: bool
    parties: list[PartyView]
    location: Location | None
    direction: Direction = "in"
    state: Literal["calling", "ringing", "live"] = "live"
    """A call of ours rings before it is live."""
    callback_id: str | None = None
    ghost: GhostView | None = None
    gone: list[GoneView] = []
    """Parties that are not there although somebody had them called, the latest first."""
    lines: list[LineView] = []
    """The legs that can be judged, the caller's first."""
    transfer: TransferView | None = None
    seat_id: str | None = None
    """None when only parties talk with the caller."""
    operator_name: str | None = None
    supervisors: list[SupervisionMode] = []
    """Those that the seat is to know of: all of them with a notice, else those it hears."""


class WaitingView(Struct, frozen=True, kw_only=True):
    """A call that waits for certain seats before the others: parked, or on its way to a seat."""

    call_id: str
    number: str | None
    number_status: NumberStatus
    seat_id: str
    """Who parked it or sent it on."""
    since: datetime
    slot: int | None = None
    """Where it is parked."""
    to_seat_id: str | None = None
    """Where it is to ring."""


class SupervisionView(Struct, frozen=True, kw_only=True):
    """What a supervisor takes part in."""

    call_id: str
    mode: SupervisionMode
    since: datetime


class GatewayView(Struct, frozen=True, kw_only=True):
    """A radio or other gateway that can be brought into a call by its name."""

    name: str
    registered: bool


class Alarm(Struct, frozen=True, kw_only=True):
    """Something a supervisor must know now."""

    code: AlarmCode
    since: datetime
    about: str = ""
    """The trunk, or trunks, where the alarm is about one."""
    numbers: dict[str, float] = {}
    """What is left, or how many, by name."""


class TrunkView(Struct, frozen=True, kw_only=True):
    """A line to the telephone network."""

    name: str
    state: TrunkStateName
    """``unknown`` until it answered, called or asked."""
    since: datetime
    rtt_ms: float | None
    """How long its last answer took; None before the first and where we do not ask."""
    status: int | None = None
    """What it answered last instead of carrying calls; while it is down."""
    fault: str = ""
    """Why it could not be reached last (``connection-refused``, ``certificate-name`` …), while it
    is down; empty where it just does not answer."""
    calls: int
    """Calls that came by it and are not over."""


class RefusedView(Struct, frozen=True, kw_only=True):
    """Calls from one address that were refused for one reason, since the switch started."""

    source: str
    """The network address that they came from."""
    trunk: str | None
    """None: an address that no trunk names in ``sources``."""
    status: int
    reason: RefusedReason
    count: int
    first_at: datetime
    last_at: datetime


class Surge(Struct, frozen=True, kw_only=True):
    """A recorded notice that is switched on, since when, by whom."""

    notice: str
    since: datetime
    operator_id: str


class NoticeView(Struct, frozen=True, kw_only=True):
    """A recorded notice that can be switched on, or what is wrong with its file."""

    name: str
    duration_s: float
    fault: Literal["unreadable", "not-8khz-mono", "too-long", "bad-name"] | None = None


class SeatPush(Struct, frozen=True, kw_only=True, tag_field="event", tag="state"):
    """What one browser seat shows; whole, on every change and every 5 s."""

    now: datetime
    seat: SeatView
    queue: list[QueuedView]
    offer: OfferView | None
    call: CallView | None
    seats_ready: int
    alarms: list[AlarmCode]
    """What is wrong with telephony right now, for everybody who sits at a seat."""
    trunks_down: list[str] = []
    """Trunks that do not answer."""
    waiting: list[WaitingView] = []
    """Parked calls, and those on their way to a seat."""
    live: list[CallView] = []
    """Every live call; for supervisors only."""
    supervision: SupervisionView | None = None
    gateways: list[GatewayView] = []
    surge: Surge | None = None


class Snapshot(Struct, frozen=True, kw_only=True):
    """The answer to ``state``."""

    now: datetime
    seats: list[SeatView]
    queue: list[QueuedView]
    calls: list[CallView]
    waiting: list[WaitingView] = []
    """Parked calls, and those on their way to a seat: none of them stands in ``queue``."""
    seats_ready: int
    media_connected: bool
    draining: bool = False
    """New calls are sent elsewhere (503); those in hand go on."""
    calls_in_hand: int = 0
    """Waiting, live, or with a recording that is being closed."""
    alarms: list[Alarm]
    counters: dict[str, int]
    trunks: list[TrunkView] = []
    refused: list[RefusedView] = []
    """The latest first."""
    gateways: list[GatewayView] = []
    surge: Surge | None = None


class CallInHand(Struct, frozen=True, kw_only=True):
    """A call whose outcome or whose recording's end is still owed."""

    call_id: str
    phase: str
    loopback: bool
    arrived_at: datetime
    port: int
    """Media's port of the caller."""
    recording: str | None
    """Path of the recording that runs, relative to the folder ``recordings``."""


class MediaPort(Struct, frozen=True, kw_only=True):
    """A port that media holds."""

    port: int
    kind: str
    name: str
    known: bool
    """Whether some call, seat or prompt of the switch needs it."""


class Inventory(Struct, frozen=True, kw_only=True):
    """The answer to ``inventory``: all that the switch has in hand, beside what media holds."""

    now: datetime
    calls: list[CallInHand]
    calls_max: int
    seats: int
    """Seats where somebody sits."""
    seats_max: int
    spool_done: int
    """Position up to which the log has taken facts."""
    spool_end: int
    spool_unwritten: int
    """Facts that wait in memory because the disk takes none."""
    spool_unwritten_max: int
    spool_bytes: int = 0
    """Of facts on the disk, until the log has them."""
    spool_bytes_max: int = 0
    reserve_bytes: int = 0
    """Of the reserve for a full disk, as the settings ask for it."""
    reserve_left: int = 0
    """What of it may still be written; 0 as well while it could not be made."""
    disk_full_since: datetime | None = None
    """Since when the disk takes no facts."""
    media: bool
    """Whether media answered; without it the next two are empty."""
    ports: list[MediaPort] = []
    recordings: list[str] = []
    """Paths, absolute, of the recordings that media writes."""
