"""HTTP of what becomes of recordings: legal hold, export."""

import asyncio
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from tahuri.calls import nodes
from tahuri.calls.events import RecordingsExported
from tahuri.calls.export import CALLS_MAX, FETCHED, Selection, names_of, selected, write_zip
from tahuri.calls.retention import KEEPING, REASON_CHARS_MAX, LiftLegalHold, SetLegalHold
from tahuri.kernel import clock
from tahuri.kernel.event import StreamId
from tahuri.kernel.http import Routes, answered, db, views, who, writing
from tahuri.kernel.ids import RecordingId
from tahuri.kernel.log import Writing
from tahuri.kernel.log import writing as writing_log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Invalid, Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal

SUPERVISORS = (Role.SUPERVISOR,)

routes = Routes("recordings")


@routes.post(
    "/api/calls/{call_id}/legal-hold",
    SetLegalHold,
    roles=SUPERVISORS,
    example={"reason": "Diminta Polresta, surat 12/XI/2026."},
)
async def set_legal_hold(request: Request, asked: SetLegalHold) -> dict[str, Any]:
    """Keeps the call's recording whatever its age; refused when it is erased."""
    return await _decide(request, asked)


@routes.post(
    "/api/calls/{call_id}/lift-legal-hold",
    LiftLegalHold,
    roles=SUPERVISORS,
    example={"reason": "Perkara selesai."},
)
async def lift_legal_hold(request: Request, asked: LiftLegalHold) -> dict[str, Any]:
    """The recording is kept no longer than others of its class."""
    return await _decide(request, asked)


async def _decide(request: Request, asked: SetLegalHold | LiftLegalHold) -> dict[str, Any]:
    reason = asked.reason.strip()
    if not 0 < len(reason) <= REASON_CHARS_MAX:
        raise Invalid.of({"reason": f"1 to {REASON_CHARS_MAX} characters"})
    stream = StreamId("call", request.path_params["call_id"])
    async with writing(request) as log:
        if log.answered is None:
            state = KEEPING.state(await log.read(stream))
            changes = state.held != isinstance(asked, SetLegalHold)
            said = log.personal("reason", {"text": reason}) if changes else None
            await log.append(stream, KEEPING.decide(asked, state, said))
    return answered(log)


def _moment(request: Request, name: str) -> datetime:
    try:
        at = msgspec.convert(request.query_params.get(name, ""), datetime)
    except msgspec.ValidationError as error:
        raise Invalid.of({name: "a time with an offset, such as 2026-11-26T08:00:00Z"}) from error
    if at.tzinfo is None:
        raise Invalid.of({name: "a time with an offset, such as 2026-11-26T08:00:00Z"})
    return at.astimezone(UTC)


@routes.get(
    "/api/recordings/export",
    roles=SUPERVISORS,
    query={
        "incident_id": "Recordings of the calls about this incident; or",
        "from": "Recordings of the calls that came from then,",
        "until": "and before then.",
    },
)
async def export(request: Request) -> Response:
    """Recordings with their proof as a ZIP: manifest, facts, checksums; the export is a fact.

    ``tahuri recordings verify FILE`` checks it anywhere, ``sha256sum -c SHA256SUMS`` in part.
    """
    incident_id = request.query_params.get("incident_id")
    if incident_id is not None:
        asked = {"incident_id": incident_id}
        chosen = await selected(db(request), incident_id=incident_id)
    else:
        begin, end = _moment(request, "from"), _moment(request, "until")
        if begin >= end:
            raise Invalid.of({"until": "not after from"})
        asked = {"from": begin.isoformat(), "until": end.isoformat()}
        chosen = await selected(db(request), begin=begin, end=end)
    if not chosen.recordings:
        raise Refused(Refusal.RECORDING_UNKNOWN, detail="no call of that choice was recorded")
    if len(chosen.recordings) > CALLS_MAX:
        raise Invalid.of({"from": f"more than {CALLS_MAX} recordings: ask for a shorter time"})
    folder = cast("Path", request.app.state.recordings)
    opened, name = tempfile.mkstemp(prefix=".export-", suffix=".zip", dir=folder)
    os.close(opened)
    file, now = Path(name), clock.now()
    try:
        with tempfile.TemporaryDirectory(prefix=FETCHED, dir=folder) as near:
            brought = await _brought(request, chosen, folder, Path(near))
            digest = await asyncio.to_thread(write_zip, file, chosen, folder, asked, now, brought)
        await _tell(request, asked, names_of(chosen), digest, now)
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return FileResponse(
        file,
        media_type="application/zip",
        filename=f"tahuri-{now:%Y%m%d-%H%M%S}.zip",
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(file.unlink, missing_ok=True),
    )


async def _brought(
    request: Request, chosen: Selection, folder: Path, near: Path
) -> dict[str, Path | str]:
    """Recordings that lie at other nodes: by id the file brought here, or why there is none."""
    brought: dict[str, Path | str] = {}
    for one in chosen.recordings:
        recording = one.row["recording"]
        if recording["state"] != "closed" or (folder / recording["path"]).is_file():
            continue
        file = near / Path(recording["path"]).name
        fault = await nodes.fetch(request, one.row, file)
        if fault is not None:
            brought[recording["recording_id"]] = fault
        elif file.is_file():
            brought[recording["recording_id"]] = file
    return brought


async def _tell(
    request: Request, asked: dict[str, str], names: Any, digest: str, now: datetime
) -> None:
    person = who(request)
    write = Writing(actor=person.operator_id, command=new_id(), now=now)
    event = RecordingsExported(
        recording_ids=tuple(RecordingId(name) for name in names),
        incident_id=asked.get("incident_id"),
        begin=asked.get("from"),
        end=asked.get("until"),
        manifest_sha256=digest,
    )
    async with writing_log(db(request), views(request), write) as log:
        await log.append(StreamId("export", new_id()), [event])
