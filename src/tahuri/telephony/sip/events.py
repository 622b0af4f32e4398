"""What the user agent tells its owner."""

from dataclasses import dataclass, field

from tahuri.telephony.sip.leg import Leg
from tahuri.telephony.sip.message import Request, Response
from tahuri.telephony.sip.transaction import Flow, ServerKey


@dataclass(frozen=True, slots=True)
class Incoming:
    """Somebody calls; 100 has been sent.  Accept or reject the leg."""

    leg: Leg
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class InviteRefused:
    """An INVITE was answered with an error before anybody was told of it."""

    flow: Flow
    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The ACK for our 200 came; with a session when we made the offer."""

    leg: Leg
    session: bytes | None


@dataclass(frozen=True, slots=True)
class Ringing:
    """Our INVITE got a provisional response above 100; with a session: early media."""

    leg: Leg
    status: int
    session: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """Our INVITE was accepted and has been acknowledged."""

    leg: Leg
    session: bytes | None
    response: Response | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class KeyTold:
    """The node where the caller is tells of a key that was pressed."""

    leg: Leg
    digit: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Our INVITE came to nothing: refused, cancelled (487) or unanswered (408)."""

    leg: Leg
    status: int
    response: Response | None


@dataclass(frozen=True, slots=True)
class Reoffered:
    """The far side changes the session; None: it asks us to offer.  Answer it."""

    leg: Leg
    session: bytes | None


@dataclass(frozen=True, slots=True)
class Reacknowledged:
    """The ACK for our answer to a re-INVITE; with a session when we made the offer."""

    leg: Leg
    session: bytes | None


@dataclass(frozen=True, slots=True)
class Reanswered:
    """The far side's answer to our re-INVITE."""

    leg: Leg
    status: int
    session: bytes | None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The dialog's timer began anew: keep the leg."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class ReferAsked:
    """The far side wants us to call ``target`` in its place; answer it."""

    leg: Leg
    key: ServerKey
    target: str
    """A URI without headers."""
    replaces: str = ""
    """Which dialog of the target's the new one is to replace (attended transfer), as the header of
    that name tells it; empty for none."""


@dataclass(frozen=True, slots=True)
class ReferAnswered:
    """The final answer to our REFER; 408 when there was none."""

    leg: Leg
    status: int


@dataclass(frozen=True, slots=True)
class ReferProgress:
    """What the far side's call to our target has come to: the status of its INVITE."""

    leg: Leg
    status: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A leg that was incoming or up is over."""

    leg: Leg
    reason: str


@dataclass(frozen=True, slots=True)
class Registering:
    """REGISTER; answer it with ``respond(key, …)``."""

    key: ServerKey
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class OptionsSeen:
    """OPTIONS outside any dialog; it has been answered."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class Replied:
    """The final response to a request outside any dialog; None when there was none."""

    client: str
    response: Response | None


Event = (
    Incoming
    | InviteRefused
    | Acknowledged
    | Ringing
    | Answered
    | Rejected
    | Reoffered
    | Reacknowledged
    | Reanswered
    | Refreshed
    | ReferAsked
    | ReferAnswered
    | ReferProgress
    | Ended
    | KeyTold
    | Registering
    | OptionsSeen
    | Replied
)
