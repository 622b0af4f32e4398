"""Seats: who sits where and who is ready.  Changes are instant; each tells its fact."""

from typing import cast

from msgspec.structs import replace

from tahuri.telephony.protocol.facts.seat import (
    SeatLeft,
    SeatNotReady,
    SeatReady,
    SeatSkillsTold,
    SeatTaken,
    SeatVanished,
    WrapUpExtended,
)
from tahuri.telephony.protocol.words import NotReadyReason
from tahuri.telephony.rpc import Failure
from tahuri.telephony.switch.core import SWITCH, Core
from tahuri.telephony.switch.model import Seat
from tahuri.telephony.token import SeatKind, Skills

SEATS_MAX = 500
WRAP_UP_S_MAX = 3600.0
"""The longest that somebody may write up by one word."""
SOUND_BACK_WITHIN_S = 60.0
"""Whose sound was away for longer may have gone: their seat waits for their word."""
SEAT_ID_LENGTH_MAX = 12


def held_by(core: Core, seat_id: str, operator_id: str) -> Seat:
    """The seat, if that operator sits there.  Raises Failure ``seat-not-signed-on``."""
    seat = core.seats.get(seat_id)
    if seat is None or seat.operator_id != operator_id or seat.state == "vanished":
        raise Failure("seat-not-signed-on")
    return seat


def take(
    core: Core,
    seat_id: str,
    kind: SeatKind,
    operator_id: str,
    name: str,
    skills: Skills | None = None,
) -> Seat:
    """Sit down; repeated by the same operator it changes nothing but the skills.

    Raises:
        Failure: ``seat-taken`` by another operator; ``seat-is-phone`` for a browser at a phone's
            seat, where it would never ring; ``bad-request`` for an impossible id.
    """
    seat = core.seats.get(seat_id)
    if seat is not None and seat.kind == "sip" and kind == "browser":
        raise Failure("seat-is-phone", seat_id)
    if seat is not None and seat.operator_id is not None and seat.state != "vanished":
        if seat.operator_id != operator_id:
            raise Failure("seat-taken")
        before = skills_of(seat)
        _learn(core, seat, skills)
        if skills_of(seat) != before:
            tell_skills(core, seat)
        return seat
    if seat is None:
        if not 1 <= len(seat_id) <= SEAT_ID_LENGTH_MAX or len(core.seats) >= SEATS_MAX:
            raise Failure("bad-request", "seat_id")
        seat = core.seats[seat_id] = Seat(seat_id=seat_id, kind=kind, since=core.now())
    seat.operator_id, seat.operator_name = operator_id, name
    _learn(core, seat, skills or Skills())
    if not seat.attached:
        seat.gone_since = core.monotonic_s()
    core.of_seat(seat, SeatTaken(operator_id=operator_id, kind=seat.kind, robot=seat.robot))
    if skills_of(seat) != Skills():
        tell_skills(core, seat)
    not_ready(core, seat, "technical")
    return seat


def _learn(core: Core, seat: Seat, skills: Skills | None) -> None:
    """What the operator can do, where that is said; a phone's skills stand in the settings."""
    if skills is not None and seat.kind == "browser":
        seat.desk, seat.languages = skills.desk, skills.languages
        seat.agency_id = skills.agency_id
        core.changed()


def skills_of(seat: Seat) -> Skills:
    """Which calls whoever sits there is there for."""
    return Skills(desk=seat.desk, languages=seat.languages, agency_id=seat.agency_id)


def tell_skills(core: Core, seat: Seat, actor: str | None = None) -> None:
    """The log knows why calls go there.  Nothing at a seat where nobody sits."""
    if seat.operator_id is not None:
        body = SeatSkillsTold(
            operator_id=seat.operator_id,
            desk=seat.desk,
            languages=seat.languages,
            agency_id=seat.agency_id,
        )
        core.of_seat(seat, body, actor)


def ready(core: Core, seat: Seat) -> None:
    """Open for calls.  Nothing if it is so already or a call is there."""
    if seat.state in ("ready", "offered", "busy", "supervising") or seat.operator_id is None:
        return
    _open(core, seat, seat.operator_id)


def not_ready(core: Core, seat: Seat, reason: NotReadyReason, actor: str | None = None) -> None:
    """Closed for calls."""
    if actor is None:
        seat.sound_lost_s = None  # its operator's word goes before what sound does
    if (seat.state == "not_ready" and seat.reason == reason) or seat.operator_id is None:
        return
    _set(core, seat, "not_ready", reason)
    body = SeatNotReady(operator_id=seat.operator_id, reason=reason)
    if reason == "wrap-up" and actor == SWITCH and core.settings.wrap_up_s > 0:
        seat.wrap_up_due = core.monotonic_s() + core.settings.wrap_up_s
        body = replace(body, for_s=core.settings.wrap_up_s)
    core.of_seat(seat, body, actor)


