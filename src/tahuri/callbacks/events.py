"""Facts about call-back items.  Stream: ``callback/<callback_id>``.

One open item a caller, however often they rang; a caller without a number has one for each call.
Items are opened and attempts told in the write that takes over the call's own fact
(``opening.follower``); an item is named after its first call.
"""

from enum import StrEnum

from tahuri.kernel.event import Event
from tahuri.kernel.ids import CallId, IncidentId, OperatorId, PersonalId, SeatId


class Cause(StrEnum):
    """Why a caller is owed a call."""

    HUNG_UP = "hung-up"
    """They gave up before an answer."""
    FAILURE = "failure"
    """A part of the centre failed, while they waited or in the conversation."""
    SILENT = "silent"
    """They did not speak, and perhaps could not."""
    ASKED = "asked"
    """They, or who spoke with them, asked for it."""


class Outcome(StrEnum):
    """What became of a caller."""

    REACHED_EMERGENCY = "reached-emergency"
    REACHED_NO_EMERGENCY = "reached-no-emergency"
    NOT_REACHED = "not-reached-after-attempts"
    NO_NUMBER = "no-number"
    PRANK = "prank"
    ANSWERED_LATER = "answered-later"
    DUPLICATE = "duplicate"


class CallerWord(StrEnum):
    """What a caller says on the caller's page."""

    CALL_ME = "call-me"
    """They still wait for our call, and can speak."""
    CANNOT_SPEAK = "cannot-speak"
    """A ringing telephone may put them in danger."""
    NO_LONGER_NEEDED = "no-longer-needed"
    """They say so; perhaps it is not they who hold the telephone."""
    TEXT = "text"
    LOCATION = "location"


WISHES = (CallerWord.CALL_ME, CallerWord.CANNOT_SPEAK, CallerWord.NO_LONGER_NEEDED)
"""Of these the last one said holds."""


class ItemOpened(Event, frozen=True, tag="callbacks.item-opened"):
    """A caller is owed a call.  What the order by risk looks at stands here, as it was then."""

    call_id: CallId
    cause: Cause
    number_status: str
    """``present``, ``withheld`` or ``none``."""
    dialable: bool
    """Whether there is a number that can be called."""
    caller: PersonalId | None = None
    location: PersonalId | None = None
    waited_s: float = 0.0
    """How long they waited in vain."""
    keys: int = 0
    """Keys they pressed."""
    near: IncidentId | None = None
    """An open incident near the place the network told, or of the same number."""
    night: bool = False


class CallAttached(Event, frozen=True, tag="callbacks.call-attached"):
    """The same caller rang again in vain while the item was open."""

    call_id: CallId
    cause: Cause
    location: PersonalId | None = None
    waited_s: float = 0.0
    keys: int = 0
    near: IncidentId | None = None
    night: bool = False


class AttemptBegun(Event, frozen=True, tag="callbacks.attempt-begun"):
    """A seat calls them."""

    call_id: CallId
    """Our own call."""
    seat_id: SeatId
    operator_id: OperatorId
    automatic: bool = False


class AttemptEnded(Event, frozen=True, tag="callbacks.attempt-ended"):
    """That call is over."""

    call_id: CallId
    result: str
    """``reached``, ``given-up`` by the seat, or the switch's reason: ``busy``, ``no-answer``,
    ``declined``, ``redirected``, ``wrong-number``, ``failed``, ``switch-restarted``, …;
    ``end-unknown`` where nobody has told of its end for long, until somebody does."""
    status: int | None = None
    """SIP status with which it was refused."""


class Overdue(Event, frozen=True, tag="callbacks.overdue"):
    """Nobody has tried to call them within the city's promise."""

    due_s: int
    late_s: float


class MessageSent(Event, frozen=True, tag="callbacks.message-sent"):
    """The gateway took the message to the caller; there is no second one."""

    gateway: str
    with_link: bool


class MessageFailed(Event, frozen=True, tag="callbacks.message-failed"):
    """The gateway did not take it; it is tried again for a while."""

    gateway: str
    fault: str


class ItemClosed(Event, frozen=True, tag="callbacks.item-closed"):
    """What became of the caller."""

    outcome: Outcome
    incident_id: IncidentId | None = None
    call_id: CallId | None = None
    """The later call in which they were answered."""
    note: PersonalId | None = None


class ItemReopened(Event, frozen=True, tag="callbacks.item-reopened"):
    """It was not over after all."""

    reason: PersonalId | None = None
    """None where the caller's own word opened it again."""


class CallerTold(Event, frozen=True, tag="callbacks.caller-told"):
    """A word of the caller's, on the caller's page."""

    word: CallerWord
    text: PersonalId | None = None
    location: PersonalId | None = None
