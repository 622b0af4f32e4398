"""A seat sends its call on, blind, to a party or a seat; or leaves it to those who joined."""

from msgspec import Struct

from tahuri.kernel import mint
from tahuri.telephony.protocol.facts.parties import TransferStarted
from tahuri.telephony.protocol.facts.personal import Address
from tahuri.telephony.protocol.words import TransferKind
from tahuri.telephony.rpc import Failure
from tahuri.telephony.sip.transaction import Flow
from tahuri.telephony.switch import answering, audio, seats
from tahuri.telephony.switch.control import consulting, handover, parties
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Seat, Transfer
from tahuri.telephony.switch.queue import offers, turns


async def to_seat(core: Core, seat: Seat, to_seat_id: str) -> None:
    """The call rings at another seat, which must be ready; missed there, it rings here again.

    Raises:
        Failure: ``no-live-call``; ``seat-busy`` while a transfer is on its way; ``seat-not-ready``.
    """
    call = _free_call(core, seat)
    target = core.seats.get(to_seat_id)
    if target is None or target is seat or target.state != "ready" or not turns.can_ring(target):
        raise Failure("seat-not-ready", to_seat_id)
    transfer = _transfer(core, seat, "blind", to_seat_id)
    transfer.to_seat_id = to_seat_id
    answering.set_aside(core, call)
    call.turns = [to_seat_id, seat.seat_id]
    started(core, call, transfer)
    seats.freed(core, seat)
    core.post(call.call_id, lambda: answering.without_seat(core, call))
    offers.dispatch(core)


async def to_party(
    core: Core, seat: Seat, address: str, by_phone: bool = False, replaces: str = ""
) -> None:
    """Somebody is called; the seat keeps the call until they answer.

    Args:
        by_phone: the seat's own phone asked for it and is told how it goes.
        replaces: the phone's dialog with the target, whose place the caller takes.

    Raises:
        Failure: ``no-live-call``; ``seat-busy``; as `parties.add`.
    """
    call = answering.live_call(core, seat)
    if call.transfer is not None and call.transfer.target == address:
        return
    _free_call(core, seat)
    known = next((party for party in call.parties if party.address == address), None)
    if known is not None and known.state == "joined":
        await complete(core, seat)
        return
    if known is not None and known.consulted:
        raise Failure("seat-busy", "the phone asks it by a line of its own")
    target, flow = parties.destination(core, address)
    if known is None and len(call.parties) >= parties.PARTIES_MAX:
        raise Failure("too-many-parties")
    if not call.parties and not replaces and _trunk_refers(core, call):
        asked = _transfer(core, seat, "refer", address)
        asked.refer_due_s = core.monotonic_s() + core.settings.transfer_s
        asked.asked_by_phone = by_phone
        await core.done(call.call_id, lambda: _refer(core, call, seat, asked, target))
        return
    transfer = _transfer(core, seat, "blind", address)
    transfer.leg_id = known.leg_id if known is not None else mint.new_id()
    transfer.asked_by_phone = by_phone
    await core.done(call.call_id, lambda: _ring(core, call, seat, transfer, target, flow, replaces))


async def _ring(
    core: Core,
    call: Call,
    seat: Seat,
    transfer: Transfer,
    target: str,
    flow: Flow,
    replaces: str,
) -> None:
    assert transfer.leg_id is not None
    if not _may_send_on(call, seat):
        raise Failure("seat-busy")
    if all(party.leg_id != transfer.leg_id for party in call.parties):
        by, address = transfer.operator_id, transfer.target
        await parties.invite(
            core, call, by, transfer.leg_id, address, target, flow, replaces=replaces
        )
        if not _may_send_on(call, seat):  # taken over while media took its time
            await parties.left(core, call, call.parties[-1], "dropped")
            raise Failure("no-live-call")
    parties.rings_for(core, call, transfer.leg_id, core.settings.transfer_s)
    started(core, call, transfer)
    await audio.mix(core, call)
    core.save(call)


