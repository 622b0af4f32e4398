"""``GET /api/telephone``: is the telephone alive, why not, and what has been found."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tahuri import watching
from tahuri.calls.switchboard import Switchboard
from tahuri.health import parts, reasons_of, verdict_now
from tahuri.kernel import clock
from tahuri.kernel.http import Json, Routes, db
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.kernel.roles import Role
from tahuri.settings import Settings
from tahuri.telephony.protocol.snapshot import Inventory
from tahuri.watch import queries
from tahuri.watch.limits import Limit, near, shown
from tahuri.watch.verdict import Reason

ANSWER_S = 4.0

routes = Routes("telephone")


@routes.get("/api/telephone", roles=(Role.SUPERVISOR, Role.ADMINISTRATOR))
async def telephone(request: Request) -> Response:
    """The verdict with its reasons, lines, trunks, parts, alarms, findings and limits."""
    settings = cast("Settings", request.app.state.settings)
    run = cast("Path", request.app.state.run)
    board = cast("Switchboard", request.app.state.switchboard)
    kept = watching.read(run)
    known, state, inventory = await asyncio.gather(parts(request), _state(board), _held(board))
    findings: list[dict[str, Any]] = []
    last = None
    if known["database"]["ok"]:  # else it would be waited for a second time
        with contextlib.suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                findings = await queries.open_findings(db(request))
                last = await queries.last_call(db(request))
    limits = watching.limits(settings, run, kept, inventory)
    limits.append(_pool(request))
    open_now = reasons_of(findings)
    told = {one.about for one in open_now if one.code == "limit-near"}
    open_now += [
        Reason(code=one.code, about=one.about, numbers=one.numbers)
        for one in near(limits, settings.limit_percent_max)
        if one.about not in told
    ]
    verdict = verdict_now(settings, kept, known, open_now)
    return Json(
        {
            "now": clock.now(),
            "zone": request.app.state.pack.city.zone,
            "verdict": verdict,
            "last_call": last,
            "lines": list(kept.lines.values()),
            "test_call_every_s": settings.test_call_every_s,
            "trunks": state.get("trunks"),
            "refused": state.get("refused"),
            "parts": known,
            "findings": findings,
            "limits": shown(limits),
            "limit_percent_max": settings.limit_percent_max,
            "traffic": kept.traffic,
            "copying": kept.copying,
            "storing": kept.storing,
            "round_at": kept.round_at,
        }
    )


async def _state(board: Switchboard) -> dict[str, Any]:
    """The switch's snapshot as it came, so that later versions may show more."""
    try:
        found = await board.command("state")
    except (Unavailable, Refused):
        return {}
    return found if isinstance(found, dict) else {}


async def _held(board: Switchboard) -> Inventory | None:
    async def ask() -> Inventory:
        return msgspec.convert(await board.command("inventory"), Inventory)

    return await watching.asked(ask)


def _pool(request: Request) -> Limit:
    """Connections of this process to the database."""
    pool = db(request).pool
    stats = pool.get_stats()
    used = stats.get("pool_size", 0) - stats.get("pool_available", 0)
    return Limit("database_pool", max(0, used), pool.max_size)
