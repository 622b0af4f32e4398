"""HTTP of incidents: open, amend, note, close, reopen."""

from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType
from starlette.requests import Request

from tahuri.calls.events import CallLinked, CallUnlinked
from tahuri.city.records import CityPack
from tahuri.incidents.decider import (
    INCIDENT,
    AddNote,
    Amend,
    Close,
    Incident,
    Open,
    Reopen,
    decide,
    next_number,
    set_or,
)
from tahuri.incidents.queries import call_had_by, call_known, last_number, units_of
from tahuri.incidents.requests import (
    AmendIncident,
    CloseIncident,
    OpenIncident,
    Place,
    ReopenIncident,
    Report,
    WriteNote,
    check_against,
)
from tahuri.incidents.views import INCIDENTS, IncidentRow
from tahuri.kernel.event import Command, StreamId
from tahuri.kernel.http import Routes, SignedOn, answered, who, writing
from tahuri.kernel.ids import IncidentId, PersonalId
from tahuri.kernel.log import Log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal

ROOM = (Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR)
REPORTERS = (*ROOM, Role.AGENCY_DESK)
"""May write down what callers say; an agency's desk what its own callers say."""
WRITERS = (*ROOM, Role.AGENCY_DESK, Role.CREW)

routes = Routes("incidents")

EXAMPLE_PLACE = {
    "lat": -3.6954,
    "lon": 128.1814,
    "label": "Pasar Mardika",
    "detail": "",
    "ward_code": None,
    "source": "gazetteer",
}
EXAMPLE_REPORT = {
    "summary": "Asap tebal dari lantai dua",
    "caller_name": "",
    "access_notes": "Lewat lorong sebelah masjid",
    "people": [],
}


class LinkCall(Command, frozen=True):
    """Which incident the call is, or is not, about."""

    incident_id: IncidentId


class WardFinder(Protocol):
    """The gazetteer, as far as incidents ask it."""

    def at(self, lat: float, lon: float) -> Any:
        """What lies at a point; has ``ward_code``, None at sea."""


def pack_of(request: Request) -> CityPack:
    """The city's pack."""
    return cast("CityPack", request.app.state.pack)


def ward_of(request: Request, place: Place) -> str | None:
    """The ward's code as sent, else by the point; None at sea."""
    if place.ward_code is not None:
        return place.ward_code
    finder = cast("WardFinder", request.app.state.gazetteer)
    code: str | None = finder.at(place.lat, place.lon).ward_code
    return code


def keep_place(log: Log, place: Place) -> PersonalId:
    """Keeps where it is, erasable; without the ward, which is no secret."""
    body = msgspec.to_builtins(place)
    del body["ward_code"]
    return log.personal("place", body)


def keep_report(log: Log, report: Report) -> PersonalId:
    """Keeps what the caller said, erasable."""
    return log.personal("report", msgspec.to_builtins(report))


def keep_text(log: Log, kind: str, text: str) -> PersonalId:
    """Keeps free text, erasable."""
    return log.personal(kind, {"text": text})


def stream_of(request: Request) -> StreamId:
    """The incident that the address names."""
    return StreamId("incident", request.path_params["incident_id"])


async def known(log: Log, stream: StreamId) -> Incident:
    """The incident as it stands.

    Raises:
        Refused: there is none.
    """
    incident = INCIDENT.state(await log.read(stream))
    if not incident.exists:
        raise Refused(Refusal.INCIDENT_UNKNOWN, incident=stream.key)
    return incident


