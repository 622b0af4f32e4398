"""Calls and seats over HTTP.  The console speaks with the switch directly while it can."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tahuri.calls import nodes, queries
from tahuri.calls.decider import CALL, ClassifyCall, WrapUpCall
from tahuri.calls.events import GhostQuestion, RecordingPlayed
from tahuri.calls.switchboard import Switchboard
from tahuri.calls.views import CALLS, CallRow
from tahuri.kernel import clock
from tahuri.kernel.event import Command, StreamId
from tahuri.kernel.http import (
    Json,
    Nothing,
    Routes,
    SignedOn,
    answered,
    db,
    views,
    who,
    writing,
)
from tahuri.kernel.ids import OperatorId, RecordingId
from tahuri.kernel.log import Log, Writing
from tahuri.kernel.log import writing as writing_log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Invalid, Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal

SEAT_CHARS_MAX = 12
TOKEN = timedelta(hours=12)
PLAY = timedelta(hours=1)
"""So long after its recorded start, parts of a recording that are asked for belong to one play."""
KEPT_NOWHERE = {"Cache-Control": "no-store"}
ROOM = (Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR)
SEATED = (Role.CALL_TAKER, Role.SUPERVISOR, Role.AGENCY_DESK)
"""May sit at a seat; an agency's desk is offered what overflows to it or is for its agency."""
SPEAKERS = (*ROOM, Role.AGENCY_DESK)
"""May say what a call was; an agency's desk of those that it had itself."""
MODES = ("listen", "whisper", "barge")

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


class Supervise(Command, frozen=True):
    """How a supervisor takes part."""

    mode: str


def board(request: Request) -> Switchboard:
    """The door to the switch."""
    return cast("Switchboard", request.app.state.switchboard)


def desk_of(roles: Iterable[str]) -> str:
    """Whose seat somebody sits at; whoever may take every call does."""
    if Role.CALL_TAKER in roles:
        return "taker"
    return "supervisor" if Role.SUPERVISOR in roles else "agency-desk"


async def _own_seat(request: Request, call_id: str | None = None) -> str:
    """The seat where I sit, as the switch knows it.

    Args:
        call_id: the call that must be live there.
    """
    state = await board(request).state()
    own = [seat for seat in state.seats if seat.operator_id == who(request).operator_id]
    if not own:
        raise Refused(Refusal.SEAT_NOT_SIGNED_ON)
    if call_id is None:
        return own[0].seat_id
    for seat in own:
        if seat.call_id == call_id:
            return seat.seat_id
    raise Refused(Refusal.NO_LIVE_CALL, call_id=call_id)


