"""What seats and `serve` are shown.  Reads only."""

from datetime import timedelta

from tahuri.telephony.protocol import (
    Alarm,
    CallView,
    OfferView,
    OverflowTo,
    PartyView,
    QueuedView,
    SeatPush,
    SeatView,
    Snapshot,
)
from tahuri.telephony.switch import acd
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat


def snapshot(core: Core) -> Snapshot:
    """The answer to ``state``."""
    return Snapshot(
        now=core.now(),
        seats=[seat_view(core, seat) for seat in core.seats.values()],
        queue=queue(core),
        calls=[call_view(call) for call in core.calls.values() if call.phase == "live"],
        seats_ready=seats_ready(core),
        media_connected=core.media.connected and core.media_ready,
        alarms=alarms(core),
        counters=dict(core.counters),
        surge=core.surge,
    )


def push(core: Core, seat: Seat, queued: list[QueuedView]) -> SeatPush:
    """What one browser seat shows; the queue is made once for all of them."""
    call = core.calls.get(seat.call_id) if seat.call_id else None
    offered = call is not None and seat.seat_id in call.rings_at
    talks = call is not None and call.phase == "live" and call.seat_id == seat.seat_id
    return SeatPush(
        now=core.now(),
        seat=seat_view(core, seat),
        queue=queued,
        offer=offer_view(call) if call is not None and offered else None,
        call=call_view(call) if call is not None and talks else None,
        seats_ready=seats_ready(core),
        alarms=[alarm.code for alarm in alarms(core)],
        surge=core.surge,
    )


def alarms(core: Core) -> list[Alarm]:
    """What is wrong right now."""
    found = list(core.alarms.values())
    if core.spool.disk_full:
        found.append(Alarm(code="spool-disk-full", since=core.now()))
    if core.spool.lost:
        found.append(Alarm(code="facts-lost", since=core.now()))
    return found


def queue(core: Core) -> list[QueuedView]:
    """Calls that wait, in the order in which they will be offered."""
    return [
        QueuedView(
            call_id=call.call_id,
            arrived_at=call.arrived_at,
            number=call.number,
            number_status=call.number_status,
            trunk=call.trunk,
            precedence=call.precedence,
            precedence_reason=call.precedence_reason,
            language=call.language,
            agency_id=call.agency_id,
            overflow=overflow(call),
            rings_at=call.rings_at,
            requeued=call.requeued,
        )
        for call in acd.waiting(core.calls.values())
    ]


def overflow(call: Call) -> list[OverflowTo]:
    """Who takes part by now because the call has waited for long."""
    called = any(party.overflow is not None for party in call.parties)
    return [*call.open_to, *(["number"] if called else [])]  # type: ignore[list-item]


def seats_ready(core: Core) -> int:
    return sum(1 for seat in core.seats.values() if seat.state == "ready")


def seat_view(core: Core, seat: Seat) -> SeatView:
    left_s = None if seat.wrap_up_due is None else seat.wrap_up_due - core.monotonic_s()
    return SeatView(
        seat_id=seat.seat_id,
        operator_id=seat.operator_id,
        operator_name=seat.operator_name,
        kind=seat.kind,
        robot=seat.robot,
        state=seat.state,
        reason=seat.reason,
        since=seat.since,
        media=seat.media,
        call_id=seat.call_id,
        desk=seat.desk,
        languages=seat.languages,
        agency_id=seat.agency_id,
        wrap_up_until=None if left_s is None else core.now() + timedelta(seconds=left_s),
    )


def offer_view(call: Call) -> OfferView:
    return OfferView(
        call_id=call.call_id,
        arrived_at=call.arrived_at,
        number=call.number,
        number_status=call.number_status,
        location=call.location,
    )


def call_view(call: Call) -> CallView:
    return CallView(
        call_id=call.call_id,
        answered_at=call.answered_at,
        number=call.number,
        number_status=call.number_status,
        on_hold=call.on_hold,
        muted=call.muted,
        parties=[
            PartyView(leg_id=party.leg_id, address=party.address, state=party.state)
            for party in call.parties
        ],
        location=call.location,
    )
