"""A call afterwards: what it was, who called before, how it sounded."""

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tahuri.calls import nodes, queries
from tahuri.calls.decider import CALL, ClassifyCall, WrapUpCall
from tahuri.calls.events import RecordingPlayed
from tahuri.calls.routes.asking import ROOM
from tahuri.calls.views import CALLS, CallRow
from tahuri.kernel import clock
from tahuri.kernel.event import StreamId
from tahuri.kernel.http import Json, Routes, SignedOn, answered, db, views, who, writing
from tahuri.kernel.ids import OperatorId, RecordingId
from tahuri.kernel.log import Log, Writing
from tahuri.kernel.log import writing as writing_log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal

PLAY = timedelta(hours=1)
"""So long after its recorded start, parts of a recording that are asked for belong to one play."""
KEPT_NOWHERE = {"Cache-Control": "no-store"}
SPEAKERS = (*ROOM, Role.AGENCY_DESK)
"""May say what a call was; an agency's desk of those that it had itself."""

routes = Routes("calls")


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
