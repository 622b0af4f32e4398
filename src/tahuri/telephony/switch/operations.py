"""What `serve` and browsers may ask for."""

from typing import TypeVar, assert_never

import msgspec

from tahuri.telephony.protocol import operations as p
from tahuri.telephony.rpc import Failure, Message
from tahuri.telephony.switch import answering, ending, inventory, seats, views
from tahuri.telephony.switch.control import (
    outgoing,
    parking,
    parties,
    supervision,
    takeover,
    transfer,
)
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Seat
from tahuri.telephony.switch.queue import ghost, lane, notices, offers, queueing

T = TypeVar("T")

FACTS_MAX = 500
FACTS_WAIT_S_MAX = 30.0


class FactsAsked(msgspec.Struct, forbid_unknown_fields=True):
    after: int
    limit: int = FACTS_MAX
    wait_s: float = 0.0


class Drain(msgspec.Struct, forbid_unknown_fields=True):
    on: bool


class FactsDone(msgspec.Struct, forbid_unknown_fields=True):
    upto: int


async def answer(core: Core, op: str, arguments: Message) -> object:
    """Handler of the RPC socket.  Raises Failure."""
    match op:
        case "facts":
            return await _facts(core, _converted(arguments, FactsAsked))
        case "facts_done":
            core.spool.forget(_converted(arguments, FactsDone).upto)
            return None
        case "state":
            return views.snapshot(core)
        case "drain":
            core.drain(_converted(arguments, Drain).on)
            return views.snapshot(core)
        case "call_back":
            return await outgoing.call_back(core, _converted({**arguments, "op": op}, p.CallBack))
        case "offer_call_back":
            return outgoing.propose(core, _converted({**arguments, "op": op}, p.OfferCallBack))
        case "measures":
            lane.set_measures(core, _converted({**arguments, "op": op}, p.SetMeasures))
            return None
        case "inventory":
            return await inventory.taken(core)
        case "notices":
            return notices.available(core.settings)
        case "set_precedence" | "ask_skill" | "switch_surge":
            queueing.operate(core, _queue_operation({**arguments, "op": op}))
            return None
        case _:
            return await seat_operation(core, {**arguments, "op": op})


def _queue_operation(message: Message) -> p.AnyQueueOperation:
    try:
        operation: p.AnyQueueOperation = msgspec.convert(message, p.AnyQueueOperation)
    except msgspec.ValidationError as error:
        raise Failure("bad-request", str(error)) from error
    return operation


async def seat_operation(core: Core, message: Message) -> object:
    """One of the seat's operations.  Raises Failure with a refusal's code."""
    try:
        operation: p.AnySeatOperation = msgspec.convert(message, p.AnySeatOperation)
    except msgspec.ValidationError as error:
        raise Failure("bad-request", str(error)) from error
    if isinstance(operation, p.Take):
        taken = seats.take(
            core,
            operation.seat_id,
            operation.kind,
            operation.operator_id,
            operation.operator_name,
            operation.skills,
        )
        return {"seat_id": taken.seat_id}
    if isinstance(operation, p.Leave) and _is_left(core, operation):
        return None
    seat = seats.held_by(core, operation.seat_id, operation.operator_id)
    return await _of_holder(core, seat, operation)


def _is_left(core: Core, operation: p.Leave) -> bool:
    seat = core.seats.get(operation.seat_id)
    return seat is None or seat.operator_id is None


async def _of_holder(core: Core, seat: Seat, operation: p.AnySeatOperation) -> object:
    match operation:
        case p.Take():
            return None
        case p.Leave():
            if seat.state == "busy":
                raise Failure("seat-busy")
            supervision.leave(core, seat)
            _decline(core, seat)
            seats.leave(core, seat)
        case p.Ready():
            _ready(core, seat)
        case p.NotReady(reason=reason):
            if seat.state == "busy":
                raise Failure("seat-busy")
            supervision.leave(core, seat)
            _decline(core, seat)
            seats.not_ready(core, seat, reason)
            offers.dispatch(core)
        case p.Answer(call_id=call_id):
            if seat.kind == "sip":
                raise Failure("call-not-offered", "pick the phone up")
            if not await outgoing.accepted(core, call_id, seat):
                await answering.answer(core, call_id, seat)
        case p.Hold():
            await answering.hold(core, seat, on=True)
        case p.Resume():
            await answering.hold(core, seat, on=False)
        case p.Mute():
            await answering.mute(core, seat, on=True)
        case p.Unmute():
            await answering.mute(core, seat, on=False)
        case p.HangUp():
            call = outgoing.calling(core, seat) or answering.live_call(core, seat)
            await core.done(call.call_id, lambda: ending.end(core, call, "seat", "hung-up"))
        case p.ExtendWrapUp(for_s=for_s):
            seats.extend_wrap_up(core, seat, for_s)
        case p.AddParty(address=address):
            return {"leg_id": await parties.add(core, seat, address)}
        case p.DropParty(leg_id=leg_id):
            await parties.drop(core, seat, leg_id)
        case p.GhostBegin():
            await ghost.begin(core, seat)
        case p.GhostAsk(question=question):
            await ghost.ask(core, seat, question)
        case p.GhostEnd():
            await ghost.end(core, seat)
        case _:
            return await _call_control(core, seat, operation)
    return None


async def _call_control(core: Core, seat: Seat, operation: p.CallControl) -> object:
    match operation:
        case p.Transfer(address=address, to_seat_id=to_seat_id):
            if bool(address.strip()) == bool(to_seat_id):
                raise Failure("bad-request", "address or to_seat_id, one of the two")
            if to_seat_id:
                await transfer.to_seat(core, seat, to_seat_id)
            else:
                await transfer.to_party(core, seat, address.strip())
        case p.CompleteTransfer():
            await transfer.complete(core, seat)
        case p.TakeBack(call_id=call_id):
            await transfer.take_back(core, seat, call_id)
        case p.PickUp(call_id=call_id):
            await answering.pick_up(core, call_id, seat)
        case p.Park():
            return {"slot": await parking.park(core, seat)}
        case p.Supervise(call_id=call_id, mode=mode):
            await supervision.supervise(core, seat, call_id, mode)
        case p.EndSupervision():
            await supervision.end(core, seat)
        case p.TakeOver(call_id=call_id):
            await takeover.take_over(core, seat, call_id)
        case _:
            assert_never(operation)
    return None


def _ready(core: Core, seat: Seat) -> None:
    if seat.state in ("busy", "offered", "supervising"):
        raise Failure("seat-busy")
    if not seat.attached or seat.media != "connected":
        raise Failure("media-unavailable")
    seats.ready(core, seat)
    offers.dispatch(core)


def _decline(core: Core, seat: Seat) -> None:
    """What rings at the seat goes on to the next."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    if call is not None and seat.seat_id in call.rings_at:
        offers.withdraw_at(core, call, seat)


async def _facts(core: Core, asked: FactsAsked) -> object:
    if asked.wait_s > 0:
        await core.spool.wait(asked.after, min(asked.wait_s, FACTS_WAIT_S_MAX))
    found = core.spool.after(asked.after, max(1, min(asked.limit, FACTS_MAX)))
    return {"facts": found, "end": core.spool.end}


def _converted(arguments: Message, kind: type[T]) -> T:
    try:
        return msgspec.convert(arguments, kind)
    except msgspec.ValidationError as error:
        raise Failure("bad-request", str(error)) from error
