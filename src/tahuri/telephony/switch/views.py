"""What seats and `serve` are shown.  Reads only."""

from datetime import datetime, timedelta

from tahuri.telephony.protocol.snapshot import (
    Alarm,
    CallView,
    GatewayView,
    GhostAnswerView,
    GhostView,
    GoneView,
    OfferView,
    PartyView,
    QueuedView,
    SeatPush,
    SeatView,
    Snapshot,
    SupervisionView,
    TransferView,
    TrunkView,
    WaitingView,
)
from tahuri.telephony.protocol.words import OverflowTo
from tahuri.telephony.switch.control import outgoing
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.edge import testcalls
from tahuri.telephony.switch.journal import disk
from tahuri.telephony.switch.model import Call, Seat, TrunkState
from tahuri.telephony.switch.quality import lines
from tahuri.telephony.switch.queue import acd, ghost

TALKING = ("calling", "live")
"""Phases of a call that belongs to a seat."""


def snapshot(core: Core) -> Snapshot:
    """The answer to ``state``."""
    return Snapshot(
        now=core.now(),
        seats=[seat_view(core, seat) for seat in core.seats.values()],
        queue=queue(core),
        calls=[call_view(core, call) for call in core.calls.values() if call.phase in TALKING],
        waiting=waiting(core),
        seats_ready=seats_ready(core),
        media_connected=core.media.connected and core.media_ready and not core.media_silent,
        draining=core.draining_since is not None,
        calls_in_hand=len(core.calls),
        alarms=alarms(core),
        counters={**core.counters, "messages-shed": core.gate.shed},
        trunks=[trunk_view(core, trunk) for trunk in core.trunks.values()],
        refused=core.turned_away.rows(),
        gateways=gateways(core),
        surge=core.surge,
    )


def push(core: Core, seat: Seat, queued: list[QueuedView], supervises: bool = False) -> SeatPush:
    """What one browser seat shows; the queue is made once for all of them.

    Args:
        supervises: whether its operator may take part in other seats' calls.
    """
    call = core.calls.get(seat.call_id) if seat.call_id else None
    offered = call is not None and seat.seat_id in call.rings_at
    talks = call is not None and call.phase in TALKING and call.seat_id == seat.seat_id
    return SeatPush(
        now=core.now(),
        seat=seat_view(core, seat),
        queue=[view for view in queued if sees(core, seat, view.call_id)],
        offer=offer_view(call) if call is not None and offered else None,
        call=call_view(core, call) if call is not None and talks else None,
        seats_ready=seats_ready(core),
        alarms=list(dict.fromkeys(alarm.code for alarm in alarms(core))),
        trunks_down=[trunk.name for trunk in trunks_down(core)],
        waiting=[view for view in waiting(core) if sees(core, seat, view.call_id)],
        live=live(core) if supervises else [],
        supervision=supervision_view(core, seat),
        gateways=gateways(core),
        surge=core.surge,
    )


def sees(core: Core, seat: Seat, call_id: str) -> bool:
    """Whether the seat is shown that waiting call."""
    call = core.calls.get(call_id)
    return call is not None and acd.may_see(call, seat, core.settings)


def live(core: Core) -> list[CallView]:
    """Every live call, the oldest first."""
    found = [call for call in core.calls.values() if call.phase == "live"]
    return [call_view(core, call) for call in sorted(found, key=lambda call: call.arrived_s)]


def waiting(core: Core) -> list[WaitingView]:
    """Calls that are parked, by place, then those on their way to a seat."""
    found = [
        WaitingView(
            call_id=call.call_id,
            number=call.number,
            number_status=call.number_status,
            seat_id=held.seat_id,
            since=held.since,
            slot=call.parked.slot if call.parked else None,
            to_seat_id=call.transfer.to_seat_id if call.transfer else None,
        )
        for call in core.calls.values()
        if call.phase == "queued" and (held := call.parked or call.transfer) is not None
    ]
    return sorted(found, key=lambda one: (one.slot is None, one.slot or 0, one.since))


def supervision_view(core: Core, seat: Seat) -> SupervisionView | None:
    call = core.calls.get(seat.call_id) if seat.call_id else None
    for one in call.supervisors if call else ():
        if call is not None and one.seat_id == seat.seat_id:
            return SupervisionView(call_id=call.call_id, mode=one.mode, since=one.since)
    return None


