"""Stream ``call/<call_id>``: who else takes part: third parties, transfers, supervisors."""

from typing import Literal

from tahuri.telephony.protocol.facts.body import Body
from tahuri.telephony.protocol.words import (
    ConsultationOutcome,
    ConsultationRefusedReason,
    LeftReason,
    ReferRefusedReason,
    SupervisionMode,
    TransferKind,
)


class PartyAdded(Body, frozen=True, tag="calls.party-added"):
    """Personal: ``address`` (`Address`)."""

    leg_id: str
    referred_by: str = ""
    """Leg of the party that sends the caller on to this one; empty when a seat, or overflow, had
    it called."""


class PartyJoined(Body, frozen=True, tag="calls.party-joined"):
    leg_id: str


class PartyLeft(Body, frozen=True, tag="calls.party-left"):
    leg_id: str
    reason: LeftReason
    status: int | None = None
    """SIP status, where the far end or the network gave one."""


class LegReplaced(Body, frozen=True, tag="calls.leg-replaced"):
    """The far side put another telephone in the place of one that was on the call (RFC 3891).
    Personal: ``caller`` (`Caller`), as which the new one calls, where it says so."""

    role: Literal["caller", "seat", "party"]
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    early: bool = False
    """The former one only rang."""


class ReferRefused(Body, frozen=True, tag="calls.refer-refused"):
    """Somebody's telephone asked us to send the call on (REFER), and we did not.
    Personal: ``address`` (`Address`), to whom."""

    role: Literal["caller", "seat", "party"]
    leg_id: str
    """Of a party the leg's id, of a seat the seat's; else empty."""
    reason: ReferRefusedReason
    status: int
    """SIP status that it was told."""


class ConsultationBegun(Body, frozen=True, tag="calls.consultation-begun"):
    """The seat's phone asks somebody by a second line, while the caller hears the hold prompt."""

    seat_id: str
    operator_id: str
    leg_id: str
    """The party that is asked: `PartyAdded` names it."""
    to_seat_id: str | None = None
    """Its seat, where it is one."""


class ConsultationEnded(Body, frozen=True, tag="calls.consultation-ended"):
    """The second line is over: the one outcome of its INVITE."""

    seat_id: str
    operator_id: str
    leg_id: str
    outcome: ConsultationOutcome
    status: int | None = None
    """SIP status, where there was one."""


class ConsultationRefused(Body, frozen=True, tag="calls.consultation-refused"):
    """A seat's phone wanted to ask somebody, and nobody was called: the one outcome of its INVITE.
    In the call's stream, or the seat's while that has none.  Personal: ``address`` (`Address`)."""

    seat_id: str
    reason: ConsultationRefusedReason
    status: int
    """SIP status that the phone was told."""


class TransferStarted(Body, frozen=True, tag="calls.transfer-started"):
    """The target rings; the caller hears the hold prompt.  Personal: ``address`` (`Address`) where
    the trunk is asked, so that no party tells it."""

    seat_id: str
    operator_id: str
    kind: TransferKind
    leg_id: str | None = None
    """The party that is called, or"""
    to_seat_id: str | None = None
    """the seat."""


class TransferCompleted(Body, frozen=True, tag="calls.transfer-completed"):
    """The seat is off the call; caller and target go on."""

    seat_id: str
    operator_id: str
    kind: TransferKind
    leg_id: str | None = None
    to_seat_id: str | None = None


class TransferFailed(Body, frozen=True, tag="calls.transfer-failed"):
    """The call is with its seat again, or on its way there."""

    seat_id: str
    operator_id: str
    reason: Literal[
        "no-answer", "refused", "failed", "not-ready", "taken-back", "taken-over", "hung-up"
    ]
    status: int | None = None
    """SIP status, where there was one."""


class SupervisionStarted(Body, frozen=True, tag="calls.supervision-started"):
    seat_id: str
    """The supervisor's."""
    operator_id: str
    mode: SupervisionMode
    audible: bool
    """Whether a notice was played."""


class SupervisionEnded(Body, frozen=True, tag="calls.supervision-ended"):
    seat_id: str
    operator_id: str
    mode: SupervisionMode
    reason: Literal["left", "changed", "call-ended", "seat-vanished", "taken-over"]