def extend_wrap_up(core: Core, seat: Seat, for_s: float) -> None:
    """So many seconds from now; nothing where wrap-up does not end by itself."""
    if seat.wrap_up_due is None or seat.operator_id is None:
        return
    seat.wrap_up_due = core.monotonic_s() + min(for_s, WRAP_UP_S_MAX)
    core.of_seat(seat, WrapUpExtended(operator_id=seat.operator_id, for_s=for_s))
    core.changed()


def end_wrap_up(core: Core, seat: Seat) -> None:
    """Its time is over: ready, as soon as a call would be heard there."""
    if seat.attached and seat.media == "connected" and seat.operator_id is not None:
        _open(core, seat, seat.operator_id, SWITCH)


def sound_lost(core: Core, seat: Seat) -> None:
    """Nobody would be heard there: a ready seat is closed for calls until its sound is back."""
    if seat.state == "ready":
        not_ready(core, seat, "technical", SWITCH)
        seat.sound_lost_s = core.monotonic_s()


def sound_back(core: Core, seat: Seat) -> None:
    """Ready again, if it was before and that is not long ago: media that was killed, or a page that
    was loaded again, must not leave a room in which no seat rings and nobody has noticed."""
    lost_s, seat.sound_lost_s = seat.sound_lost_s, None
    if lost_s is None or seat.operator_id is None or not seat.attached:
        return
    if core.monotonic_s() - lost_s <= SOUND_BACK_WITHIN_S:
        _open(core, seat, seat.operator_id, SWITCH)


def offered(core: Core, seat: Seat, call_id: str) -> None:
    """A call rings here."""
    seat.call_id = call_id
    _set(core, seat, "offered")


def busy(core: Core, seat: Seat, call_id: str) -> None:
    """A call is talked on here."""
    seat.call_id = call_id
    _set(core, seat, "busy")


def supervising(core: Core, seat: Seat, call_id: str) -> None:
    """Takes part in another seat's call, and is offered none."""
    if seat.state != "supervising":
        seat.before_supervision = "ready" if seat.state == "ready" else seat.reason or "technical"
    seat.call_id = call_id
    _set(core, seat, "supervising")


def supervision_over(core: Core, seat: Seat) -> None:
    """As it was before."""
    if seat.state != "supervising":
        return
    seat.call_id = None
    before, seat.before_supervision = seat.before_supervision, ""
    if before == "ready" and seat.attached:
        _open(core, seat, seat.operator_id or SWITCH)
    else:
        reason = "technical" if before in ("", "ready") else before
        not_ready(core, seat, cast("NotReadyReason", reason), SWITCH)


def freed(core: Core, seat: Seat) -> None:
    """Its call is over: a person writes up, a robot or an automatic phone is ready again."""
    if seat.state not in ("busy", "offered"):
        return
    seat.call_id = None
    seat.idle_since_s = core.monotonic_s()
    if seat.attached and (seat.robot or seat.ready_when_registered):
        _open(core, seat, seat.operator_id or SWITCH)
    else:
        not_ready(core, seat, "wrap-up", SWITCH)


def offer_over(core: Core, seat: Seat, missed: bool) -> None:
    """The call rings elsewhere or nowhere; whoever missed it is not ready."""
    if seat.state != "offered":
        return
    seat.call_id = None
    if missed:
        not_ready(core, seat, "missed-offer", SWITCH)
    else:
        _set(core, seat, "ready")


def leave(core: Core, seat: Seat) -> None:
    """Stand up."""
    if seat.operator_id is None:
        return
    core.of_seat(seat, SeatLeft(operator_id=seat.operator_id))
    _emptied(core, seat)
    _set(core, seat, "free")


def vanished(core: Core, seat: Seat, after_s: float) -> None:
    """Its browser or phone has been away for too long."""
    if seat.operator_id is None or seat.state == "vanished":
        return
    body = SeatVanished(operator_id=seat.operator_id, after_s=round(after_s, 1))
    core.of_seat(seat, body, SWITCH)
    seat.call_id = None
    seat.gone_since = None
    _set(core, seat, "vanished")
    if seat.kind == "browser":
        seat.operator_id = seat.operator_name = None


def _open(core: Core, seat: Seat, operator_id: str, actor: str | None = None) -> None:
    _set(core, seat, "ready")
    seat.idle_since_s = core.monotonic_s()
    core.of_seat(seat, SeatReady(operator_id=operator_id), actor)


def _emptied(core: Core, seat: Seat) -> None:
    seat.operator_id = seat.operator_name = None
    seat.call_id = None
    seat.gone_since = None


def _set(core: Core, seat: Seat, state: str, reason: NotReadyReason | None = None) -> None:
    seat.state = state  # type: ignore[assignment]
    seat.reason = reason
    seat.wrap_up_due = seat.sound_lost_s = None
    seat.since = core.now()
    core.changed()
