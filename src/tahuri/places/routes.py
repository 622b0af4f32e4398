"""HTTP of places: search the gazetteer, ask what lies at a point."""

import asyncio
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from tahuri.kernel.http import Json, Routes
from tahuri.kernel.refusal import Invalid
from tahuri.places.gazetteer import Gazetteer

LIMIT_DEFAULT = 8
LIMIT_MAX = 50
QUERY_CHARS_MAX = 100

routes = Routes("places")


def gazetteer(request: Request) -> Gazetteer:
    """The city's names."""
    return cast("Gazetteer", request.app.state.gazetteer)


def number(request: Request, name: str, low: float, high: float) -> float:
    """A number from the address.

    Raises:
        Invalid: missing, not a number, or outside its limits.
    """
    text = request.query_params.get(name, "")
    try:
        value = float(text)
    except ValueError:
        raise Invalid.of({name: f"a number is needed, not {text!r}"}) from None
    if not low <= value <= high:
        raise Invalid.of({name: f"{low:g} to {high:g}"})
    return value


@routes.get(
    "/api/places",
    query={"q": "What is looked for, in any spelling.", "limit": "How many at most."},
)
async def search(request: Request) -> Response:
    """Places by name, tolerant of spelling: ``?q=batumerah&limit=8``."""
    text = request.query_params.get("q", "")
    if len(text) > QUERY_CHARS_MAX:
        raise Invalid.of({"q": f"at most {QUERY_CHARS_MAX} characters"})
    limit = LIMIT_DEFAULT
    if "limit" in request.query_params:
        limit = int(number(request, "limit", 1, LIMIT_MAX))
    found = await asyncio.to_thread(gazetteer(request).search, text, limit)
    return Json({"places": found})


@routes.get(
    "/api/places/at",
    query={"lat": "Latitude, decimal degrees.", "lon": "Longitude, decimal degrees."},
)
async def at(request: Request) -> Response:
    """Ward, district and nearest road of a point: ``?lat=-3.69&lon=128.18``."""
    lat, lon = number(request, "lat", -90, 90), number(request, "lon", -180, 180)
    return Json(await asyncio.to_thread(gazetteer(request).at, lat, lon))
