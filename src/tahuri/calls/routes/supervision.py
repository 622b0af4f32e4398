"""What supervisors alone may: the order of the queue, the notice, another seat's call."""

from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tahuri.calls.routes.asking import SUPERVISORS, ask, board, own_seat, tell
from tahuri.kernel.event import Command
from tahuri.kernel.http import Json, Nothing, Routes
from tahuri.kernel.refusal import Invalid

MODES = ("listen", "whisper", "barge")

routes = Routes("calls")


class SetPrecedence(Command, frozen=True):
    """How far before others a waiting call goes."""

    precedence: Annotated[int, msgspec.Meta(ge=0, le=9)]


class AskSkill(Command, frozen=True):
    """Whom a waiting call is for; nothing: anybody."""

    language: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z-]{1,15}$")] | None = None
    agency_id: str | None = None


class SwitchSurge(Command, frozen=True):
    """Which recorded notice callers hear before the queue; null: the ordinary one."""

    notice: str | None


class Supervise(Command, frozen=True):
    """How a supervisor takes part."""

    mode: str


@routes.post(
    "/api/calls/{call_id}/precedence",
    SetPrecedence,
    roles=SUPERVISORS,
    example={"precedence": 5},
)
async def set_precedence(request: Request, asked: SetPrecedence) -> dict[str, Any]:
    """Lets a waiting call go before those of lower precedence, or no longer."""
    return await ask(
        request,
        "set_precedence",
        call_id=request.path_params["call_id"],
        precedence=asked.precedence,
        reason="operator",
    )


@routes.post("/api/calls/{call_id}/skill", AskSkill, roles=SUPERVISORS, example={"language": "en"})
async def ask_skill(request: Request, asked: AskSkill) -> dict[str, Any]:
    """Says whom a waiting call is for: such a seat is preferred, and after a while anybody."""
    known = {one.agency_id for one in request.app.state.pack.agencies}
    if asked.agency_id is not None and asked.agency_id not in known:
        raise Invalid.of({"agency_id": f"no agency {asked.agency_id!r} in this city"})
    return await ask(
        request,
        "ask_skill",
        call_id=request.path_params["call_id"],
        language=asked.language,
        agency_id=asked.agency_id,
    )


@routes.get("/api/notices", roles=SUPERVISORS)
async def notices(request: Request) -> Response:
    """Recorded notices that can be switched on, with what is wrong with those that cannot."""
    return Json({"notices": await board(request).command("notices")})


@routes.post("/api/surge", SwitchSurge, roles=SUPERVISORS, example={"notice": "gempa"})
async def switch_surge(request: Request, asked: SwitchSurge) -> dict[str, Any]:
    """Lets every caller hear a recorded notice once before the queue, or no longer."""
    if asked.notice is not None:
        found = {one["name"]: one["fault"] for one in await board(request).command("notices")}
        fault = found.get(asked.notice, "no such notice")
        if fault is not None:
            raise Invalid.of({"notice": fault})
    return await ask(request, "switch_surge", notice=asked.notice)


@routes.post(
    "/api/calls/{call_id}/supervise",
    Supervise,
    roles=SUPERVISORS,
    example={"mode": "listen"},
)
async def supervise(request: Request, asked: Supervise) -> dict[str, Any]:
    """Takes part in another seat's live call, or in another way; recorded."""
    if asked.mode not in MODES:
        raise Invalid.of({"mode": ", ".join(MODES)})
    seat_id, call_id = await own_seat(request), request.path_params["call_id"]
    return await tell(request, "supervise", seat_id, call_id=call_id, mode=asked.mode)


@routes.post("/api/calls/{call_id}/end-supervision", Nothing, roles=SUPERVISORS)
async def end_supervision(request: Request, _: Nothing) -> dict[str, Any]:
    """Takes part in the call no longer."""
    seat_id = await own_seat(request, request.path_params["call_id"])
    return await tell(request, "end_supervision", seat_id)


@routes.post("/api/calls/{call_id}/take-over", Nothing, roles=SUPERVISORS)
async def take_over(request: Request, _: Nothing) -> dict[str, Any]:
    """Takes another seat's live call over."""
    seat_id, call_id = await own_seat(request), request.path_params["call_id"]
    return await tell(request, "take_over", seat_id, call_id=call_id)
