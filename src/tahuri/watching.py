"""What the watch keeps between two looks, and what serve shows of it, also without PostgreSQL.

``run/watch.json`` is written by ``work`` and read by ``serve``: telemetry, not facts.
"""

import contextlib
import shutil
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from tahuri.calls.copying import Copying
from tahuri.calls.reread import Reading
from tahuri.host.processes import open_files
from tahuri.kernel import clock
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.settings import Settings
from tahuri.telephony.media.protocol import STREAMS_MAX
from tahuri.telephony.protocol.snapshot import Inventory
from tahuri.watch.limits import Limit, Sample, hours_until_full
from tahuri.watch.reconcile import Held, HeldCall
from tahuri.watch.traffic import Traffic
from tahuri.watch.verdict import Line

FILE = "watch.json"
COPY_LATE_S = 600.0
"""A copy that is later than this is a finding."""
BROWSER_SEATS_PLANNED = 50
"""Browser seats in a call for which one core of media was measured (docs/performance.md)."""

Ask = Callable[[], Awaitable[Inventory]]


class Kept(Struct, kw_only=True):
    """All that is remembered."""

    round_at: datetime | None = None
    """When the watch looked last."""
    lines: dict[str, Line] = {}
    traffic: Traffic = msgspec.field(default_factory=lambda: Traffic(state="learning"))
    copying: Copying | None = None
    """None without a second folder."""
    storing: Copying | None = None
    """The same of the store; None without one."""
    reading: list[Reading] = []
    """How far reading recordings again is, by place."""
    reread_on: str = ""
    """Day on which that was told to the log last."""
    disks: dict[str, list[Sample]] = {}
    erased_on: str = ""
    """Day on which recordings whose time was over were erased last."""


def late_s(copying: Copying) -> float:
    """How long the oldest recording has waited to be copied."""
    if copying.oldest_at is None:
        return 0.0
    return max(0.0, (clock.now() - copying.oldest_at).total_seconds())


def read(run: Path) -> Kept:
    """What was kept last; nothing where that cannot be read."""
    try:
        return msgspec.json.decode((run / FILE).read_bytes(), type=Kept)
    except (OSError, msgspec.DecodeError):
        return Kept()


def write(run: Path, kept: Kept) -> None:
    """Whole or not at all; a full disk costs what was remembered, nothing else."""
    fresh = run / f"{FILE}.new"
    with contextlib.suppress(OSError):
        fresh.write_bytes(msgspec.json.encode(kept))
        fresh.replace(run / FILE)


async def asked(ask: Ask) -> Inventory | None:
    """What the switch has in hand; None while it is away."""
    try:
        return await ask()
    except (Unavailable, Refused, msgspec.ValidationError):
        return None


def held_of(inventory: Inventory, recordings: Path) -> Held:
    """The same for the comparison; test calls owe no row and no recording."""
    calls = tuple(
        HeldCall(one.call_id, one.arrived_at, one.port, one.recording)
        for one in inventory.calls
        if not one.loopback
    )
    running = set()
    for path in inventory.recordings:
        with contextlib.suppress(ValueError):
            running.add(str(Path(path).relative_to(recordings.resolve())))
    ports = {one.port: one.known for one in inventory.ports} if inventory.media else None
    waiting = inventory.spool_end - inventory.spool_done
    return Held(calls, ports, frozenset(running), waiting)


def folders(settings: Settings) -> dict[str, Path]:
    """Folders whose disks can fill up, by name; one of each disk."""
    named = {"disk_data": settings.folder, "disk_recordings": settings.folder / "recordings"}
    if settings.recordings_copy is not None:
        named["disk_copy"] = Path(settings.recordings_copy)
    found: dict[str, Path] = {}
    disks = set()
    for name, folder in named.items():
        with contextlib.suppress(OSError):
            device = folder.stat().st_dev
            if device not in disks:
                disks.add(device)
                found[name] = folder
    return found


def limits(settings: Settings, run: Path, kept: Kept, inventory: Inventory | None) -> list[Limit]:
    """All that can run out, as far as it can be seen now."""
    found: list[Limit] = []
    if inventory is not None:
        found += _of_switch(settings, inventory)
    for name, folder in folders(settings).items():
        with contextlib.suppress(OSError):
            usage = shutil.disk_usage(folder)
            hours = hours_until_full(kept.disks.get(name, ()), usage.free)
            found.append(Limit(name, usage.used, usage.used + usage.free, hours))
    for name, one in (("folder_late_s", kept.copying), ("store_late_s", kept.storing)):
        if one is not None:
            found.append(Limit(name, late_s(one), COPY_LATE_S, alarms=False))
    for reading in kept.reading:
        found += _of_reading(settings, reading)
    found += [Limit(f"files_{name}", used, limit) for name, used, limit in sorted(open_files(run))]
    return found


def _of_reading(settings: Settings, reading: Reading) -> Iterable[Limit]:
    """How long ago the oldest reading was, and how many recordings wait for theirs."""
    age_s = late_s(Copying(oldest_at=reading.oldest_at))
    days = round(age_s / 86_400, 1)
    yield Limit(f"reread_days_{reading.place}", days, settings.recording_reread_days, alarms=False)
    yield Limit(f"unread_{reading.place}", reading.unread, reading.recordings, alarms=False)


def _of_switch(settings: Settings, seen: Inventory) -> Iterable[Limit]:
    rtp = sum(1 for one in seen.ports if one.kind == "rtp")
    webrtc = sum(1 for one in seen.ports if one.kind == "webrtc")
    pairs = (settings.rtp_last_port - settings.rtp_first_port + 1) // 2
    yield Limit("calls", sum(not one.loopback for one in seen.calls), seen.calls_max)
    if seen.media:
        yield Limit("rtp_ports", rtp, pairs)
        yield Limit("media_streams", rtp + webrtc, STREAMS_MAX)
        yield Limit("browser_seats", webrtc, BROWSER_SEATS_PLANNED)
    yield Limit("seats", seen.seats, seen.seats_max)
    if seen.spool_bytes_max:
        yield Limit("spool", seen.spool_bytes, seen.spool_bytes_max)
    if seen.reserve_bytes:
        yield Limit("spool_reserve", seen.reserve_bytes - seen.reserve_left, seen.reserve_bytes)
    yield Limit("spool_memory", seen.spool_unwritten, seen.spool_unwritten_max)
