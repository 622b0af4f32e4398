"""Seats: taking one, getting up, being ready for a call."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Annotated, Any, cast

import msgspec
from starlette.requests import Request

from tahuri.calls.routes.asking import SEATED, tell
from tahuri.kernel import clock
from tahuri.kernel.event import Command
from tahuri.kernel.http import Nothing, Routes, who
from tahuri.kernel.refusal import Invalid
from tahuri.kernel.roles import Role

SEAT_CHARS_MAX = 12
TOKEN = timedelta(hours=12)

TokenSigner = Callable[[dict[str, Any]], str]

routes = Routes("calls")


class TakeSeat(Command, frozen=True):
    """Sit down."""

    kind: str = "browser"


class NotReady(Command, frozen=True):
    """Why no call can be taken: break, meal, paperwork, training, technical, wrap-up."""

    reason: str


class ExtendWrapUp(Command, frozen=True):
    """How much longer wrap-up lasts, from now."""

    for_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 120.0


def desk_of(roles: Iterable[str]) -> str:
    """Whose seat somebody sits at; whoever may take every call does."""
    if Role.CALL_TAKER in roles:
        return "taker"
    return "supervisor" if Role.SUPERVISOR in roles else "agency-desk"


@routes.post(
    "/api/seats/{seat_id}/take",
    TakeSeat,
    roles=SEATED,
    example={"kind": "browser"},
    answer={"seq": 7, "seat_id": "M1", "token": "…", "signalling": "ws://127.0.0.1:8113/seat"},
)
async def take_seat(request: Request, asked: TakeSeat) -> dict[str, Any]:
    """Takes a seat; the answer's token opens its line to the switch, also while we are down."""
    seat_id, person = request.path_params["seat_id"], who(request)
    if not (seat_id.isascii() and seat_id.isalnum() and len(seat_id) <= SEAT_CHARS_MAX):
        raise Invalid.of({"seat_id": f"1 to {SEAT_CHARS_MAX} letters and digits"})
    if asked.kind not in ("browser", "sip"):
        raise Invalid.of({"kind": "browser or sip"})
    skills = {
        "languages": list(await request.app.state.languages_of(person.operator_id)),
        "agency_id": person.agency_id,
        "desk": desk_of(person.roles),
    }
    answer = await tell(
        request, "take", seat_id, kind=asked.kind, operator_name=person.name, skills=skills
    )
    signer = cast("TokenSigner", request.app.state.seat_token)
    token = signer(
        {
            "seat_id": seat_id,
            "operator_id": person.operator_id,
            "operator_name": person.name,
            "kind": asked.kind,
            "roles": [str(role) for role in person.roles],
            "session": person.session,
            "skills": skills,
            "exp": int((clock.now() + TOKEN).timestamp()),
        }
    )
    return {
        **answer,
        "seat_id": seat_id,
        "token": token,
        "signalling": request.app.state.signalling(request),
    }


@routes.post("/api/seats/{seat_id}/leave", Nothing, roles=SEATED)
async def leave_seat(request: Request, _: Nothing) -> dict[str, Any]:
    """Gets up; refused while a call is live there."""
    return await tell(request, "leave", request.path_params["seat_id"])


@routes.post("/api/seats/{seat_id}/ready", Nothing, roles=SEATED)
async def seat_ready(request: Request, _: Nothing) -> dict[str, Any]:
    """Can take a call."""
    return await tell(request, "ready", request.path_params["seat_id"])


@routes.post("/api/seats/{seat_id}/not-ready", NotReady, roles=SEATED, example={"reason": "break"})
async def seat_not_ready(request: Request, asked: NotReady) -> dict[str, Any]:
    """Cannot take a call, and why."""
    return await tell(request, "not_ready", request.path_params["seat_id"], reason=asked.reason)


@routes.post(
    "/api/seats/{seat_id}/extend-wrap-up", ExtendWrapUp, roles=SEATED, example={"for_s": 120}
)
async def extend_wrap_up(request: Request, asked: ExtendWrapUp) -> dict[str, Any]:
    """Needs longer after a call, where wrap-up ends by itself."""
    seat_id = request.path_params["seat_id"]
    return await tell(request, "extend_wrap_up", seat_id, for_s=asked.for_s)
