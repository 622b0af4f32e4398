"""``/healthz`` and ``/metrics``: can calls be taken, and how is each part."""

import asyncio
import shutil
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from tahuri import watching
from tahuri.calls.switchboard import Switchboard
from tahuri.kernel import clock
from tahuri.kernel.http import Json, db
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.settings import Settings
from tahuri.telephony.protocol.snapshot import Inventory
from tahuri.watch import queries
from tahuri.watch.verdict import Reason, Verdict, verdict

DISK_FREE_MIN = 0.05
"""Share of the disk below which recordings are in danger."""

ANSWER_S = 4.0
"""A part that has not answered by then is down: who asks wants to know now."""


async def parts(request: Request) -> dict[str, dict[str, Any]]:
    """Every part: ``ok`` and what is known of it."""
    board = cast("Switchboard", request.app.state.switchboard)
    folder = cast("Path", request.app.state.recordings)
    found: dict[str, dict[str, Any]] = {"serve": {"ok": True}}
    try:
        async with asyncio.timeout(ANSWER_S):
            record = await db(request).one(
                "select seq from cities where city_id = %s", (db(request).city_id,)
            )
        found["database"] = {"ok": record is not None, "seq": record[0] if record else None}
    except (Unavailable, TimeoutError) as error:
        found["database"] = {"ok": False, "detail": str(error) or "does not answer"}
    try:
        state = await board.state()
        found["switch"] = {
            "ok": True,
            "behind": board.behind,
            "queued_calls": len(state.queue),
            "live_calls": len(state.calls),
            "seats_ready": state.seats_ready,
            "counters": state.counters,
            "lines": Counter(line.verdict for call in state.calls for line in call.lines),
            "alarms": [alarm.code for alarm in state.alarms],
            "trunks": [msgspec.to_builtins(trunk) for trunk in state.trunks],
            "alarm_list": state.alarms,
        }
        found["media"] = {"ok": state.media_connected}
    except (Unavailable, Refused) as error:
        found["switch"] = {"ok": False, "detail": str(error)}
        found["media"] = {"ok": False, "detail": "not asked: the switch is down"}
    found["disk"] = _disk(folder)
    return found


def _disk(folder: Path) -> dict[str, Any]:
    """Whether there is room for recordings."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:  # it failed, or is not mounted: calls are taken all the same
        return {"ok": False, "detail": f"the recordings' disk: {error.strerror}"}
    free = usage.free / usage.total
    return {"ok": free > DISK_FREE_MIN, "free_share": round(free, 3)}


async def healthz(request: Request) -> Response:
    """200 while calls can be taken, 503 otherwise; the state of each part either way."""
    found = await parts(request)
    taking = found["switch"]["ok"] and found["media"]["ok"]
    kept = watching.read(request.app.state.run)
    # a database that does not answer is not asked a second time: who asks waits for the answer
    findings = await _findings(request) if found["database"]["ok"] else []
    said = verdict_now(request.app.state.settings, kept, found, findings)
    body = {"taking_calls": taking, "telephone": said, "parts": found}
    return Json(body, 200 if taking else 503)


async def _findings(request: Request) -> list[Reason]:
    """Open findings; none while the database is away."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return reasons_of(await queries.open_findings(db(request)))
    except (Unavailable, TimeoutError):
        return []


def reasons_of(findings: list[dict[str, Any]]) -> list[Reason]:
    """Those that nobody has accepted, as reasons of the verdict."""
    return [
        Reason(
            code=row["code"],
            about=row["about"],
            since=msgspec.convert(row["opened_at"], datetime),
            numbers=row["numbers"],
        )
        for row in findings
        if row["state"] == "open"
    ]


def verdict_now(
    settings: Settings,
    kept: watching.Kept,
    found: dict[str, dict[str, Any]],
    findings: list[Reason],
) -> Verdict:
    """How the telephone is, from what was just looked at and what the watch keeps."""
    alarms = found["switch"].get("alarm_list", ())
    return verdict(
        parts=found,
        alarms=[
            Reason(code=one.code, about=one.about, since=one.since, numbers=one.numbers)
            for one in alarms
        ],
        findings=findings,
        lines=kept.lines.values(),
        round_at=kept.round_at,
        now=clock.now(),
        every_s=settings.test_call_every_s,
    )


async def metrics(request: Request) -> Response:
    """Gauges for Prometheus; names and numbers of people never."""
    found = await parts(request)
    registry = CollectorRegistry()
    up = Gauge("tahuri_part_up", "1 while the part works", ["part"], registry=registry)
    for name, part in found.items():
        up.labels(name).set(1 if part["ok"] else 0)
    values = {
        "tahuri_log_seq": ("Facts in the log", found["database"].get("seq")),
        "tahuri_spool_behind_facts": (
            "Facts the log has not taken over yet",
            found["switch"].get("behind"),
        ),
        "tahuri_queue_calls": ("Callers waiting", found["switch"].get("queued_calls")),
        "tahuri_seats_ready": ("Seats that can take a call", found["switch"].get("seats_ready")),
        "tahuri_disk_free_share": ("Free share of the disk", found["disk"].get("free_share")),
    }
    for name, (text, value) in values.items():
        if value is not None:
            Gauge(name, text, registry=registry).set(value)
    kept = watching.read(request.app.state.run)
    settings = cast("Settings", request.app.state.settings)
    used = Gauge("tahuri_limit_used", "Used of what is finite", ["of"], registry=registry)
    limit = Gauge("tahuri_limit", "What is finite", ["of"], registry=registry)
    board = cast("Switchboard", request.app.state.switchboard)

    async def ask() -> Inventory:
        return msgspec.convert(await board.command("inventory"), Inventory)

    inventory = await watching.asked(ask)
    for one in watching.limits(settings, request.app.state.run, kept, inventory):
        used.labels(one.name).set(one.used)
        limit.labels(one.name).set(one.limit)
    age = Gauge("tahuri_test_call_age_s", "Since a success", ["line"], registry=registry)
    for line in kept.lines.values():
        if line.last_ok_at is not None:
            age.labels(line.name).set((clock.now() - line.last_ok_at).total_seconds())
    opened = Gauge("tahuri_findings_open", "Findings nobody accepted", ["code"], registry=registry)
    for reason in await _findings(request) if found["database"]["ok"] else ():
        opened.labels(reason.code).inc()
    counted = Gauge("tahuri_switch_count", "Counted by the switch", ["of"], registry=registry)
    for name, value in found["switch"].get("counters", {}).items():
        counted.labels(name).set(value)
    trunks = found["switch"].get("trunks", [])
    there = Gauge("tahuri_trunk_up", "1 while the trunk answers", ["trunk"], registry=registry)
    taken = Gauge("tahuri_trunk_rtt_ms", "How long it took", ["trunk"], registry=registry)
    for trunk in trunks:
        if trunk["state"] != "unknown":
            there.labels(trunk["name"]).set(1 if trunk["state"] == "up" else 0)
        if trunk["rtt_ms"] is not None:
            taken.labels(trunk["name"]).set(trunk["rtt_ms"])
    lines = Gauge(
        "tahuri_live_lines", "Legs of live calls by how they sound", ["verdict"], registry=registry
    )
    for sound in ("good", "fair", "bad"):
        lines.labels(sound).set(found["switch"].get("lines", {}).get(sound, 0))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
