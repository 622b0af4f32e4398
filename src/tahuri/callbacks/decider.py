"""What may be done with one call-back item.  Pure: no clock, no I/O, no chance."""

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from tahuri.callbacks.events import (
    AttemptBegun,
    AttemptEnded,
    CallAttached,
    CallerTold,
    CallerWord,
    Cause,
    ItemClosed,
    ItemOpened,
    ItemReopened,
    MessageFailed,
    MessageSent,
    Outcome,
    Overdue,
)
from tahuri.kernel.event import Command, Decider
from tahuri.kernel.ids import CallId, IncidentId, OperatorId, PersonalId, SeatId
from tahuri.kernel.refusal import Refused
from tahuri.refusals import Refusal

WORDS_MAX = 60
"""Of one caller on their page: more than anybody needs, less than a program would send."""
END_UNKNOWN = "end-unknown"
"""Result of an attempt whose end nobody told: its node, or its journal, is gone."""
MESSAGE_FAILURES_MAX = 8
"""As often as a job is tried (`kernel.jobs.ATTEMPTS_MAX`)."""


class Owe(Command, frozen=True, tag="owe"):
    """A caller rang in vain or asked to be called: opens an item or attaches to the open one."""

    call_id: CallId
    cause: Cause
    number_status: str
    dialable: bool
    caller: PersonalId | None
    location: PersonalId | None
    waited_s: float
    keys: int
    near: IncidentId | None
    night: bool


class BeginAttempt(Command, frozen=True, tag="begin-attempt"):
    """A seat calls."""

    call_id: CallId
    seat_id: SeatId
    operator_id: OperatorId
    automatic: bool


class EndAttempt(Command, frozen=True, tag="end-attempt"):
    """Its call is over."""

    call_id: CallId
    result: str
    status: int | None = None


class AnsweredLater(Command, frozen=True, tag="answered-later"):
    """The same caller rang again and was answered."""

    call_id: CallId


class CloseItem(Command, frozen=True, tag="close-item"):
    """Say what became of the caller."""

    outcome: Outcome
    incident_id: IncidentId | None = None
    note: PersonalId | None = None


class ReopenItem(Command, frozen=True, tag="reopen-item"):
    """Take it up again."""

    reason: PersonalId


class NoticeOverdue(Command, frozen=True, tag="notice-overdue"):
    """The promised time is over."""

    due_s: int
    late_s: float


class TellMessage(Command, frozen=True, tag="tell-message"):
    """What became of the message; ``fault`` is empty when the gateway took it."""

    gateway: str
    with_link: bool
    fault: str = ""


class TellCentre(Command, frozen=True, tag="tell-centre"):
    """A word on the caller's page; what it needs stands in erasable rows."""

    word: CallerWord
    text: PersonalId | None = None
    location: PersonalId | None = None


ItemCommand = (
    Owe
    | BeginAttempt
    | EndAttempt
    | AnsweredLater
    | CloseItem
    | ReopenItem
    | NoticeOverdue
    | TellMessage
    | TellCentre
)
ItemEvent = (
    ItemOpened
    | CallAttached
    | AttemptBegun
    | AttemptEnded
    | Overdue
    | MessageSent
    | MessageFailed
    | ItemClosed
    | ItemReopened
    | CallerTold
)


class Item(Struct, frozen=True):
    """What the rules need to know of an item."""

    exists: bool = False
    closed: Outcome | None = None
    dialable: bool = False
    calls: frozenset[CallId] = frozenset()
    going: frozenset[CallId] = frozenset()
    """Attempts that are not over."""
    ended: frozenset[CallId] = frozenset()
    unknown: frozenset[CallId] = frozenset()
    """Of these, such as nobody has told the end of."""
    reached: bool = False
    overdue: bool = False
    message_sent: bool = False
    message_failures: int = 0
    words: int = 0
    """That the caller said on their page."""
    wrote: bool = False
    """Whether a text or a place was among them."""

    @property
    def attempted(self) -> bool:
        """Whether anybody was called."""
        return bool(self.going | self.ended)


def not_possible(reason: str) -> Refused:
    """The refusal: ``closed``, ``calling``, ``no-number``, ``number-known``, ``not-tried``,
    ``not-reached``, ``other-open``."""
    return Refused(Refusal.CALLBACK_NOT_POSSIBLE, reason=reason)


