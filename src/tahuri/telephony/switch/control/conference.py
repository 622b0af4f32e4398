"""Who hears whom, and what is recorded on which side.  Pure."""

from collections.abc import Sequence

from tahuri.telephony.protocol.words import SupervisionMode
from tahuri.telephony.switch.model import Call, Party, Seat

Cells = dict[tuple[int, int], float]
"""(hears, says) → gain."""
Watching = Sequence[tuple[int, SupervisionMode]]
"""Ports of the supervisors that take part, and how."""


def consulted(call: Call) -> Party | None:
    """Whom the seat's phone asks by its second line."""
    return next((party for party in call.parties if party.consulted), None)


def seat_port(call: Call, seat: Seat | None) -> int | None:
    """The port of the seat that talks: its phone's leg, or the browser's."""
    if call.phase not in ("live", "calling"):
        return None
    if call.phone is not None:
        return call.phone.audio.port
    return seat.port if seat is not None else None


def others(call: Call, seat: Seat | None, watching: Watching = ()) -> list[int]:
    """Ports of everybody who talks to all, without the caller."""
    joined = [party for party in call.parties if party.state == "joined"]
    talking = [party.audio.port for party in joined if not party.consulted]
    talking += [port for port, mode in watching if mode == "barge"]
    port = seat_port(call, seat)
    return talking if port is None else [port, *talking]


def early(call: Call) -> list[int]:
    """Ports of parties that are heard before they answer."""
    rings = [p for p in call.parties if p.early and p.state == "calling"]
    return [party.audio.port for party in rings if not party.consulted]


def aside(call: Call) -> bool:
    """Whether the caller hears the hold prompt instead of people."""
    if call.phase == "live":
        return call.on_hold or call.transfer is not None or is_sent_on(call)
    return False


def is_sent_on(call: Call) -> bool:
    """Whether nobody talks with the caller because a party has sent them on to one that rings."""
    if call.seat_id is not None or any(party.state == "joined" for party in call.parties):
        return False
    return any(party.referred_by and party.state == "calling" for party in call.parties)


def prompt(call: Call, tone: int | None, hold: int | None) -> int | None:
    """What the caller hears instead of people, if anything."""
    if call.phase == "queued":
        if call.parked is not None or call.transfer is not None:
            return hold
        return call.notice if call.notice is not None else tone
    return hold if aside(call) else None


def said(call: Call) -> int | None:
    """The port of a question that everybody hears: a silent caller is asked for keys."""
    asks = call.phase == "live" and call.ghost is not None and not aside(call)
    return call.notice if asks else None


def cells(
    call: Call, seat: Seat | None, tone: int | None, hold: int | None, watching: Watching = ()
) -> Cells:
    """Every cell of the call that is not 0.

    On hold, and while a transfer's target rings, the caller hears the hold prompt and nobody on the
    call hears the caller; a muted seat is heard by nobody; in the queue the caller hears the
    notice, then the tone, and parties that stayed.  A supervisor hears all, also the caller on
    hold; one that whispers is heard by the seat alone, one that barges in by all.
    """
    if call.phase in ("ended", "proposed"):
        return {}
    if call.phase == "calling":
        return _ringback(call, seat, tone)
    caller = call.audio.port
    if call.phase == "echo":
        return _tested(call)
    seat_says = seat_port(call, seat)
    talkers = others(call, seat, watching)
    present = talkers if aside(call) else [caller, *talkers]
    found: Cells = {}
    for hears in present:
        for says in present:
            if hears != says and not (call.muted and says == seat_says):
                found[hears, says] = 1.0
    if seat_says is not None:
        found |= {(seat_says, port): 1.0 for port in early(call)}
    found |= _second_line(call, hold, watching)
    own = (seat_says, *second_line(call)[:1])
    for port, mode in watching:
        for says in (caller, *talkers, *early(call), *second_line(call)):
            if port != says and not (call.muted and says in own):
                found[port, says] = 1.0
        if mode == "whisper":
            found |= {(hears, port): 1.0 for hears in own if hears is not None}
    instead = prompt(call, tone, hold)
    if instead is not None:
        found[caller, instead] = 1.0
    question = said(call)
    if question is not None:
        hearing = [caller, *talkers, *(port for port, _ in watching)]
        found |= {(hears, question): 1.0 for hears in hearing}
    if call.beep is not None:
        everybody = [caller, *talkers, *second_line(call)]
        told = everybody if call.beep.caller_hears else own
        found |= {(port, call.beep.port): 1.0 for port in told if port is not None}
    return found


def phone_ports(call: Call, seat: Seat) -> list[int]:
    """Every port at which the phone of that seat may speak."""
    line = call.consultation
    if line is not None and line.to_seat_id == seat.seat_id:
        return [party.audio.port for party in call.parties if party.consulted]
    ports = [call.phone.audio.port] if call.phone is not None else []
    return ports + ([line.audio.port] if line is not None and line.audio is not None else [])


def second_line(call: Call) -> list[int]:
    """Ports of the phone's second line and of whom it asks, once there is something to hear."""
    line, party = call.consultation, consulted(call)
    if call.phase != "live" or line is None or line.audio is None or party is None:
        return []
    heard = party.state == "joined" or party.early
    return [line.audio.port, party.audio.port] if heard else []


def _second_line(call: Call, hold: int | None, watching: Watching) -> Cells:
    """The seat and whom it asks, beside the caller; the one hears the hold prompt while the other
    talks with the caller."""
    line, party, ports = call.consultation, consulted(call), second_line(call)
    if line is None or party is None or not ports:
        return {}
    phone, asked = ports
    if party.state != "joined":
        return {(phone, asked): 1.0}
    if line.on_hold:
        return {} if hold is None else {(asked, hold): 1.0}
    found = {(phone, asked): 1.0} | ({} if call.muted else {(asked, phone): 1.0})
    barging = [port for port, mode in watching if mode == "barge"]
    return found | {(hears, port): 1.0 for hears in ports for port in barging}


def _tested(call: Call) -> Cells:
    """A test call hears itself, or the robot's seat when that is there."""
    caller = call.audio.port
    if call.robot != "there" or call.phone is None:
        return {(caller, caller): 1.0}
    robot = call.phone.audio.port
    return {(caller, robot): 1.0, (robot, caller): 1.0}


def _ringback(call: Call, seat: Seat | None, tone: int | None) -> Cells:
    """While a call of ours rings the seat hears a tone, or the far end's network where that sends
    sound of its own; nobody else hears anything."""
    port, item = seat_port(call, seat), call.outgoing
    if port is None or item is None or not item.ringing:
        return {}
    hears = call.audio.port if item.early else tone
    return {} if hears is None else {(port, hears): 1.0}


def changed(before: Cells, after: Cells) -> list[tuple[int, int, float]]:
    """The cells to set so that ``before`` becomes ``after``."""
    gone = [(hears, says, 0.0) for hears, says in before if (hears, says) not in after]
    new = [(h, s, gain) for (h, s), gain in after.items() if before.get((h, s)) != gain]
    return gone + new


def channels(
    call: Call, seat: Seat | None, tone: int | None, hold: int | None, watching: Watching = ()
) -> tuple[list[int], list[int]]:
    """Left: the caller.  Right: everybody else, the prompt that the caller hears, and what is
    whispered to the seat: it may have decided what the seat did."""
    right = [*others(call, seat, watching), *early(call), *second_line(call)]
    right += [port for port, mode in watching if mode == "whisper"]
    right += [call.beep.port] if call.beep is not None else []
    prompts = (prompt(call, tone, hold), said(call))
    return [call.audio.port], [*right, *(port for port in prompts if port is not None)]
