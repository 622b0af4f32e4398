"""Third parties, transfers and supervisors.  Stream: ``call/<call_id>``."""

from tahuri.kernel.event import Event
from tahuri.kernel.ids import LegId, OperatorId, PersonalId, SeatId


class PartyAdded(Event, frozen=True, tag="calls.party-added"):
    """A third party is being called."""

    leg_id: LegId
    referred_by: str = ""
    """Leg of the party that sends the caller on to this one; else empty."""
    address: PersonalId | None = None


class PartyJoined(Event, frozen=True, tag="calls.party-joined"):
    """The third party is in the conference."""

    leg_id: LegId


class PartyLeft(Event, frozen=True, tag="calls.party-left"):
    """The third party is out, and why."""

    leg_id: LegId
    reason: str
    status: int | None = None


class LegReplaced(Event, frozen=True, tag="calls.leg-replaced"):
    """The far side put another telephone in the place of one that was on the call."""

    role: str
    """``caller``, ``seat`` or ``party``."""
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    early: bool = False
    """The former one only rang."""
    caller: PersonalId | None = None
    """As which the new telephone calls."""


class ReferRefused(Event, frozen=True, tag="calls.refer-refused"):
    """Somebody's telephone asked us to send the call on, and we did not."""

    role: str
    """``caller``, ``seat`` or ``party``."""
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    reason: str
    """``not-allowed``, ``attended``, ``busy``, ``unreachable`` or ``too-many-parties``."""
    status: int
    """SIP status that it was told."""
    address: PersonalId | None = None
    """To whom it was to go."""


class ConsultationBegun(Event, frozen=True, tag="calls.consultation-begun"):
    """The seat's phone asks somebody by a second line; the caller hears the hold prompt."""

    seat_id: SeatId
    operator_id: OperatorId
    leg_id: LegId
    """The party that is asked."""
    to_seat_id: SeatId | None = None
    """Its seat, where it is one."""


class ConsultationEnded(Event, frozen=True, tag="calls.consultation-ended"):
    """The second line is over, and what came of it."""

    seat_id: SeatId
    operator_id: OperatorId
    leg_id: LegId
    outcome: str
    """``transferred``, ``given-up``, ``hung-up``, ``party-left``, ``refused``, ``no-answer``,
    ``failed``, ``seat-left`` or ``call-ended``."""
    status: int | None = None


class ConsultationRefused(Event, frozen=True, tag="calls.consultation-refused"):
    """A seat's phone wanted to ask somebody, and nobody was called.  Stream of the call, or of the
    seat while that has none."""

    seat_id: SeatId
    reason: str
    """``no-live-call``, ``not-proven``, ``busy``, ``unreachable`` or ``too-many-parties``."""
    status: int
    """SIP status that the phone was told."""
    address: PersonalId | None = None
    """Whom."""


class TransferStarted(Event, frozen=True, tag="calls.transfer-started"):
    """The seat sends its call on; the target rings."""

    seat_id: SeatId
    operator_id: OperatorId
    kind: str
    """``blind``, ``warm``, or ``refer``: the trunk was asked to take the call over."""
    leg_id: LegId | None = None
    to_seat_id: SeatId | None = None
    address: PersonalId | None = None
    """Where the trunk was asked to send the caller."""


class TransferCompleted(Event, frozen=True, tag="calls.transfer-completed"):
    """The seat is off the call; caller and target go on."""

    seat_id: SeatId
    operator_id: OperatorId
    kind: str
    leg_id: LegId | None = None
    to_seat_id: SeatId | None = None


class TransferFailed(Event, frozen=True, tag="calls.transfer-failed"):
    """Nobody took the call; it went back."""

    seat_id: SeatId
    operator_id: OperatorId
    reason: str
    status: int | None = None


class SupervisionStarted(Event, frozen=True, tag="calls.supervision-started"):
    """A supervisor takes part: ``listen``, ``whisper`` or ``barge``."""

    seat_id: SeatId
    operator_id: OperatorId
    mode: str
    audible: bool
    """Whether a notice was played."""


class SupervisionEnded(Event, frozen=True, tag="calls.supervision-ended"):
    """The supervisor takes part in this way no longer."""

    seat_id: SeatId
    operator_id: OperatorId
    mode: str
    reason: str
