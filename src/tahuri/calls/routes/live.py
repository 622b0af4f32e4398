"""A live call, as whoever sits at its seat controls it."""

from typing import Any

from starlette.requests import Request

from tahuri.calls.events import GhostQuestion
from tahuri.calls.routes.asking import SEATED, own_seat, ringing_seat, tell
from tahuri.kernel.event import Command
from tahuri.kernel.http import Nothing, Routes
from tahuri.kernel.refusal import Invalid

routes = Routes("calls")


class AddParty(Command, frozen=True):
    """A number, a SIP address or a name of the directory."""

    address: str


class AskGhost(Command, frozen=True):
    """Which question the silent caller hears."""

    question: GhostQuestion


class DropParty(Command, frozen=True):
    """Which third party."""

    leg_id: str


class Transfer(Command, frozen=True):
    """Whom the call goes to: an address as for a third party, or a seat; one of the two."""

    address: str = ""
    seat_id: str = ""


@routes.post("/api/calls/{call_id}/answer", Nothing, roles=SEATED)
async def answer_call(request: Request, _: Nothing) -> dict[str, Any]:
    """Answers the call that rings at my seat."""
    call_id = request.path_params["call_id"]
    return await tell(request, "answer", await ringing_seat(request, call_id), call_id=call_id)


def _mine(path: str, op: str, does: str) -> None:
    """A command about the live call of my seat."""

    async def handler(request: Request, _: Nothing) -> dict[str, Any]:
        seat_id = await own_seat(request, request.path_params["call_id"])
        return await tell(request, op, seat_id)

    handler.__doc__ = does
    routes.post(f"/api/calls/{{call_id}}/{path}", Nothing, roles=SEATED)(handler)


_mine("hold", "hold", "Puts my live call on hold; the caller hears the hold prompt.")
_mine("resume", "resume", "Takes my call back from hold.")
_mine("mute", "mute", "The caller no longer hears me.")
_mine("unmute", "unmute", "The caller hears me again.")
_mine("ghost", "ghost", "Asks the silent caller of my live call to press 5; again, asks again.")
_mine("ghost/end", "ghost_end", "Ends my live call as silent, once listening in is over.")
_mine("hang-up", "hang_up", "Ends my live call.")


@routes.post(
    "/api/calls/{call_id}/add-party",
    AddParty,
    roles=SEATED,
    example={"address": "110"},
    answer={"seq": 9, "leg_id": "01J…"},
)
async def add_party(request: Request, asked: AddParty) -> dict[str, Any]:
    """Calls a third party into my live call."""
    seat_id = await own_seat(request, request.path_params["call_id"])
    return await tell(request, "add_party", seat_id, address=asked.address)


@routes.post(
    "/api/calls/{call_id}/ghost/ask", AskGhost, roles=SEATED, example={"question": "police"}
)
async def ask_ghost(request: Request, asked: AskGhost) -> dict[str, Any]:
    """Lets the silent caller hear a question; 5 is yes, any other key no."""
    seat_id = await own_seat(request, request.path_params["call_id"])
    return await tell(request, "ghost_ask", seat_id, question=asked.question)


@routes.post("/api/calls/{call_id}/drop-party", DropParty, roles=SEATED, example={"leg_id": "01J…"})
async def drop_party(request: Request, asked: DropParty) -> dict[str, Any]:
    """Puts a third party out of my live call."""
    seat_id = await own_seat(request, request.path_params["call_id"])
    return await tell(request, "drop_party", seat_id, leg_id=asked.leg_id)


@routes.post("/api/calls/{call_id}/transfer", Transfer, roles=SEATED, example={"address": "110"})
async def transfer(request: Request, asked: Transfer) -> dict[str, Any]:
    """Sends my live call on; it comes back to me unless the target answers in time."""
    if bool(asked.address.strip()) == bool(asked.seat_id):
        raise Invalid.of({"address": "an address or a seat, one of the two"})
    seat_id = await own_seat(request, request.path_params["call_id"])
    return await tell(request, "transfer", seat_id, address=asked.address, to_seat_id=asked.seat_id)


_mine("complete-transfer", "complete_transfer", "Leaves my call to the caller and the parties.")
_mine("park", "park", "Parks my live call; any seat can pick it up.")


def _anywhere(path: str, op: str, does: str) -> None:
    """A command for my seat about a call that need not be there."""

    async def handler(request: Request, _: Nothing) -> dict[str, Any]:
        seat_id = await own_seat(request)
        return await tell(request, op, seat_id, call_id=request.path_params["call_id"])

    handler.__doc__ = does
    routes.post(f"/api/calls/{{call_id}}/{path}", Nothing, roles=SEATED)(handler)


_anywhere("take-back", "take_back", "Takes back a call that I sent on or parked.")
_anywhere("pick-up", "pick_up", "Takes a call that waits, is parked or rings elsewhere.")
