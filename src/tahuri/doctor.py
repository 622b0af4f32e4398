"""``tahuri doctor``: looks at everything a centre needs and says what to do about each fault."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tahuri.centre import Centre
from tahuri.city.tables import PackFaulty
from tahuri.health import DISK_FREE_MIN
from tahuri.host.given import fault_of
from tahuri.host.ports import ports_of
from tahuri.host.postgres import programs
from tahuri.kernel import clock
from tahuri.kernel.refusal import Unavailable
from tahuri.pages import DIST
from tahuri.settings import Settings

SIP_PORT = 5060
"""Where Debian's Kamailio listens as it comes."""
EDGE = "Tahuri edge"
"""Stands in our own configuration of it."""
RECORDING_BYTES_S = 32_000
"""Two channels of 8 kHz 16-bit samples."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str
    """What was seen, or what to do."""


def machine() -> Iterator[Finding]:
    """Python, programs, pages, real-time scheduling."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= (3, 11), version)
    built = (DIST / "console.html").exists()
    yield Finding("pages", True, str(DIST) if built else "not built yet: ./tahuri up builds them")
    speech = shutil.which("espeak-ng")
    yield Finding("espeak-ng", True, speech or "absent: the demo's callers use recorded speech")
    try:
        limit = os.sched_get_priority_max(os.SCHED_RR)
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(min(1, limit)))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        yield Finding("real-time scheduling", True, "media may use it")
    except PermissionError:
        text = "not allowed: audio may stutter beside busy programs (CAP_SYS_NICE)"
        yield Finding("real-time scheduling", True, text)


def ports(settings: Settings) -> Iterator[Finding]:
    """Whether the ports that will be listened on are free, or ours already."""
    for port in ports_of(settings):
        trouble = port.trouble()
        yield Finding(port.setting, trouble is None, trouble or str(port))


def edge_service(settings: Settings, root: Path = Path("/")) -> Finding:
    """Whether a Kamailio that nobody has set up would take the switch's port at the next boot."""
    enabled = root / "etc/systemd/system/multi-user.target.wants/kamailio.service"
    try:
        config = (root / "etc/kamailio/kamailio.cfg").read_text(errors="replace")
    except OSError:
        config = ""
    if not enabled.is_symlink():
        return Finding("edge service", True, "none starts by itself")
    if EDGE in config:
        return Finding("edge service", True, "Kamailio starts at boot with our configuration")
    if settings.sip_port != SIP_PORT:
        return Finding("edge service", True, f"Kamailio starts at boot; sip_port is not {SIP_PORT}")
    text = (
        f"Kamailio starts at boot and takes sip_port {SIP_PORT} at every address: "
        "systemctl disable --now kamailio, or set it up as deploy/kamailio has it"
    )
    return Finding("edge service", False, text)


async def database(centre: Centre) -> Finding:
    """The database given, or the programs for the one of our own."""
    if centre.settings.database_url is None:
        try:
            return Finding("database", True, f"of our own, programs in {programs()}")
        except Unavailable as error:
            return Finding("database", False, str(error))
    fault = await fault_of(centre.settings.database_url)
    return Finding("database", fault is None, str(fault or "yours, as it must be"))


def certificate(centre: Centre) -> Finding:
    """Whether browsers will believe it, and for how long."""
    faults = centre.certificate_faults(clock.now())
    if faults:
        return Finding("certificate", False, "; ".join(faults))
    none = not (centre.settings.secure or centre.settings.sip_tls_port)
    return Finding("certificate", True, "none: pages on loopback" if none else "valid")


def second_folder(settings: Settings) -> Iterator[Finding]:
    """Whether copies of recordings can be written where the settings say."""
    if settings.recordings_copy is None:
        return
    folder = Path(settings.recordings_copy)
    if not folder.is_dir():
        yield Finding("recordings_copy", False, f"not there (mounted?): {folder}")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("recordings_copy", False, f"cannot be written: {folder}")
    else:
        yield Finding("recordings_copy", True, str(folder))


def disk(centre: Centre) -> Finding:
    """Room for recordings, in hours of talk."""
    folder = centre.folder.root
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    hours = usage.free / RECORDING_BYTES_S / 3600
    enough = usage.free > usage.total * DISK_FREE_MIN
    return Finding("disk", enough, f"room for {hours:,.0f} hours of recorded talk")


async def running(url: str) -> Finding:
    """Whether a centre answers there already, and how it is."""
    try:
        async with httpx.AsyncClient(verify=False, trust_env=False, timeout=3) as client:  # noqa: S501
            answer = await client.get(f"{url}/healthz")
    except httpx.HTTPError:
        return Finding("centre", True, "not running")
    try:
        parts = dict(answer.json()["parts"])
    except (ValueError, TypeError, KeyError):
        text = f"{url} is answered by another program: stop it, or choose another http_port"
        return Finding("centre", False, text)
    bad = [
        f"{name}: {part.get('detail', 'down')}" for name, part in parts.items() if not part["ok"]
    ]
    return Finding("centre", answer.status_code == 200, "; ".join(bad) or "running, takes calls")


async def examine(settings: Settings) -> int:
    """Prints every finding; 1 when one needs doing."""
    findings = [*machine(), edge_service(settings)]
    try:
        centre = Centre.load(settings)
    except PackFaulty as error:
        findings.append(Finding("city pack", False, str(error)))
    else:
        city = centre.pack.city
        findings.append(Finding("city pack", True, f"{city.name} {centre.pack.version}"))
        wrong = centre.unknown_agencies()
        findings += [Finding("setting", False, line) for line in wrong]
        findings += [certificate(centre), await database(centre), disk(centre)]
        findings += second_folder(settings)
        here = await running(settings.near_url)
        findings.append(here)
        if here.detail == "not running":
            findings += ports(settings)
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FAIL'} {finding.what}: {finding.detail}")
    return 0 if all(finding.ok for finding in findings) else 1
