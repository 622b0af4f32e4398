"""What the switch says of the disk that its facts go to: since when it is full, what is left."""

import asyncio
import logging
from hashlib import sha256

from tahuri.telephony.protocol.facts.centre import (
    DiskFilled,
    DiskFreed,
    FactsLost,
    FactsSetAside,
)
from tahuri.telephony.protocol.snapshot import Alarm
from tahuri.telephony.protocol.words import AlarmCode, DiskFault
from tahuri.telephony.spool.damage import Damage
from tahuri.telephony.switch.core import Core

BYTES_A_CALL = 8_000
"""What the facts of one call take in the spool, rounded up (measured: 2 900 bytes for an answered
call with one hold, without location and without the quality of its lines)."""
FILLING_SHARE = 0.5
"""Share of its limit from which on the spool is an alarm: nobody takes its facts."""
MAKE_EVERY_S = 30.0
"""Between two attempts to make the journal's reserve."""
CODES: dict[DiskFault, AlarmCode] = {
    "full": "spool-disk-full",
    "failing": "spool-disk-failing",
    "limit": "spool-full",
}

log = logging.getLogger(__name__)


class DiskWatch:
    """Tells facts of what becomes of the spool.  `tick` is instant."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._since = core.spool.full_since
        self._shown: list[Alarm] = []
        self._make_at_s = 0.0
        core.spool.on_damage = self._tell_damage

    @property
    def stream(self) -> str:
        """Of this node's disk."""
        return f"disk/{self._core.settings.node or 'spool'}"

    def tick(self) -> None:
        """Look at the spool; call it every moment."""
        core, spool = self._core, self._core.spool
        if spool.full_since is not None and self._since is None:
            self._since = spool.full_since
            left = spool.reserve_left
            core.fact(self.stream, DiskFilled(fault=spool.fault or "full", reserve_bytes=left))
        elif spool.full_since is None and self._since is not None:
            body = DiskFreed(since=self._since, until=spool.full_until or core.now())
            self._since = None
            core.fact(self.stream, body)
        if spool.untold and spool.fault is None:
            lost = spool.untold
            core.fact(self.stream, FactsLost(facts=lost))
            spool.told_lost(lost)
        spool.tell_damages()
        self._see_to_journal()
        shown = alarms(core)
        if [one.code for one in shown] != [one.code for one in self._shown]:
            core.changed()
        self._shown = shown

    def _tell_damage(self, found: Damage) -> None:
        """The same piece, found again by the next process, counts once."""
        known = f"{self.stream} {found.file} {found.at} {found.first} {found.crc}"
        body = FactsSetAside(
            file=found.file,
            at=found.at,
            bytes=found.size,
            first=found.first,
            last=found.last,
            reason=found.reason,
        )
        identifier = f"aside-{sha256(known.encode()).hexdigest()[:32]}"
        self._core.fact(self.stream, body, identifier=identifier)

    def _see_to_journal(self) -> None:
        core, now_s = self._core, self._core.monotonic_s()
        wanted = core.settings.spool_reserve_mb > 0 and core.journal.reserve.missing
        if wanted and core.spool.fault is None and now_s >= self._make_at_s:
            self._make_at_s = now_s + MAKE_EVERY_S
            core.spawn(self._make())

    async def _make(self) -> None:
        reserve = self._core.journal.reserve
        try:
            await asyncio.to_thread(reserve.make)
        except OSError as error:
            log.error("there is no room for the journal's reserve", extra={"why": str(error)})
        else:
            reserve.open()


def alarms(core: Core) -> list[Alarm]:
    """What a supervisor must know of it now."""
    spool, now = core.spool, core.now()
    found: list[Alarm] = []
    if spool.full_since is not None:
        code = CODES[spool.fault or "full"]
        left = {"calls_left": float(spool.reserve_left // BYTES_A_CALL)}
        found.append(Alarm(code=code, since=spool.full_since, numbers=left))
    if spool.unwritten:
        facts = {"facts": float(spool.unwritten)}
        found.append(Alarm(code="spool-memory-only", since=now, numbers=facts))
    if spool.fault != "limit" and spool.size > FILLING_SHARE * spool.bytes_max:
        percent = {"percent": float(round(100 * spool.size / spool.bytes_max))}
        found.append(Alarm(code="spool-filling", since=now, numbers=percent))
    if spool.lost:
        found.append(Alarm(code="facts-lost", since=now, numbers={"facts": float(spool.lost)}))
    return found
