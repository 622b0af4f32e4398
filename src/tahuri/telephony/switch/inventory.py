"""All that the switch has in hand, beside what media holds: for whoever compares them."""

from tahuri.telephony.media.protocol import Holdings, MediaRefused
from tahuri.telephony.protocol.snapshot import CallInHand, Inventory, MediaPort
from tahuri.telephony.rpc import Unavailable
from tahuri.telephony.spool.spool import UNWRITTEN_FACTS_MAX
from tahuri.telephony.switch import seats
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.recovery import newmedia


async def taken(core: Core) -> Inventory:
    """The answer to ``inventory``."""
    holdings = await _holdings(core)
    known = newmedia.known_ports(core)
    held = holdings.ports if holdings is not None else []
    return Inventory(
        now=core.now(),
        calls=[
            CallInHand(
                call_id=call.call_id,
                phase=call.phase,
                loopback=call.echo,
                arrived_at=call.arrived_at,
                port=call.audio.port,
                recording=call.recording.path if call.recording else None,
            )
            for call in core.calls.values()
        ],
        calls_max=core.settings.calls_max,
        seats=sum(1 for seat in core.seats.values() if seat.operator_id is not None),
        seats_max=seats.SEATS_MAX,
        spool_done=core.spool.done,
        spool_end=core.spool.end,
        spool_unwritten=core.spool.unwritten,
        spool_unwritten_max=UNWRITTEN_FACTS_MAX,
        spool_bytes=core.spool.size,
        spool_bytes_max=core.spool.bytes_max,
        reserve_bytes=core.spool.reserve_bytes,
        reserve_left=core.spool.reserve_left,
        disk_full_since=core.spool.full_since,
        media=holdings is not None,
        ports=[
            MediaPort(port=one.port, kind=one.kind, name=one.name, known=one.port in known)
            for one in held
        ],
        recordings=[one.path for one in holdings.recordings] if holdings is not None else [],
    )


async def _holdings(core: Core) -> Holdings | None:
    if not core.media_ready or core.media_silent:
        return None
    try:
        return await core.media.hello()
    except (Unavailable, MediaRefused):
        return None
