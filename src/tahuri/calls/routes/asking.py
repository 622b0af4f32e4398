"""What the routes of calls share: who may, the door to the switch, and asking it."""

import contextlib
from typing import Any, cast

from starlette.requests import Request

from tahuri.calls.switchboard import Switchboard
from tahuri.kernel.http import db, who
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal

ROOM = (Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR)
SEATED = (Role.CALL_TAKER, Role.SUPERVISOR, Role.AGENCY_DESK)
"""May sit at a seat; an agency's desk is offered what overflows to it or is for its agency."""
SUPERVISORS = (Role.SUPERVISOR,)


def board(request: Request) -> Switchboard:
    """The door to the switch."""
    return cast("Switchboard", request.app.state.switchboard)


async def own_seat(request: Request, call_id: str | None = None) -> str:
    """The seat where I sit, as the switch knows it.

    Args:
        call_id: the call that must be live there.
    """
    state = await board(request).state()
    own = [seat for seat in state.seats if seat.operator_id == who(request).operator_id]
    if not own:
        raise Refused(Refusal.SEAT_NOT_SIGNED_ON)
    if call_id is None:
        return own[0].seat_id
    for seat in own:
        if seat.call_id == call_id:
            return seat.seat_id
    raise Refused(Refusal.NO_LIVE_CALL, call_id=call_id)


async def ringing_seat(request: Request, call_id: str) -> str:
    """My seat where the call rings; where it rings at none, any of mine: the switch says why."""
    state = await board(request).state()
    own = [seat.seat_id for seat in state.seats if seat.operator_id == who(request).operator_id]
    if not own:
        raise Refused(Refusal.SEAT_NOT_SIGNED_ON)
    rings_at = {one for call in state.queue if call.call_id == call_id for one in call.rings_at}
    return next((seat_id for seat_id in own if seat_id in rings_at), own[0])


async def tell(request: Request, op: str, seat_id: str, **arguments: object) -> dict[str, Any]:
    """One command to the switch for one seat; its facts reach the log by the spool."""
    person = who(request)
    result = await board(request).command(
        op, seat_id=seat_id, operator_id=person.operator_id, **arguments
    )
    answer = {"seq": await _seq(request)}
    return {**answer, **result} if isinstance(result, dict) else answer


async def ask(request: Request, op: str, **arguments: object) -> dict[str, Any]:
    """One command to the switch about the queue; its facts reach the log by the spool."""
    await board(request).command(op, operator_id=who(request).operator_id, **arguments)
    return {"seq": await _seq(request)}


async def _seq(request: Request) -> int:
    """Of the log now; 0 while it is away: what the switch has done is done, and must not be asked
    for again."""
    with contextlib.suppress(Unavailable):
        record = await db(request).one(
            "select seq from cities where city_id = %s", (db(request).city_id,)
        )
        return record[0] if record else 0
    return 0