@routes.post(
    "/api/incidents",
    OpenIncident,
    roles=REPORTERS,
    example={
        "call_id": None,
        "category": "structure-fire",
        "priority": 1,
        "place": EXAMPLE_PLACE,
        "injured": 2,
        "hazards": ["live-wire"],
        "report": EXAMPLE_REPORT,
    },
    answer={"seq": 117, "incident_id": "01KAQ…", "number": "AMB-20261123-0042"},
)
async def open_incident(request: Request, body: OpenIncident) -> dict[str, Any]:
    """Open an incident, from a call or without one."""
    pack = pack_of(request)
    check_against(pack, category=body.category, place=body.place, hazards=body.hazards)
    ward_code = ward_of(request, body.place)
    card = pack.run_card(body.category, body.priority)
    incident_id = IncidentId(new_id())
    async with writing(request) as log:
        if log.answered is None:
            if body.call_id is not None and not await call_known(log, body.call_id):
                raise Refused(Refusal.CALL_UNKNOWN, call=body.call_id)
            await check_reporter(log, who(request), body.call_id)
            today = log.now.astimezone(ZoneInfo(pack.city.zone)).date()
            number = next_number(pack.city.incident_prefix, today, await last_number(log))
            command = Open(
                number=number,
                category=body.category,
                priority=body.priority,
                place=keep_place(log, body.place),
                ward_code=ward_code,
                injured=body.injured,
                hazards=body.hazards,
                report=keep_report(log, body.report),
                notify=card.notify,
            )
            await log.append(StreamId("incident", incident_id), decide(command, Incident()))
            if body.call_id is not None:
                await log.append(
                    StreamId("call", body.call_id), [CallLinked(incident_id=incident_id)]
                )
            log.answer |= {"incident_id": incident_id, "number": number}
    return answered(log)


@routes.post(
    "/api/incidents/{incident_id}/amend",
    AmendIncident,
    roles=REPORTERS,
    example={"priority": 2, "injured": 3},
    answer={"seq": 118},
)
async def amend_incident(request: Request, body: AmendIncident) -> dict[str, Any]:
    """Change what is known of an incident; fields left out stay."""
    pack = pack_of(request)
    check_against(pack, category=body.category, place=body.place, hazards=body.hazards)
    ward_code: str | UnsetType | None = UNSET
    if not isinstance(body.place, UnsetType):
        ward_code = ward_of(request, body.place)
    stream = stream_of(request)
    async with writing(request) as log:
        if log.answered is None:
            incident = await known(log, stream)
            await check_amender(log, stream, who(request))
            if incident.closed:
                raise Refused(Refusal.INCIDENT_CLOSED, incident=stream.key)
            command = Amend(
                category=body.category,
                priority=body.priority,
                place=UNSET if isinstance(body.place, UnsetType) else keep_place(log, body.place),
                ward_code=ward_code,
                injured=body.injured,
                hazards=body.hazards,
                report=UNSET
                if isinstance(body.report, UnsetType)
                else keep_report(log, body.report),
                notify=notified(pack, body, incident),
            )
            await log.append(stream, decide(command, incident))
    return answered(log)


def notified(
    pack: CityPack, body: AmendIncident, incident: Incident
) -> tuple[str, ...] | UnsetType:
    """Whom the run card tells after a change; unset, if the pack no longer has the old category."""
    try:
        return pack.run_card(
            set_or(body.category, incident.category), set_or(body.priority, incident.priority)
        ).notify
    except KeyError:
        return UNSET


@routes.post(
    "/api/incidents/{incident_id}/note",
    WriteNote,
    roles=WRITERS,
    example={"text": "Akses dari arah pantai"},
    answer={"seq": 119},
)
async def note_incident(request: Request, body: WriteNote) -> dict[str, Any]:
    """Write a note; crews and agency desks on what their own units or agency have to do with."""
    stream = stream_of(request)
    async with writing(request) as log:
        if log.answered is None:
            incident = await known(log, stream)
            await check_writer(log, stream, who(request), pack_of(request))
            note = AddNote(note=keep_text(log, "note", body.text))
            await log.append(stream, decide(note, incident))
    return answered(log)


async def check_reporter(log: Log, person: SignedOn, call_id: str | None) -> None:
    """Lets the room pass, and a desk that has or had the call.

    Raises:
        Refused: somebody else's call, or none.
    """
    if set(person.roles) & set(ROOM):
        return
    if call_id is None or not await call_had_by(log, call_id, person.operator_id):
        raise Refused(Refusal.NOT_ALLOWED, call=call_id or "")


async def check_amender(log: Log, stream: StreamId, person: SignedOn) -> None:
    """Lets the room pass, and a desk that opened the incident.  Raises Refused."""
    if set(person.roles) & set(ROOM):
        return
    row = await log.row(INCIDENTS, stream.key)
    if not isinstance(row, IncidentRow) or row.opened_by != person.operator_id:
        raise Refused(Refusal.NOT_ALLOWED, incident=stream.key)