def gateways(core: Core) -> list[GatewayView]:
    """Radio gateways of the settings, and whether they can be called."""
    return [
        GatewayView(name=one.name, registered=one.registered_until_s is not None)
        for one in core.gateways.values()
    ]


def alarms(core: Core) -> list[Alarm]:
    """What is wrong right now."""
    found = list(core.alarms.values())
    found += disk.alarms(core)
    if core.draining_since is not None:
        found.append(Alarm(code="draining", since=core.draining_since))
    if down := trunks_down(core):
        names = ", ".join(trunk.name for trunk in down)
        since = min(trunk.since for trunk in down)
        found.append(Alarm(code="trunk-down", since=since, about=names))
    return found + testcalls.missing(core)


def trunks_down(core: Core) -> list[TrunkState]:
    """Trunks that do not answer."""
    return [trunk for trunk in core.trunks.values() if trunk.state == "down"]


def trunk_view(core: Core, trunk: TrunkState) -> TrunkView:
    return TrunkView(
        name=trunk.name,
        state=trunk.state,
        since=trunk.since,
        rtt_ms=trunk.rtt_ms,
        status=trunk.status,
        fault=trunk.fault,
        calls=sum(1 for call in core.calls.values() if call.trunk == trunk.name),
    )


def queue(core: Core) -> list[QueuedView]:
    """Calls that wait, in the order in which they will be offered."""
    return [
        QueuedView(
            call_id=call.call_id,
            arrived_at=call.arrived_at,
            number=call.number,
            number_status=call.number_status,
            trunk=call.trunk,
            lane="slow" if call.slow else "normal",
            precedence=call.precedence,
            precedence_reason=call.precedence_reason,
            language=call.language,
            agency_id=call.agency_id,
            overflow=overflow(call),
            rings_at=call.rings_at,
            requeued=call.requeued,
            held_back_until=_held_back_until(core, call),
        )
        for call in acd.waiting(core.calls.values())
        if call.parked is None and call.transfer is None
    ]


def _held_back_until(core: Core, call: Call) -> datetime | None:
    until_s = core.held_back.get(call.call_id)
    return None if until_s is None else core.now() + timedelta(seconds=until_s - core.monotonic_s())


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
        direction=call.direction,
        callback_id=call.outgoing.callback_id if call.outgoing else None,
    )


def ghost_view(core: Core, call: Call) -> GhostView | None:
    """What the silent caller was asked and answered."""
    if call.ghost is None:
        return None
    return GhostView(
        question=call.ghost.question,
        answers=[
            GhostAnswerView(question=question, answer=answer)
            for question, answer in call.ghost.answers.items()
        ],
        listen_until=core.now() + timedelta(seconds=ghost.left_s(core, call.ghost)),
    )


def call_view(core: Core, call: Call) -> CallView:
    seat, transfer = core.seats.get(call.seat_id or ""), call.transfer
    told = core.settings.supervision_notice
    return CallView(
        call_id=call.call_id,
        answered_at=call.answered_at,
        number=call.number,
        number_status=call.number_status,
        on_hold=call.on_hold,
        muted=call.muted,
        parties=[
            PartyView(
                leg_id=party.leg_id,
                address=party.address,
                state=party.state,
                consulted=party.consulted,
            )
            for party in call.parties
        ],
        gone=[
            GoneView(address=one.address, reason=one.reason, status=one.status, at=one.at)
            for one in call.gone
        ],
        location=call.location,
        direction=call.direction,
        state=outgoing.state_of(call),
        callback_id=call.outgoing.callback_id if call.outgoing else None,
        ghost=ghost_view(core, call),
        lines=lines.views(core, call),
        transfer=TransferView(
            kind=transfer.kind,
            target=transfer.target,
            to_seat=transfer.to_seat_id is not None,
            since=transfer.since,
        )
        if transfer is not None
        else None,
        seat_id=call.seat_id,
        operator_name=seat.operator_name if seat is not None else None,
        supervisors=[one.mode for one in call.supervisors if told or one.mode != "listen"],
    )
