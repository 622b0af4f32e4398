"""Proof of a case: timeline, JSON and PDF."""

import asyncio
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.http import Json, Routes, db
from tahuri.kernel.refusal import Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal
from tahuri.reports.clocks import clocks
from tahuri.reports.pdf import case_pdf
from tahuri.reports.queries import Case, case_of, fact_lines
from tahuri.reports.timeline import entries
from tahuri.reports.words import CODES

ROOM = (Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR)

routes = Routes("reports")


async def _case(request: Request) -> Case:
    incident_id = request.path_params["incident_id"]
    case = await case_of(db(request), incident_id)
    if case is None:
        raise Refused(Refusal.INCIDENT_UNKNOWN, incident=incident_id)
    return case


def _codes(request: Request) -> dict[str, tuple[str, str]]:
    """Our codes in words, and the city pack's."""
    pack = cast("CityPack", request.app.state.pack)
    own = {one.code: (one.name_id, one.name_en) for one in pack.categories}
    own |= {one.code: (one.name_id, one.name_en) for one in pack.dispositions}
    own |= {one.code: (one.name_id, one.name_en) for one in pack.hazards}
    hospitals = {one.hospital_id: (one.name, one.name) for one in pack.hospitals}
    return {**CODES, **own, **hospitals}


@routes.get("/api/incidents/{incident_id}/timeline", roles=ROOM)
async def timeline(request: Request) -> Response:
    """The incident and its calls, line by line, with the clocks of the case."""
    case = await _case(request)
    return Json(
        {
            "incident": case.incident,
            "entries": entries(case.facts, case.personal, case.names, _codes(request)),
            "clocks": clocks(case.facts),
        }
    )


@routes.get("/api/incidents/{incident_id}/case.json", roles=ROOM)
async def case_json(request: Request) -> Response:
    """Everything the log holds about the case, with the digests of the chain."""
    case = await _case(request)
    content = {
        "exported_at": clock.now(),
        "city_id": db(request).city_id,
        "incident": case.incident,
        "clocks": clocks(case.facts),
        "timeline": entries(case.facts, case.personal, case.names, _codes(request)),
        "facts": fact_lines(case),
        "personal": case.personal,
    }
    name = f"{case.incident['number']}.json"
    return Json(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@routes.get("/api/incidents/{incident_id}/case.pdf", roles=ROOM)
async def case_print(request: Request) -> Response:
    """The case as a printable PDF."""
    case = await _case(request)
    city = cast("CityPack", request.app.state.pack).city
    category = case.incident["category"]
    content = await asyncio.to_thread(
        case_pdf,
        {**case.incident, "category": _codes(request).get(category, (category,))[0]},
        entries(case.facts, case.personal, case.names, _codes(request)),
        clocks(case.facts),
        (city.zone, city.zone_label),
        clock.now(),
        case.digests[max(case.digests)],
    )
    name = f"{case.incident['number']}.pdf"
    return Response(
        content,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )
