"""Who hears whom, and what is recorded on which side.  Pure."""

from tahuri.telephony.switch.model import Call, Seat

Cells = dict[tuple[int, int], float]
"""(hears, says) → gain."""


def seat_port(call: Call, seat: Seat | None) -> int | None:
    """The port of the seat that talks: its phone's leg, or the browser's."""
    if call.phase != "live":
        return None
    if call.phone is not None:
        return call.phone.audio.port
    return seat.port if seat is not None else None


def others(call: Call, seat: Seat | None) -> list[int]:
    """Ports of everybody who talks, without the caller."""
    talking = [party.audio.port for party in call.parties if party.state == "joined"]
    port = seat_port(call, seat)
    return talking if port is None else [port, *talking]


def prompt(call: Call, tone: int | None, hold: int | None) -> int | None:
    """What the caller hears instead of people, if anything."""
    if call.phase == "queued":
        return call.notice if call.notice is not None else tone
    if call.phase == "live" and call.on_hold:
        return hold
    return None


def cells(call: Call, seat: Seat | None, tone: int | None, hold: int | None) -> Cells:
    """Every cell of the call that is not 0.

    On hold the caller hears the hold prompt and nobody hears the caller; a muted seat is heard by
    nobody; in the queue the caller hears the notice, then the tone, and parties that stayed.
    """
    if call.phase == "ended":
        return {}
    caller = call.audio.port
    if call.phase == "echo":
        return {(caller, caller): 1.0}
    seat_says = seat_port(call, seat)
    talkers = others(call, seat)
    present = talkers if call.on_hold else [caller, *talkers]
    found: Cells = {}
    for hears in present:
        for says in present:
            if hears != says and not (call.muted and says == seat_says):
                found[hears, says] = 1.0
    instead = prompt(call, tone, hold)
    if instead is not None:
        found[caller, instead] = 1.0
    return found


def changed(before: Cells, after: Cells) -> list[tuple[int, int, float]]:
    """The cells to set so that ``before`` becomes ``after``."""
    gone = [(hears, says, 0.0) for hears, says in before if (hears, says) not in after]
    new = [(h, s, gain) for (h, s), gain in after.items() if before.get((h, s)) != gain]
    return gone + new


def channels(
    call: Call, seat: Seat | None, tone: int | None, hold: int | None
) -> tuple[list[int], list[int]]:
    """Left: the caller.  Right: everybody else, and the prompt that the caller hears."""
    right = others(call, seat)
    instead = prompt(call, tone, hold)
    return [call.audio.port], right if instead is None else [*right, instead]
