"""How good the lines of calls are: looked at while they talk, told when a leg ends."""

from collections.abc import Iterable

from tahuri.telephony.media import quality
from tahuri.telephony.media.protocol import MediaRefused, PortFigures
from tahuri.telephony.protocol.facts.call import LegQualityMeasured
from tahuri.telephony.protocol.snapshot import LineView
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.switch import audio
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Call, Heard, Party
from tahuri.telephony.switch.quality import linehistory
from tahuri.telephony.switch.quality.linehistory import LineHistory

LOOK_EVERY_S = 3.0


def legs(core: Core, call: Call) -> dict[int, str]:
    """Media's ports of a call and what each leg is called in facts, the caller's first."""
    found = {call.audio.port: "caller"}
    seat = audio.seat_of(core, call)
    if call.phone is not None:
        found[call.phone.audio.port] = "seat"
    elif seat is not None and seat.port is not None:
        found[seat.port] = "seat"
    return found | {party.audio.port: party.leg_id for party in call.parties}


async def look(core: Core) -> None:
    """Measure the lines of all live calls; seats are told at once when a verdict changes."""
    live = [call for call in core.calls.values() if call.phase == "live"]
    before = {port: quality.verdict(line) for port, line in core.lines.items()}
    figures = await _figures(core, [port for call in live for port in legs(core, call)])
    lines: dict[int, quality.Measured] = {}
    for port, now in figures.items():
        known = core.figures.get(port)
        line = quality.measured(now, known) if known is not None else None
        if line is not None:
            lines[port] = line
    _remember(core, live, figures, lines)
    core.figures, core.lines = figures, lines
    if before != {port: quality.verdict(line) for port, line in lines.items()}:
        core.changed()


def _remember(
    core: Core,
    live: list[Call],
    figures: dict[int, PortFigures],
    lines: dict[int, quality.Measured],
) -> None:
    """Add a look to the history of each leg; legs that are gone are forgotten."""
    now_s, now = core.monotonic_s(), core.now()
    keys = {(call.call_id, port) for call in live for port in legs(core, call)}
    core.line_history = {key: kept for key, kept in core.line_history.items() if key in keys}
    for call in live:
        begins = False
        for port in legs(core, call):
            line = lines.get(port)
            if line is None:
                continue
            history = core.line_history.setdefault((call.call_id, port), LineHistory())
            begins = history.add(line, now_s, now) or begins
            linehistory.note(
                call.heard.setdefault(port, Heard()), line, figures[port], LOOK_EVERY_S
            )
        if begins:
            core.save(call)
            core.changed()


async def seat_begins(core: Core, call: Call) -> None:
    """Remember what a browser seat's port had counted before this call."""
    seat = audio.seat_of(core, call)
    call.seat_before = None
    if seat is not None and call.phone is None and seat.port is not None:
        call.heard.pop(seat.port, None)
        core.line_history.pop((call.call_id, seat.port), None)
        call.seat_before = (await _figures(core, [seat.port])).get(seat.port)


async def tell(core: Core, call: Call) -> None:
    """Facts about every leg of a call that ends.  Told twice, each still counts once."""
    await _tell(core, call, legs(core, call))


async def tell_party(core: Core, call: Call, party: Party) -> None:
    """The fact about a party that leaves before the call ends."""
    await _tell(core, call, {party.audio.port: party.leg_id})


async def tell_replaced(core: Core, call: Call, port: int, leg: str) -> None:
    """The fact about a telephone whose place another has taken."""
    await _tell(core, call, {port: leg})


async def _tell(core: Core, call: Call, ports: dict[int, str]) -> None:
    figures = await _figures(core, ports)
    for port, leg in ports.items():
        before = call.seat_before
        known = before if before is not None and before.port == port else None  # reloaded: new
        now = figures.get(port)
        if now is None or (now.kind == "webrtc" and before is None):
            continue  # media died, or nobody looked at the beginning: nothing is known
        heard = call.heard.get(port)
        line = quality.measured(linehistory.averaged(now, heard), known)
        if line is None:
            continue
        worst = quality.verdict(line)
        body = LegQualityMeasured(
            leg=leg,
            verdict=worst,
            received=line.received,
            lost=line.lost,
            late=line.late,
            concealed=line.concealed,
            jitter_ms=line.jitter_ms,
            rtt_ms=line.rtt_ms,
            mos=line.mos,
            their_loss=line.their_loss,
            their_jitter_ms=line.their_jitter_ms,
            their_mos=line.their_mos,
            worst_mos=heard.worst_mos if heard else None,
            bad_s=heard.bad_s if heard else 0,
        )
        core.fact(f"call/{call.call_id}", body, identifier=f"{call.call_id}-line-{port}")
        core.count(f"legs-{worst}")


async def _figures(core: Core, ports: Iterable[int]) -> dict[int, PortFigures]:
    wanted = list(ports)
    if not wanted or not core.media.connected:
        return {}
    try:
        return {one.port: one for one in await core.media.measure(wanted)}
    except (MediaRefused, Unavailable):
        return {}


def views(core: Core, call: Call) -> list[LineView]:
    """The lines of a call as a seat shows them."""
    found: list[LineView] = []
    for port, leg in legs(core, call).items():
        line = core.lines.get(port)
        if line is not None:
            history = core.line_history.get((call.call_id, port))
            view = LineView(
                leg=leg,
                verdict=quality.verdict(line),
                mos=line.mos,
                loss=round(min(1.0, (line.lost + line.late) / (line.received + line.lost)), 4),
                jitter_ms=line.jitter_ms,
                rtt_ms=line.rtt_ms,
                their_loss=line.their_loss,
                their_mos=line.their_mos,
                history=history.views() if history else [],
            )
            found.append(view)
    return found