async def _tell(request: Request, op: str, seat_id: str, **arguments: object) -> dict[str, Any]:
    """One command to the switch for one seat; its facts reach the log by the spool."""
    person = who(request)
    result = await board(request).command(
        op, seat_id=seat_id, operator_id=person.operator_id, **arguments
    )
    record = await db(request).one(
        "select seq from cities where city_id = %s", (db(request).city_id,)
    )
    answer = {"seq": record[0] if record else 0}
    return {**answer, **result} if isinstance(result, dict) else answer


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
    answer = await _tell(
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
    return await _tell(request, "leave", request.path_params["seat_id"])


@routes.post("/api/seats/{seat_id}/ready", Nothing, roles=SEATED)
async def seat_ready(request: Request, _: Nothing) -> dict[str, Any]:
    """Can take a call."""
    return await _tell(request, "ready", request.path_params["seat_id"])


@routes.post("/api/seats/{seat_id}/not-ready", NotReady, roles=SEATED, example={"reason": "break"})
async def seat_not_ready(request: Request, asked: NotReady) -> dict[str, Any]:
    """Cannot take a call, and why."""
    return await _tell(request, "not_ready", request.path_params["seat_id"], reason=asked.reason)


@routes.post(
    "/api/seats/{seat_id}/extend-wrap-up", ExtendWrapUp, roles=SEATED, example={"for_s": 120}
)
async def extend_wrap_up(request: Request, asked: ExtendWrapUp) -> dict[str, Any]:
    """Needs longer after a call, where wrap-up ends by itself."""
    seat_id = request.path_params["seat_id"]
    return await _tell(request, "extend_wrap_up", seat_id, for_s=asked.for_s)


async def _ask(request: Request, op: str, **arguments: object) -> dict[str, Any]:
    """One command to the switch about the queue; its facts reach the log by the spool."""
    await board(request).command(op, operator_id=who(request).operator_id, **arguments)
    record = await db(request).one(
        "select seq from cities where city_id = %s", (db(request).city_id,)
    )
    return {"seq": record[0] if record else 0}


@routes.post(
    "/api/calls/{call_id}/precedence",
    SetPrecedence,
    roles=(Role.SUPERVISOR,),
    example={"precedence": 5},
)
async def set_precedence(request: Request, asked: SetPrecedence) -> dict[str, Any]:
    """Lets a waiting call go before those of lower precedence, or no longer."""
    return await _ask(
        request,
        "set_precedence",
        call_id=request.path_params["call_id"],
        precedence=asked.precedence,
        reason="operator",
    )


@routes.post(
    "/api/calls/{call_id}/skill", AskSkill, roles=(Role.SUPERVISOR,), example={"language": "en"}
)
async def ask_skill(request: Request, asked: AskSkill) -> dict[str, Any]:
    """Says whom a waiting call is for: such a seat is preferred, and after a while anybody."""
    known = {one.agency_id for one in request.app.state.pack.agencies}
    if asked.agency_id is not None and asked.agency_id not in known:
        raise Invalid.of({"agency_id": f"no agency {asked.agency_id!r} in this city"})
    return await _ask(
        request,
        "ask_skill",
        call_id=request.path_params["call_id"],
        language=asked.language,
        agency_id=asked.agency_id,
    )


@routes.get("/api/notices", roles=(Role.SUPERVISOR,))
async def notices(request: Request) -> Response:
    """Recorded notices that can be switched on, with what is wrong with those that cannot."""
    return Json({"notices": await board(request).command("notices")})


@routes.post("/api/surge", SwitchSurge, roles=(Role.SUPERVISOR,), example={"notice": "gempa"})
async def switch_surge(request: Request, asked: SwitchSurge) -> dict[str, Any]:
    """Lets every caller hear a recorded notice once before the queue, or no longer."""
    if asked.notice is not None:
        found = {one["name"]: one["fault"] for one in await board(request).command("notices")}
        fault = found.get(asked.notice, "no such notice")
        if fault is not None:
            raise Invalid.of({"notice": fault})
    return await _ask(request, "switch_surge", notice=asked.notice)


@routes.post("/api/calls/{call_id}/answer", Nothing, roles=SEATED)
async def answer_call(request: Request, _: Nothing) -> dict[str, Any]:
    """Answers the call that rings at my seat."""
    return await _tell(
        request, "answer", await _own_seat(request), call_id=request.path_params["call_id"]
    )


def _plain(path: str, op: str, does: str) -> None:
    async def handler(request: Request, _: Nothing) -> dict[str, Any]:
        seat_id = await _own_seat(request, request.path_params["call_id"])
        return await _tell(request, op, seat_id)

    handler.__doc__ = does
    routes.post(f"/api/calls/{{call_id}}/{path}", Nothing, roles=SEATED)(handler)


_plain("hold", "hold", "Puts my live call on hold; the caller hears the hold prompt.")
_plain("resume", "resume", "Takes my call back from hold.")
_plain("mute", "mute", "The caller no longer hears me.")
_plain("unmute", "unmute", "The caller hears me again.")
_plain("ghost", "ghost", "Asks the silent caller of my live call to press 5; again, asks again.")
_plain("ghost/end", "ghost_end", "Ends my live call as silent, once listening in is over.")
_plain("hang-up", "hang_up", "Ends my live call.")


@routes.post(
    "/api/calls/{call_id}/add-party",
    AddParty,
    roles=SEATED,
    example={"address": "110"},
    answer={"seq": 9, "leg_id": "01J…"},
)
async def add_party(request: Request, asked: AddParty) -> dict[str, Any]:
    """Calls a third party into my live call."""
    seat_id = await _own_seat(request, request.path_params["call_id"])
    return await _tell(request, "add_party", seat_id, address=asked.address)


@routes.post(
    "/api/calls/{call_id}/ghost/ask", AskGhost, roles=SEATED, example={"question": "police"}
)
async def ask_ghost(request: Request, asked: AskGhost) -> dict[str, Any]:
    """Lets the silent caller hear a question; 5 is yes, any other key no."""
    seat_id = await _own_seat(request, request.path_params["call_id"])
    return await _tell(request, "ghost_ask", seat_id, question=asked.question)


@routes.post("/api/calls/{call_id}/drop-party", DropParty, roles=SEATED, example={"leg_id": "01J…"})
async def drop_party(request: Request, asked: DropParty) -> dict[str, Any]:
    """Puts a third party out of my live call."""
    seat_id = await _own_seat(request, request.path_params["call_id"])
    return await _tell(request, "drop_party", seat_id, leg_id=asked.leg_id)


@routes.post("/api/calls/{call_id}/transfer", Transfer, roles=SEATED, example={"address": "110"})
async def transfer(request: Request, asked: Transfer) -> dict[str, Any]:
    """Sends my live call on; it comes back to me unless the target answers in time."""
    if bool(asked.address.strip()) == bool(asked.seat_id):
        raise Invalid.of({"address": "an address or a seat, one of the two"})
    seat_id = await _own_seat(request, request.path_params["call_id"])
    return await _tell(
        request, "transfer", seat_id, address=asked.address, to_seat_id=asked.seat_id
    )


_plain("complete-transfer", "complete_transfer", "Leaves my call to the caller and the parties.")
_plain("park", "park", "Parks my live call; any seat can pick it up.")


def _of_call(path: str, op: str, does: str, roles: tuple[Role, ...]) -> None:
    async def handler(request: Request, _: Nothing) -> dict[str, Any]:
        seat_id = await _own_seat(request)
        return await _tell(request, op, seat_id, call_id=request.path_params["call_id"])

    handler.__doc__ = does
    routes.post(f"/api/calls/{{call_id}}/{path}", Nothing, roles=roles)(handler)


_of_call("take-back", "take_back", "Takes back a call that I sent on or parked.", SEATED)
_of_call("pick-up", "pick_up", "Takes a call that waits, is parked or rings elsewhere.", SEATED)
_of_call("take-over", "take_over", "Takes another seat's live call over.", (Role.SUPERVISOR,))


@routes.post(
    "/api/calls/{call_id}/supervise",
    Supervise,
    roles=(Role.SUPERVISOR,),
    example={"mode": "listen"},
)
async def supervise(request: Request, asked: Supervise) -> dict[str, Any]:
    """Takes part in another seat's live call, or in another way; recorded."""
    if asked.mode not in MODES:
        raise Invalid.of({"mode": ", ".join(MODES)})
    seat_id, call_id = await _own_seat(request), request.path_params["call_id"]
    return await _tell(request, "supervise", seat_id, call_id=call_id, mode=asked.mode)


@routes.post("/api/calls/{call_id}/end-supervision", Nothing, roles=(Role.SUPERVISOR,))
async def end_supervision(request: Request, _: Nothing) -> dict[str, Any]:
    """Takes part in the call no longer."""
    seat_id = await _own_seat(request, request.path_params["call_id"])
    return await _tell(request, "end_supervision", seat_id)


@routes.post(
    "/api/calls/{call_id}/classify", ClassifyCall, roles=SPEAKERS, example={"call_class": "normal"}
)
async def classify_call(request: Request, asked: ClassifyCall) -> dict[str, Any]:
    """Says what the call was."""
    return await _decide(request, asked)


@routes.post("/api/calls/{call_id}/wrap-up", WrapUpCall, roles=SPEAKERS)
async def wrap_up_call(request: Request, asked: WrapUpCall) -> dict[str, Any]:
    """Done with the call; refused until it has ended and its class is set."""
    return await _decide(request, asked)


async def check_own(log: Log, call_id: str, person: SignedOn) -> None:
    """Lets the room pass, and whoever has the call or had it last.

    Raises:
        Refused: somebody else's call.
    """
    if set(person.roles) & set(ROOM):
        return
    row = await log.row(CALLS, call_id)
    if not isinstance(row, CallRow) or row.operator_id != person.operator_id:
        raise Refused(Refusal.NOT_ALLOWED, call=call_id)


async def _decide(request: Request, command: ClassifyCall | WrapUpCall) -> dict[str, Any]:
    stream = StreamId("call", request.path_params["call_id"])
    async with writing(request) as log:
        if log.answered is None:
            await check_own(log, stream.key, who(request))
            await log.append(stream, CALL.decide(command, CALL.state(await log.read(stream))))
    return answered(log)


@routes.get("/api/calls/{call_id}/history", roles=ROOM)
async def history(request: Request) -> Response:
    """Earlier calls of the same number, and the incidents that they were about."""
    call_id = request.path_params["call_id"]
    number = await queries.number_of(db(request), call_id)
    plan = request.app.state.number_plan
    earlier = await queries.calls_from(db(request), number, call_id, plan) if number else []
    calls = [body for body, _ in earlier]
    incident_ids = sorted({one for body in calls for one in body["incident_ids"]})
    incidents = await queries.incidents_of(db(request), incident_ids) if incident_ids else []
    return Json({"calls": calls, "incidents": incidents})


@routes.get("/api/recordings/{recording_id}/audio", roles=ROOM)
async def recording_audio(request: Request) -> Response:
    """The recording as WAV, left the caller, right everybody else; every play is recorded.

    One that lies at another node comes from there; 503 with the node's name while it is away.
    """
    recording_id, person = request.path_params["recording_id"], who(request)
    found = await queries.recording_of(db(request), recording_id)
    if found is None:
        raise Refused(Refusal.RECORDING_UNKNOWN)
    call_id, call = found
    if Role.SUPERVISOR not in person.roles and call["operator_id"] != person.operator_id:
        raise Refused(Refusal.NOT_ALLOWED, needed=Role.SUPERVISOR)
    root = cast("Path", request.app.state.recordings).resolve()
    file = (root / call["recording"]["path"]).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        return await nodes.play(request, call)
    now = clock.now()
    from_start = request.headers.get("range", "bytes=0-").startswith("bytes=0-")
    if not from_start and await queries.played_since(
        db(request), call_id, recording_id, person.operator_id, now - PLAY
    ):
        return FileResponse(file, media_type="audio/wav", headers=KEPT_NOWHERE)
    write = Writing(actor=person.operator_id, command=new_id(), now=now)
    async with writing_log(db(request), views(request), write) as log:
        await log.append(
            StreamId("call", call_id),
            [
                RecordingPlayed(
                    recording_id=RecordingId(recording_id),
                    operator_id=OperatorId(person.operator_id),
                )
            ],
        )
    return FileResponse(file, media_type="audio/wav", headers=KEPT_NOWHERE)
