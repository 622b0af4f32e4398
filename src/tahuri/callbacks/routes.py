"""Call-backs over HTTP: ask for one, call, say what became of it, prove it."""

from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from tahuri.callbacks import queries
from tahuri.callbacks.automatic import Telephony
from tahuri.callbacks.deadlines import overdue_key
from tahuri.callbacks.decider import ITEM, CloseItem, Item, ReopenItem, decide, not_possible
from tahuri.callbacks.events import Cause, ItemClosed, Outcome
from tahuri.callbacks.opening import Rules, owe
from tahuri.calls.events import CallLinked
from tahuri.kernel import clock
from tahuri.kernel.event import Command, StreamId, stored
from tahuri.kernel.http import Json, Routes, answered, db, who, writing
from tahuri.kernel.ids import CallId, IncidentId
from tahuri.kernel.log import Log
from tahuri.kernel.refusal import Invalid, Refused
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal

ROOM = (Role.CALL_TAKER, Role.DISPATCHER, Role.SUPERVISOR)
TAKERS = (Role.CALL_TAKER, Role.SUPERVISOR)
TEXT_CHARS_MAX = 4_000

Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
NeededText = Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]

routes = Routes("callbacks")


class AskCallBack(Command, frozen=True):
    """The caller of a call asked to be called back."""

    call_id: CallId


class PlaceCallBack(Command, frozen=True):
    """Call from my seat."""

    trunk: Annotated[str, Meta(min_length=1, max_length=80)] | None = None


class CloseCallBack(Command, frozen=True):
    """What became of the caller."""

    outcome: Outcome
    incident_id: IncidentId | None = None
    note: Text = ""


class ReopenCallBack(Command, frozen=True):
    """Why it is not over."""

    reason: NeededText


def rules_of(request: Request) -> Rules:
    """What the city has set."""
    return cast("Rules", request.app.state.call_back_rules)


def switch_of(request: Request) -> Telephony:
    """The door to the switch."""
    return cast("Telephony", request.app.state.switchboard)


def stream_of(request: Request) -> StreamId:
    """The item that the address names."""
    return StreamId("callback", request.path_params["callback_id"])


async def known(log: Log, stream: StreamId) -> Item:
    """The item as it stands.  Raises Refused: there is none."""
    item = ITEM.state(await log.read(stream))
    if not item.exists:
        raise Refused(Refusal.CALLBACK_UNKNOWN, callback=stream.key)
    return item


@routes.post(
    "/api/callbacks",
    AskCallBack,
    roles=ROOM,
    example={"call_id": "01KAQ…"},
    answer={"seq": 140, "callback_id": "01KAQ…"},
)
async def ask_call_back(request: Request, body: AskCallBack) -> dict[str, Any]:
    """The caller asked to be called back: opens their item, or attaches the call to it."""
    async with writing(request) as log:
        if log.answered is None:
            call = await queries.call_of(log, body.call_id)
            if call is None:
                raise Refused(Refusal.CALL_UNKNOWN, call=body.call_id)
            if call.get("direction", "in") != "in":
                raise Invalid.of({"call_id": "a call of ours is a call-back already"})
            if call["test"]:
                raise Invalid.of({"call_id": "a test call is not called back"})
            callback_id = await owe(
                log, rules_of(request), body.call_id, call, Cause.ASKED, log.now
            )
            log.answer |= {"callback_id": callback_id}
    return answered(log)


@routes.post(
    "/api/callbacks/{callback_id}/call",
    PlaceCallBack,
    roles=TAKERS,
    example={"trunk": None},
    answer={"call_id": "01KAQ…"},
)
async def place_call_back(request: Request, body: PlaceCallBack) -> dict[str, Any]:
    """Calls the item's number from my seat; asked again meanwhile it is the same call."""
    callback_id = request.path_params["callback_id"]
    found = await queries.number_of(db(request), callback_id)
    if found is None:
        raise Refused(Refusal.CALLBACK_UNKNOWN, callback=callback_id)
    row, number = found
    if row["state"] != "open":
        raise not_possible("closed")
    if number is None or not row["dialable"]:
        raise not_possible("no-number")
    switch, me = switch_of(request), who(request).operator_id
    seats = [seat for seat in (await switch.state()).seats if seat.operator_id == me]
    if not seats:
        raise Refused(Refusal.SEAT_NOT_SIGNED_ON)
    placed = await switch.command(
        "call_back",
        seat_id=seats[0].seat_id,
        operator_id=me,
        callback_id=callback_id,
        number=number,
        number_status=row["number_status"],
        trunk=body.trunk,
    )
    return {"call_id": placed["call_id"]}


