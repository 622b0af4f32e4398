"""What may be asked of the switch."""

import hmac
from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tahuri.telephony.protocol.words import (
    LANGUAGE_CHARS_MAX,
    PRECEDENCE_MAX,
    GhostQuestion,
    NotReadyReason,
    NumberStatus,
    PrecedenceReason,
    SupervisionMode,
)
from tahuri.telephony.token import SeatKind, Skills


class Operation(Struct, frozen=True, kw_only=True, tag_field="op", forbid_unknown_fields=True):
    """Base of what may be asked; all may be repeated."""


class SeatOperation(Operation, frozen=True):
    """Asked for a seat; on the WebSocket both ids come from the token."""

    seat_id: str
    operator_id: str


class Take(SeatOperation, frozen=True, tag="take"):
    kind: SeatKind
    operator_name: str
    skills: Skills = Skills()


class Leave(SeatOperation, frozen=True, tag="leave"):
    pass


class Ready(SeatOperation, frozen=True, tag="ready"):
    pass


class NotReady(SeatOperation, frozen=True, tag="not_ready"):
    reason: NotReadyReason


class Answer(SeatOperation, frozen=True, tag="answer"):
    call_id: str


class Hold(SeatOperation, frozen=True, tag="hold"):
    pass


class Resume(SeatOperation, frozen=True, tag="resume"):
    pass


class Mute(SeatOperation, frozen=True, tag="mute"):
    pass


class Unmute(SeatOperation, frozen=True, tag="unmute"):
    pass


class HangUp(SeatOperation, frozen=True, tag="hang_up"):
    pass


class ExtendWrapUp(SeatOperation, frozen=True, tag="extend_wrap_up"):
    """So many seconds from now; nothing where wrap-up does not end by itself."""

    for_s: Annotated[float, Meta(ge=1, le=3600)] = 120.0


class AddParty(SeatOperation, frozen=True, tag="add_party"):
    """A number, a ``sip:`` or ``tel:`` address, or an alias of the configuration."""

    address: str


class DropParty(SeatOperation, frozen=True, tag="drop_party"):
    leg_id: str


class CallBack(SeatOperation, frozen=True, tag="call_back"):
    """Call a number from the seat.  Asked by `serve` alone, which knows the item; the answer is
    ``{"call_id": …}``.

    Refused: ``seat-busy`` unless the seat is ready or writes up, ``bad-address``,
    ``callback-not-possible`` while another seat calls for the same item.
    """

    callback_id: str
    number: str
    number_status: NumberStatus = "present"
    trunk: str | None = None
    """By name; None is the default one."""


class OfferCallBack(Operation, frozen=True, tag="offer_call_back"):
    """Let a call-back ring at the longest idle person's seat, if no call waits.

    The answer is ``{"call_id": …}``, null when there is no such seat now.
    """

    callback_id: str
    number: str
    number_status: NumberStatus = "present"
    trunk: str | None = None


class GhostBegin(SeatOperation, frozen=True, tag="ghost"):
    """Begin to ask the silent caller for keys."""


class GhostAsk(SeatOperation, frozen=True, tag="ghost_ask"):
    question: GhostQuestion


class GhostEnd(SeatOperation, frozen=True, tag="ghost_end"):
    """End the call as silent; refused before the listen-in time is over."""


class Measure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number's active measure."""

    digest: str
    """`number_digest` of the number in its canonical form (`tahuri.numbers`)."""
    measure_id: str
    until: datetime


class SetMeasures(Operation, frozen=True, tag="measures"):
    """The whole table of active measures; the switch keeps it and lets each end by itself."""

    salt: str
    measures: list[Measure]


def number_digest(salt: str, number: str) -> str:
    """64 hex digits: finds a number's measure, and tells no number to whoever reads the table."""
    return hmac.new(salt.encode(), number.encode(), "sha256").hexdigest()


class Transfer(SeatOperation, frozen=True, tag="transfer"):
    """Blind: the target is called, the seat is free when it answers.  One of the two."""

    address: str = ""
    """As for `AddParty`."""
    to_seat_id: str = ""
    """A seat that is ready."""


class CompleteTransfer(SeatOperation, frozen=True, tag="complete_transfer"):
    """Warm: the seat leaves its call to the caller and the parties that have joined."""


class TakeBack(SeatOperation, frozen=True, tag="take_back"):
    """A call that this seat sent on or parked is its own again."""

    call_id: str


class PickUp(SeatOperation, frozen=True, tag="pick_up"):
    """A call that waits, is parked, or rings at another seat."""

    call_id: str


class Park(SeatOperation, frozen=True, tag="park"):
    pass


class Supervise(SeatOperation, frozen=True, tag="supervise"):
    """Take part in another seat's call, or in another mode; for supervisors."""

    call_id: str
    mode: SupervisionMode


class EndSupervision(SeatOperation, frozen=True, tag="end_supervision"):
    pass


class TakeOver(SeatOperation, frozen=True, tag="take_over"):
    """Another seat's live call becomes this one's; for supervisors."""

    call_id: str


SUPERVISOR_OPERATIONS = frozenset({"supervise", "end_supervision", "take_over"})
"""Only for a supervisor: `serve` asks the account, the switch the seat's token."""


CallControl = (
    Transfer | CompleteTransfer | TakeBack | PickUp | Park | Supervise | EndSupervision | TakeOver
)
AnySeatOperation = (
    Take
    | Leave
    | Ready
    | NotReady
    | Answer
    | Hold
    | Resume
    | Mute
    | Unmute
    | HangUp
    | ExtendWrapUp
    | AddParty
    | DropParty
    | GhostBegin
    | GhostAsk
    | GhostEnd
    | CallControl
)


class SetPrecedence(Operation, frozen=True, tag="set_precedence"):
    """Of a call that waits; asked by `serve`."""

    call_id: str
    precedence: Annotated[int, Meta(ge=0, le=PRECEDENCE_MAX)]
    reason: PrecedenceReason
    operator_id: str | None = None


class AskSkill(Operation, frozen=True, tag="ask_skill"):
    """Whom a waiting call is for; both None: anybody."""

    call_id: str
    language: Annotated[str, Meta(max_length=LANGUAGE_CHARS_MAX)] | None = None
    agency_id: str | None = None
    operator_id: str | None = None


class SwitchSurge(Operation, frozen=True, tag="switch_surge"):
    """Switch a recorded notice on, or with None off."""

    notice: str | None
    operator_id: str


AnyQueueOperation = SetPrecedence | AskSkill | SwitchSurge
