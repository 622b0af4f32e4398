"""Facts about operators and seats.  Streams: ``operator/<operator_id>``, ``seat/<seat_id>``.

Seat facts are made by the switch, which goes on without the log.
"""

from tahuri.kernel.event import Event
from tahuri.kernel.ids import OperatorId


class AccountMade(Event, frozen=True, tag="operators.account-made"):
    """An account was made; its name and password stand in reference data."""

    operator_id: OperatorId
    roles: tuple[str, ...]


class AccountChanged(Event, frozen=True, tag="operators.account-changed"):
    """Roles, password or the right to sign in were changed."""

    operator_id: OperatorId
    fields: tuple[str, ...]


class SignedIn(Event, frozen=True, tag="operators.signed-in"):
    """Somebody proved to be this operator."""

    operator_id: OperatorId
    session: str


class SignedOut(Event, frozen=True, tag="operators.signed-out"):
    """The session was ended by its operator."""

    operator_id: OperatorId
    session: str


class SeatTaken(Event, frozen=True, tag="operators.seat-taken"):
    """An operator sat down."""

    operator_id: OperatorId
    kind: str
    """``browser`` or ``sip``."""
    robot: bool = False


class SeatSkillsTold(Event, frozen=True, tag="operators.seat-skills-told"):
    """Which calls the seat is there for; one of which nothing is told is a call taker's."""

    operator_id: OperatorId
    desk: str
    """``taker``, ``supervisor`` or ``agency-desk``."""
    languages: tuple[str, ...] = ()
    """Codes such as ``id`` or ``en``."""
    agency_id: str | None = None


class SeatReady(Event, frozen=True, tag="operators.seat-ready"):
    """The operator can take a call."""

    operator_id: OperatorId


class SeatNotReady(Event, frozen=True, tag="operators.seat-not-ready"):
    """The operator cannot take a call, and why."""

    operator_id: OperatorId
    reason: str
    for_s: float | None = None
    """After so long the seat becomes ready by itself; None: never."""


class WrapUpExtended(Event, frozen=True, tag="operators.wrap-up-extended"):
    """The operator needs longer after the call: so many seconds from now."""

    operator_id: OperatorId
    for_s: float


class SeatLeft(Event, frozen=True, tag="operators.seat-left"):
    """The operator got up."""

    operator_id: OperatorId


class SeatVanished(Event, frozen=True, tag="operators.seat-vanished"):
    """The seat was not heard of for the declared time and was freed."""

    operator_id: OperatorId
    after_s: float
