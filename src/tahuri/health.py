"""``/healthz`` and ``/metrics``: can calls be taken, and how is each part."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, cast

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from tahuri.calls.switchboard import Switchboard
from tahuri.kernel.http import Json, db
from tahuri.kernel.refusal import Refused, Unavailable

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
        }
        found["media"] = {"ok": state.media_connected}
    except (Unavailable, Refused) as error:
        found["switch"] = {"ok": False, "detail": str(error)}
        found["media"] = {"ok": False, "detail": "not asked: the switch is down"}
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    found["disk"] = {"ok": free > DISK_FREE_MIN, "free_share": round(free, 3)}
    return found


async def healthz(request: Request) -> Response:
    """200 while calls can be taken, 503 otherwise; the state of each part either way."""
    found = await parts(request)
    taking = found["switch"]["ok"] and found["media"]["ok"]
    return Json({"taking_calls": taking, "parts": found}, 200 if taking else 503)


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
        "tahuri_disk_free_share": ("Free share of the disk", found["disk"]["free_share"]),
    }
    for name, (text, value) in values.items():
        if value is not None:
            Gauge(name, text, registry=registry).set(value)
    counted = Gauge("tahuri_switch_count", "Counted by the switch", ["of"], registry=registry)
    for name, value in found["switch"].get("counters", {}).items():
        counted.labels(name).set(value)
    lines = Gauge(
        "tahuri_live_lines", "Legs of live calls by how they sound", ["verdict"], registry=registry
    )
    for verdict in ("good", "fair", "bad"):
        lines.labels(verdict).set(found["switch"].get("lines", {}).get(verdict, 0))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
