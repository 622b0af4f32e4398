"""Stream ``seat/<seat_id>``: who sits there, and whether calls may ring."""

from msgspec import field

from tahuri.telephony.protocol.facts.body import Body
from tahuri.telephony.protocol.words import NotReadyReason
from tahuri.telephony.token import Desk, SeatKind


class SeatTaken(Body, frozen=True, tag="operators.seat-taken"):
    operator_id: str
    kind: SeatKind
    robot: bool


class SeatSkillsTold(Body, frozen=True, tag="operators.seat-skills-told"):
    """Which calls the seat is there for: told after it was taken, and when it changes.

    A seat of which nothing is told is a call taker's, without a language or an agency.
    """

    operator_id: str
    desk: Desk
    languages: list[str] = field(default_factory=list)
    agency_id: str | None = None


class SeatReady(Body, frozen=True, tag="operators.seat-ready"):
    operator_id: str


class SeatNotReady(Body, frozen=True, tag="operators.seat-not-ready"):
    operator_id: str
    reason: NotReadyReason
    for_s: float | None = None
    """After so long the seat becomes ready by itself; None: never."""


class WrapUpExtended(Body, frozen=True, tag="operators.wrap-up-extended"):
    """The operator needs longer: so many seconds from now."""

    operator_id: str
    for_s: float


class SeatLeft(Body, frozen=True, tag="operators.seat-left"):
    operator_id: str


class SeatVanished(Body, frozen=True, tag="operators.seat-vanished"):
    operator_id: str
    after_s: float