def decide(command: ItemCommand, item: Item) -> list[ItemEvent]:
    """Events that carry the command out; none if it is so already.  Raises Refused."""
    if not item.exists and not isinstance(command, Owe):
        raise Refused(Refusal.CALLBACK_UNKNOWN)
    match command:
        case Owe():
            return _owe(command, item)
        case BeginAttempt(call_id=call_id):
            if call_id in item.going | item.ended:
                return []
            return [
                AttemptBegun(
                    call_id=call_id,
                    seat_id=command.seat_id,
                    operator_id=command.operator_id,
                    automatic=command.automatic,
                )
            ]
        case EndAttempt(call_id=call_id, result=result, status=status):
            told_late = call_id in item.unknown and result != END_UNKNOWN
            if call_id not in item.going and not told_late:
                return []
            return [AttemptEnded(call_id=call_id, result=result, status=status)]
        case AnsweredLater(call_id=call_id):
            if item.closed is not None or call_id in item.calls:
                return []
            return [ItemClosed(outcome=Outcome.ANSWERED_LATER, call_id=call_id)]
        case CloseItem():
            return _close(command, item)
        case ReopenItem(reason=reason):
            return [] if item.closed is None else [ItemReopened(reason=reason)]
        case NoticeOverdue(due_s=due_s, late_s=late_s):
            done = item.closed is not None or item.attempted or item.overdue
            return [] if done else [Overdue(due_s=due_s, late_s=late_s)]
        case TellMessage(gateway=gateway, with_link=with_link, fault=fault):
            if item.message_sent or item.message_failures >= MESSAGE_FAILURES_MAX:
                return []
            if fault:
                return [MessageFailed(gateway=gateway, fault=fault)]
            return [MessageSent(gateway=gateway, with_link=with_link)]
        case TellCentre():
            return _told(command, item)
        case _:
            assert_never(command)


def _owe(command: Owe, item: Item) -> list[ItemEvent]:
    if item.closed is not None:
        raise not_possible("closed")
    if command.call_id in item.calls:
        return []
    if item.exists:
        return [
            CallAttached(
                call_id=command.call_id,
                cause=command.cause,
                location=command.location,
                waited_s=command.waited_s,
                keys=command.keys,
                near=command.near,
                night=command.night,
            )
        ]
    return [
        ItemOpened(
            call_id=command.call_id,
            cause=command.cause,
            number_status=command.number_status,
            dialable=command.dialable,
            caller=command.caller,
            location=command.location,
            waited_s=command.waited_s,
            keys=command.keys,
            near=command.near,
            night=command.night,
        )
    ]


def _told(command: TellCentre, item: Item) -> list[ItemEvent]:
    """A caller who still needs something is owed a look, whatever was written of them before."""
    if item.words >= WORDS_MAX:
        raise Refused(Refusal.CALLER_PAGE_FULL)
    told: list[ItemEvent] = [
        CallerTold(word=command.word, text=command.text, location=command.location)
    ]
    if item.closed is not None and command.word is not CallerWord.NO_LONGER_NEEDED:
        told.append(ItemReopened())
    return told


def _close(command: CloseItem, item: Item) -> list[ItemEvent]:
    """An outcome must be true: nobody is "reached" who has neither spoken nor written to us."""
    if item.closed is not None:
        if item.closed is command.outcome:
            return []
        raise not_possible("closed")
    if item.going:
        raise not_possible("calling")
    match command.outcome:
        case Outcome.REACHED_EMERGENCY | Outcome.REACHED_NO_EMERGENCY:
            if not (item.reached or item.wrote):
                raise not_possible("not-reached")
        case Outcome.NOT_REACHED:
            if not item.attempted:
                raise not_possible("not-tried")
        case Outcome.NO_NUMBER:
            if item.dialable:
                raise not_possible("number-known")
        case Outcome.PRANK | Outcome.ANSWERED_LATER | Outcome.DUPLICATE:
            pass
        case _:
            assert_never(command.outcome)
    closed = ItemClosed(outcome=command.outcome, incident_id=command.incident_id, note=command.note)
    return [closed]


def evolve(item: Item, event: ItemEvent) -> Item:
    """The item after the event."""
    match event:
        case ItemOpened():
            calls = frozenset({event.call_id})
            return Item(exists=True, dialable=event.dialable, calls=calls)
        case CallAttached(call_id=call_id):
            return replace(item, calls=item.calls | {call_id})
        case AttemptBegun(call_id=call_id):
            return replace(item, going=item.going | {call_id})
        case AttemptEnded(call_id=call_id, result=result):
            return replace(
                item,
                going=item.going - {call_id},
                ended=item.ended | {call_id},
                unknown=(item.unknown | {call_id})
                if result == END_UNKNOWN
                else item.unknown - {call_id},
                reached=item.reached or result == "reached",
            )
        case Overdue():
            return replace(item, overdue=True)
        case MessageSent():
            return replace(item, message_sent=True)
        case MessageFailed():
            return replace(item, message_failures=item.message_failures + 1)
        case ItemClosed(outcome=outcome):
            return replace(item, closed=outcome)
        case ItemReopened():
            return replace(item, closed=None)
        case CallerTold(text=text, location=location):
            wrote = item.wrote or text is not None or location is not None
            return replace(item, words=item.words + 1, wrote=wrote)
        case _:
            assert_never(event)


ITEM = Decider(Item(), decide, evolve)
