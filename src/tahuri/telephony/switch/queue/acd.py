"""Which seat gets the next call.  Pure."""

from collections.abc import Iterable

from tahuri.telephony.switch.config import Settings
from tahuri.telephony.switch.model import Call, Seat


def waiting(calls: Iterable[Call]) -> list[Call]:
    """The queue: a call whose seat vanished comes first, then precedence, then arrival; the slow
    lane comes last.

    Never by the time of day: a clock that is set back must not put the newest caller first.
    """
    queue = [call for call in calls if call.phase == "queued" and call.present]
    return sorted(queue, key=_turn)


def _turn(call: Call) -> tuple[bool, bool, int, float, str]:
    return (not call.requeued, call.slow, -call.precedence, call.arrived_s, call.call_id)


def for_anybody(calls: Iterable[Call]) -> list[Call]:
    """Those that any seat may have: neither parked nor on their way to a certain seat."""
    return [call for call in calls if call.parked is None and not call.turns]


def held_back(call: Call, queue: Iterable[Call]) -> bool:
    """Whether the call may not ring yet: somebody in the normal queue still waits for a seat.

    A parked call, or one for a certain seat, waits for no seat that this call could have."""
    normal = (other for other in for_anybody(queue) if not other.slow)
    return call.slow and any(other.offered_to is None for other in normal)


def choose(call: Call, seats: Iterable[Seat], now_s: float, settings: Settings) -> list[Seat]:
    """The seats to offer the call to, the best first; none: it waits.

    Persons go before robots, which take what has waited ``robot_after_s``; seats with the skill
    that the call asks for go before others, which take part after ``skill_wait_s``, or at once
    when nobody with the skill sits anywhere; call takers go before supervisors and agency desks;
    then whoever has been idle longest.
    """
    part = [seat for seat in seats if seat.attached and takes_part(call, seat, settings)]
    ready = [seat for seat in part if seat.state == "ready"]
    found = [seat for seat in ready if not seat.robot]
    if not found and now_s - call.arrived_s >= settings.robot_after_s:
        found = ready
    skilled = [seat for seat in found if has_skill(call, seat)]
    if skilled:
        found = skilled
    elif now_s - call.skill_since_s < settings.skill_wait_s and _may_come(call, part):
        found = []
    return sorted(found, key=lambda seat: (seat.desk != "taker", seat.idle_since_s, seat.seat_id))


def _may_come(call: Call, seats: list[Seat]) -> bool:
    """Whether somebody with the skill sits at a seat, so that waiting makes sense."""
    return any(has_skill(call, seat) for seat in seats if seat.operator_id and not seat.robot)


def has_skill(call: Call, seat: Seat) -> bool:
    """Whether the seat has every skill that the call asks for; each has those of no call."""
    speaks = call.language is None or call.language in seat.languages
    return speaks and call.agency_id in (None, seat.agency_id)


def may_see(call: Call, seat: Seat, settings: Settings) -> bool:
    """Whether a waiting call is that seat's concern: an agency's desk is shown, and may pick up,
    only what could ring there, what is meant for it, and what it set aside itself."""
    if seat.desk != "agency-desk":
        return True
    aside = call.parked or call.transfer
    if aside is not None or call.turns:
        return seat.seat_id in (*call.turns, aside.seat_id if aside is not None else "")
    return takes_part(call, seat, settings) or seat.seat_id in call.rings_at


def takes_part(call: Call, seat: Seat, settings: Settings) -> bool:
    """Whether such a call may ring there at all.

    A supervisor's seat takes every call where no rule speaks of supervisors; an agency's desk
    takes what is for its agency, and the rest when a rule lets it.
    """
    match seat.desk:
        case "taker":
            return True
        case "supervisor":
            gated = any(rule.to == "supervisors" for rule in settings.overflow)
            return not gated or "supervisors" in call.open_to
        case "agency-desk":
            own = call.agency_id is not None and call.agency_id == seat.agency_id
            return own or "agency-desks" in call.open_to
