"""Calls that ring at certain seats before all others: sent on to a seat, or back from parking.

Also the one place where a transfer ends, well or not: exactly one fact for each that was started.
"""

from collections.abc import Callable
from typing import Literal

from tahuri.telephony.protocol.facts.parties import TransferCompleted, TransferFailed
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Call, Seat, Transfer

COME_BACK_S = 5.0
"""How long a seat whose browser has just gone is waited for: it may only reload its page."""

FailedReason = Literal[
    "no-answer", "refused", "failed", "not-ready", "taken-back", "taken-over", "hung-up"
]


def takes(core: Core, call: Call, offer: Callable[[Core, Call, Seat], None]) -> bool:
    """Whether the call is not for everybody now; lets it ring at its own next seat.  Instant."""
    if call.parked is not None:
        return True
    while call.turns:
        seat = core.seats.get(call.turns[0])
        if seat is not None and can_ring(seat):
            offer(core, call, seat)
            return True
        if seat is not None and _comes_back(core, seat):
            return True
        _passed(core, call, "not-ready")
    return False


def can_ring(seat: Seat) -> bool:
    """Whether a call that is meant for this very seat may ring there: also while it writes up."""
    free = seat.state == "ready" or (seat.state == "not_ready" and seat.reason == "wrap-up")
    return free and seat.attached and seat.media == "connected" and seat.operator_id is not None


def missed(core: Core, call: Call, seat: Seat) -> None:
    """The seat did not answer: its turn is over."""
    if call.turns and call.turns[0] == seat.seat_id:
        _passed(core, call, "no-answer")


def answered(core: Core, call: Call, seat: Seat) -> None:
    """The seat has the call now: no turn, place or transfer is left."""
    call.turns, call.parked = [], None
    transfer = call.transfer
    if transfer is None:
        return
    if transfer.to_seat_id == seat.seat_id:
        completed(core, call)
    else:
        failed(core, call, "taken-back" if transfer.seat_id == seat.seat_id else "taken-over")


def completed(core: Core, call: Call) -> None:
    """The target has the call."""
    transfer, call.transfer = call.transfer, None
    if transfer is None:
        return
    body = TransferCompleted(
        seat_id=transfer.seat_id,
        operator_id=transfer.operator_id,
        kind=transfer.kind,
        leg_id=transfer.leg_id,
        to_seat_id=transfer.to_seat_id,
    )
    core.of_call(call, body, identifier=_over(transfer))


def failed(
    core: Core, call: Call, reason: FailedReason, status: int | None = None, actor: str = SWITCH
) -> None:
    """The transfer is over and nobody has taken the call."""
    transfer, call.transfer = call.transfer, None
    if transfer is None:
        return
    body = TransferFailed(
        seat_id=transfer.seat_id, operator_id=transfer.operator_id, reason=reason, status=status
    )
    core.of_call(call, body, actor, identifier=_over(transfer))
    core.save(call)
    core.changed()


def _over(transfer: Transfer) -> str:
    """The id of the one fact that ends it: told again after a kill, it counts once."""
    return f"{transfer.transfer_id}-over" if transfer.transfer_id else ""


def _passed(core: Core, call: Call, reason: FailedReason) -> None:
    seat_id, *call.turns = call.turns
    if call.transfer is not None and call.transfer.to_seat_id == seat_id:
        failed(core, call, reason)
    core.save(call)
    core.changed()


def _comes_back(core: Core, seat: Seat) -> bool:
    waiting = seat.state in ("ready", "not_ready") and seat.operator_id is not None
    gone_since = seat.gone_since
    return waiting and gone_since is not None and core.monotonic_s() - gone_since < COME_BACK_S