def _may_send_on(call: Call, seat: Seat) -> bool:
    return call.transfer is None and call.seat_id == seat.seat_id


def _trunk_refers(core: Core, call: Call) -> bool:
    return any(trunk.refer for trunk in core.settings.trunks if trunk.name == call.trunk)


async def _refer(core: Core, call: Call, seat: Seat, transfer: Transfer, target: str) -> None:
    """Ask the caller's trunk; `refers` hears what it says."""
    if call.transfer is not None or call.seat_id != seat.seat_id:
        raise Failure("seat-busy")
    started(core, call, transfer)
    await audio.mix(core, call)
    core.perform(core.endpoint.agent.refer(call.leg, target, core.sip_now))
    core.save(call)


async def complete(core: Core, seat: Seat) -> None:
    """The seat leaves its call to the caller and the parties.

    Raises:
        Failure: ``no-live-call``; ``no-party-joined``; ``seat-busy`` while a transfer rings.
    """
    call = _free_call(core, seat)
    await core.done(call.call_id, lambda: _complete(core, call, seat))


async def _complete(core: Core, call: Call, seat: Seat) -> None:
    joined = next((party for party in call.parties if party.state == "joined"), None)
    if call.phase != "live" or call.seat_id != seat.seat_id:
        raise Failure("no-live-call")
    if consulting.can_connect(call):
        await consulting.connect(core, call)
        return
    if joined is None:
        raise Failure("no-party-joined")
    call.transfer = _transfer(core, seat, "warm", joined.address)
    call.transfer.leg_id = joined.leg_id
    await handover.complete(core, call)


async def take_back(core: Core, seat: Seat, call_id: str) -> None:
    """A transfer that nobody has taken, or a parked call, is this seat's again.

    Raises:
        Failure: ``call-not-offered`` when it is too late; as `answering.pick_up`.
    """
    call = core.calls.get(call_id)
    if call is None or call.phase != "live":
        await answering.take_back(core, call_id, seat)
        return
    if call.seat_id != seat.seat_id:
        raise Failure("call-not-offered")
    await core.done(call_id, lambda: _take_back(core, call, seat))


async def _take_back(core: Core, call: Call, seat: Seat) -> None:
    transfer, actor = call.transfer, seat.operator_id or ""
    if call.seat_id != seat.seat_id:
        raise Failure("call-not-offered")  # answered in this very moment
    if transfer is None:
        return
    party = next((party for party in call.parties if party.leg_id == transfer.leg_id), None)
    await handover.fail(core, call, "taken-back", actor=actor)
    if party is not None:
        await parties.left(core, call, party, "dropped", actor=actor)


def _free_call(core: Core, seat: Seat) -> Call:
    call = answering.live_call(core, seat)
    if call.transfer is not None:
        raise Failure("seat-busy", "a transfer is on its way")
    return call


def _transfer(core: Core, seat: Seat, kind: TransferKind, target: str) -> Transfer:
    return Transfer(
        transfer_id=mint.new_id(),
        kind=kind,
        seat_id=seat.seat_id,
        operator_id=seat.operator_id or "",
        since=core.now(),
        target=target,
    )


def started(core: Core, call: Call, transfer: Transfer) -> None:
    """The call is on its way, and the log knows."""
    call.transfer = transfer
    core.save(call)
    tell_started(core, call, transfer)
    core.changed()


def tell_started(core: Core, call: Call, transfer: Transfer) -> None:
    """The fact of it.  Told twice, it counts once."""
    body = TransferStarted(
        seat_id=transfer.seat_id,
        operator_id=transfer.operator_id,
        kind=transfer.kind,
        leg_id=transfer.leg_id,
        to_seat_id=transfer.to_seat_id,
    )
    personal: dict[str, Struct] = {}
    if transfer.kind == "refer":  # else the party, or the seat, stands in a fact
        personal["address"] = Address(address=transfer.target)
    identifier = f"{transfer.transfer_id}-started" if transfer.transfer_id else ""
    core.of_call(call, body, transfer.operator_id, personal, identifier)