async def check_writer(log: Log, stream: StreamId, person: SignedOn, pack: CityPack) -> None:
    """Lets the room pass, a desk whose agency is told or sent or that opened the incident, and a
    crew that is or was there.

    Raises:
        Refused: another agency's incident, or a crew of another unit or of none.
    """
    if set(person.roles) & set(ROOM):
        return
    row = await log.row(INCIDENTS, stream.key)
    assert isinstance(row, IncidentRow)
    if Role.AGENCY_DESK in person.roles and row.opened_by == person.operator_id:
        return
    present = {unit.unit_id for unit in row.units}
    if Role.AGENCY_DESK in person.roles:
        sent = {unit.unit_id for unit in pack.units if unit.agency_id == person.agency_id}
        if person.agency_id in row.notify or present & sent:
            return
    if not await units_of(log, person.operator_id) & present:
        desk = Role.CREW not in person.roles
        code = Refusal.NOT_ALLOWED if desk else Refusal.CREW_NOT_SIGNED_ON
        raise Refused(code, incident=stream.key)


@routes.post(
    "/api/incidents/{incident_id}/close",
    CloseIncident,
    roles=ROOM,
    example={"disposition": "handled", "remarks": ""},
    answer={"seq": 130},
)
async def close_incident(request: Request, body: CloseIncident) -> dict[str, Any]:
    """Close an incident whose units are all released, with how it ended."""
    check_against(pack_of(request), disposition=body.disposition)
    stream = stream_of(request)
    async with writing(request) as log:
        if log.answered is None:
            incident = await known(log, stream)
            row = await log.row(INCIDENTS, stream.key)
            assert isinstance(row, IncidentRow)
            unreleased = tuple(one.unit_id for one in row.units if one.released_at is None)
            command = Close(disposition=body.disposition, remarks=None, unreleased=unreleased)
            await record(log, stream, command, incident, remarks=body.remarks)
    return answered(log)


async def record(
    log: Log, stream: StreamId, command: Close, incident: Incident, *, remarks: str
) -> None:
    """Closes; the remarks are kept only if there is something to record."""
    if decide(command, incident) and remarks:
        command = msgspec.structs.replace(command, remarks=keep_text(log, "remarks", remarks))
    await log.append(stream, decide(command, incident))


@routes.post(
    "/api/incidents/{incident_id}/reopen",
    ReopenIncident,
    roles=(Role.DISPATCHER, Role.SUPERVISOR),
    example={"reason": "Api menyala lagi"},
    answer={"seq": 131},
)
async def reopen_incident(request: Request, body: ReopenIncident) -> dict[str, Any]:
    """Take a closed incident up again, and say why; the reason stands among its notes."""
    stream = stream_of(request)
    async with writing(request) as log:
        if log.answered is None:
            incident = await known(log, stream)
            if incident.closed:
                command = Reopen(reason=keep_text(log, "reason", body.reason))
                await log.append(stream, decide(command, incident))
    return answered(log)


@routes.post(
    "/api/calls/{call_id}/link",
    LinkCall,
    roles=REPORTERS,
    example={"incident_id": "01KAQ…"},
    answer={"seq": 132},
)
async def link_call(request: Request, body: LinkCall) -> dict[str, Any]:
    """The call is about this incident, beside those it is linked to already."""
    return await linked(request, body.incident_id, to_be=True)


@routes.post(
    "/api/calls/{call_id}/unlink",
    LinkCall,
    roles=ROOM,
    example={"incident_id": "01KAQ…"},
    answer={"seq": 133},
)
async def unlink_call(request: Request, body: LinkCall) -> dict[str, Any]:
    """The call is not about this incident after all."""
    return await linked(request, body.incident_id, to_be=False)


async def linked(request: Request, incident_id: IncidentId, *, to_be: bool) -> dict[str, Any]:
    """Links or unlinks; records nothing if it is so already."""
    call_id = request.path_params["call_id"]
    async with writing(request) as log:
        if log.answered is None:
            if not await call_known(log, call_id):
                raise Refused(Refusal.CALL_UNKNOWN, call=call_id)
            row = await log.row(INCIDENTS, incident_id)
            if not isinstance(row, IncidentRow):
                raise Refused(Refusal.INCIDENT_UNKNOWN, incident=incident_id)
            await check_reporter(log, who(request), call_id)
            await check_writer(
                log, StreamId("incident", incident_id), who(request), pack_of(request)
            )
            if (call_id in row.call_ids) is not to_be:
                event = CallLinked if to_be else CallUnlinked
                await log.append(StreamId("call", call_id), [event(incident_id=incident_id)])
    return answered(log)
