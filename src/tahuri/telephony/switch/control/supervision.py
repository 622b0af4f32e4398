"""Supervisors who take part in other seats' calls: listen, whisper, barge in."""

from typing import Literal

from tahuri.kernel import mint
from tahuri.telephony.protocol.facts.parties import SupervisionEnded, SupervisionStarted
from tahuri.telephony.protocol.words import SupervisionMode
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch import audio, seats
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Beep, Call, Seat, Supervisor
from tahuri.telephony.switch.queue import offers

SUPERVISORS_MAX = 4
"""Of one call."""
BEEP_S_MAX = 3.0
"""After so long the notice is over, whatever it does."""

EndReason = Literal["left", "changed", "call-ended", "seat-vanished", "taken-over"]


async def supervise(core: Core, seat: Seat, call_id: str, mode: SupervisionMode) -> None:
    """Take part in a live call, or in another mode; repeated it changes nothing.

    Raises:
        Failure: ``no-live-call``; ``seat-busy`` with a call of its own; ``media-unavailable``;
            ``too-many-parties``; ``seat-not-ready`` for a seat that is a phone.
    """
    call = core.calls.get(call_id)
    if call is None or call.phase != "live":
        raise Failure("no-live-call")
    known = of_seat(call, seat)
    if known is not None and known.mode == mode:
        return
    if known is None:
        can_supervise(core, seat, call)
        leave_other(core, seat)
    else:
        told_end(core, call, known, "changed")
    assert seat.operator_id is not None
    audible = core.settings.supervision_notice and core.settings.prompts.beep is not None
    supervisor = Supervisor(
        supervision_id=mint.new_id(),
        seat_id=seat.seat_id,
        operator_id=seat.operator_id,
        mode=mode,
        since=core.now(),
        audible=audible,
    )
    call.supervisors.append(supervisor)
    seats.supervising(core, seat, call_id)
    core.save(call)
    tell_started(core, call, supervisor)
    core.changed()
    await core.done(call_id, lambda: _begin(core, call, audible, mode == "barge"))


def tell_started(core: Core, call: Call, one: Supervisor) -> None:
    """The fact of it.  Told twice, it counts once."""
    body = SupervisionStarted(
        seat_id=one.seat_id, operator_id=one.operator_id, mode=one.mode, audible=one.audible
    )
    core.of_call(call, body, one.operator_id, identifier=_fact(one, "started"))


def _fact(one: Supervisor, which: str) -> str:
    return f"{one.supervision_id}-{which}" if one.supervision_id else ""


def can_supervise(core: Core, seat: Seat, call: Call) -> None:
    """Raises Failure as `supervise`."""
    if seat.kind != "browser":
        raise Failure("seat-not-ready", "a seat in the browser is needed")
    if seat.state == "busy":
        raise Failure("seat-busy")
    if not seat.attached or seat.media != "connected":
        raise Failure("media-unavailable")
    if len(call.supervisors) >= SUPERVISORS_MAX:
        raise Failure("too-many-parties")


def leave_other(core: Core, seat: Seat) -> None:
    """What rings at the seat goes on to the next; another supervision of it ends."""
    leave(core, seat)
    call = core.calls.get(seat.call_id) if seat.call_id else None
    if call is not None and seat.seat_id in call.rings_at:
        offers.withdraw_at(core, call, seat)


async def _begin(core: Core, call: Call, audible: bool, caller_hears: bool) -> None:
    if audible and call.beep is None and call.phase == "live":
        await _beep(core, call, caller_hears)
    await audio.mix(core, call)
    core.save(call)


async def _beep(core: Core, call: Call, caller_hears: bool) -> None:
    file = core.settings.prompts.beep
    assert file is not None
    async with audio.forgiving("beep"):
        port = (await core.media.play("beep", file)).port
        due_s = core.monotonic_s() + BEEP_S_MAX
        call.beep = Beep(port=port, caller_hears=caller_hears, due_s=due_s)


async def end_beep(core: Core, call: Call) -> None:
    """The notice has sounded.  A step of the call."""
    beep, call.beep = call.beep, None
    if beep is not None:
        await audio.mix(core, call)
        await audio.free(core, beep.port)
        core.save(call)


def leave(core: Core, seat: Seat, reason: EndReason = "left") -> None:
    """The supervisor is off whatever call it takes part in, and as it was before."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    known = of_seat(call, seat) if call is not None else None
    if call is not None and known is not None:
        told_end(core, call, known, reason)
        core.save(call)
        core.post(call.call_id, lambda: audio.mix(core, call))
    if seat.state == "supervising":
        seats.supervision_over(core, seat)
    if reason == "left":
        offers.dispatch(core)


async def end(core: Core, seat: Seat) -> None:
    """As `leave`, and returns when the supervisor hears nothing any more."""
    call_id = seat.call_id if seat.state == "supervising" else None
    leave(core, seat)
    call = core.calls.get(call_id) if call_id else None
    if call is not None:
        await core.done(call.call_id, lambda: audio.mix(core, call))


def call_ended(core: Core, call: Call) -> None:
    """The call is over for its supervisors as well."""
    for known in list(call.supervisors):
        told_end(core, call, known, "call-ended")
        seat = core.seats.get(known.seat_id)
        if seat is not None and seat.call_id == call.call_id:
            seats.supervision_over(core, seat)


def mend(core: Core) -> None:
    """After a kill: seat and call must agree on who takes part."""
    for call in core.calls.values():
        call.beep = None
        for known in list(call.supervisors):
            tell_started(core, call, known)  # it may have got lost
            seat = core.seats.get(known.seat_id)
            if seat is None or seat.state != "supervising" or seat.call_id != call.call_id:
                told_end(core, call, known, "seat-vanished")
    for seat in core.seats.values():
        call_of = core.calls.get(seat.call_id) if seat.call_id else None
        if seat.state == "supervising" and (call_of is None or of_seat(call_of, seat) is None):
            seats.supervision_over(core, seat)


def of_seat(call: Call, seat: Seat) -> Supervisor | None:
    """The seat's part in the call, if it takes one."""
    return next((one for one in call.supervisors if one.seat_id == seat.seat_id), None)


def told_end(core: Core, call: Call, known: Supervisor, reason: EndReason) -> None:
    """The supervisor takes part no longer, or in this way no longer."""
    call.supervisors.remove(known)
    body = SupervisionEnded(
        seat_id=known.seat_id, operator_id=known.operator_id, mode=known.mode, reason=reason
    )
    by_operator = reason in ("left", "changed", "taken-over")
    actor = known.operator_id if by_operator else SWITCH
    core.of_call(call, body, actor, identifier=_fact(known, "over"))