@routes.post(
    "/api/callbacks/{callback_id}/close",
    CloseCallBack,
    roles=ROOM,
    example={"outcome": "reached-no-emergency", "incident_id": None, "note": "Salah pencet"},
    answer={"seq": 141},
)
async def close_call_back(request: Request, body: CloseCallBack) -> dict[str, Any]:
    """Says what became of the caller; an emergency names its incident, which gets the calls."""
    if (body.outcome is Outcome.REACHED_EMERGENCY) != (body.incident_id is not None):
        needed = body.incident_id is None
        text = "needed with this outcome" if needed else "only with reached-emergency"
        raise Invalid.of({"incident_id": text})
    stream = stream_of(request)
    async with writing(request) as log:
        if log.answered is None:
            item = await known(log, stream)
            command = CloseItem(outcome=body.outcome, incident_id=body.incident_id)
            if decide(command, item) and body.note:
                note = log.personal("note", {"text": body.note})
                command = msgspec.structs.replace(command, note=note)
            events = decide(command, item)
            if body.incident_id is not None:
                await _link(log, body.incident_id, item)
            await log.append(stream, events)
            if any(isinstance(event, ItemClosed) for event in events):
                await log.forget_deadline(overdue_key(stream.key))
    return answered(log)


async def _link(log: Log, incident_id: IncidentId, item: Item) -> None:
    """The calls in vain and ours are about this incident, from the first on."""
    linked = await queries.incident_calls(log, incident_id)
    if linked is None:
        raise Refused(Refusal.INCIDENT_UNKNOWN, incident=incident_id)
    for call_id in sorted((item.calls | item.ended) - {CallId(one) for one in linked}):
        if await queries.call_of(log, call_id) is not None:
            await log.append(StreamId("call", call_id), [CallLinked(incident_id=incident_id)])


@routes.post(
    "/api/callbacks/{callback_id}/reopen",
    ReopenCallBack,
    roles=ROOM,
    example={"reason": "Ternyata yang menjawab orang lain"},
    answer={"seq": 142},
)
async def reopen_call_back(request: Request, body: ReopenCallBack) -> dict[str, Any]:
    """Takes a closed item up again, unless the caller has another open one by now."""
    stream = stream_of(request)
    found = await queries.number_of(db(request), stream.key)
    async with writing(request) as log:
        if log.answered is None:
            item = await known(log, stream)
            if item.closed is not None:
                number, plan = found[1] if found else None, rules_of(request).plan
                if await queries.open_item_of(log, number, plan) is not None:
                    raise not_possible("other-open")
                reason = log.personal("reason", {"text": body.reason})
                await log.append(stream, decide(ReopenItem(reason=reason), item))
    return answered(log)


@routes.get("/api/callbacks/{callback_id}/proof.json", roles=ROOM)
async def proof(request: Request) -> Response:
    """The item, its clocks and every fact of it and of its calls, with the chain's digests."""
    callback_id = request.path_params["callback_id"]
    found = await queries.proof_of(db(request), callback_id)
    if found is None:
        raise Refused(Refusal.CALLBACK_UNKNOWN, callback=callback_id)
    row, facts, personal = found
    content = {
        "exported_at": clock.now(),
        "city_id": db(request).city_id,
        "callback": row,
        "clocks": {"call_back_s": row["call_back_s"], "outcome_s": row["outcome_s"]},
        "facts": [
            {
                "seq": fact.seq,
                "stream": str(fact.stream),
                "version": fact.version,
                "type": stored(fact.event)[0],
                "body": stored(fact.event)[1],
                "actor": fact.actor,
                "at": fact.at,
                "recorded_at": fact.recorded_at,
                "command": fact.command,
                "personal": fact.personal,
                "digest": digest,
            }
            for fact, digest in facts
        ],
        "personal": personal,
    }
    name = f"callback-{callback_id}.json"
    return Json(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})
