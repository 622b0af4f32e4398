"""Calls that end in vain open items, in the very write that takes their last fact over.

The switch goes on without us; whenever its facts come, the item comes with them, exactly once.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from msgspec import Struct

from tahuri.callbacks import queries
from tahuri.callbacks.deadlines import ATTEMPT_MAX, OVERDUE, UNENDED, overdue_key, unended_key
from tahuri.callbacks.decider import (
    ITEM,
    AnsweredLater,
    BeginAttempt,
    EndAttempt,
    ItemCommand,
    Owe,
    decide,
)
from tahuri.callbacks.events import AttemptEnded, CallAttached, Cause, ItemOpened
from tahuri.callbacks.messages import SEND
from tahuri.callbacks.risk import is_night
from tahuri.calls.events import CallAnswered, CallEnded, CallPlaced, GhostEnded
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.geo import distance_m
from tahuri.kernel.ids import CallId, IncidentId
from tahuri.kernel.jobs import defer
from tahuri.kernel.log import Log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Refused
from tahuri.numbers import NumberPlan

NEAR_M = 500.0
_DIALABLE = re.compile(r"^\+?[0-9*#]{2,20}$")

Follower = Callable[[Log, StreamId, Event, datetime], Awaitable[None]]
"""(open write, stream, event, when) → appends what follows from a fact of the switch."""

log_lines = structlog.get_logger()


class Rules(Struct, frozen=True):
    """What the city has set."""

    zone: str = "UTC"
    due_s: int = 180
    """Within so many seconds somebody should have been called back."""
    messages: bool = False
    """Whether a gateway for messages is configured."""
    plan: NumberPlan = NumberPlan()
    """How two spellings of a number are known to be one."""


def follower(rules: Rules) -> Follower:
    """What calls mean for call-backs."""

    async def follow(log: Log, stream: StreamId, event: Event, at: datetime) -> None:
        match event:
            case CallPlaced(callback_id=callback_id):
                begin = BeginAttempt(
                    call_id=CallId(stream.key),
                    seat_id=event.seat_id,
                    operator_id=event.operator_id,
                    automatic=event.automatic,
                )
                if await _tell(log, callback_id, begin, at, event.operator_id):
                    key = unended_key(callback_id, stream.key)
                    body = {"callback_id": callback_id, "call_id": stream.key}
                    await log.deadline(key, at + ATTEMPT_MAX, UNENDED, body)
                await log.forget_deadline(overdue_key(callback_id))
            case CallAnswered():
                call = await queries.call_of(log, stream.key)
                if call is not None and call.get("direction", "in") == "in" and not call["test"]:
                    await _answered(log, rules, stream.key, call, at)
            case GhostEnded(call_back=True):
                call = await queries.call_of(log, stream.key)
                await owe(log, rules, stream.key, call, Cause.SILENT, at)
            case CallEnded(outcome="tested"):
                pass  # nobody was there, however it ended
            case CallEnded():
                call = await queries.call_of(log, stream.key)
                if call is not None and call.get("direction") == "out":
                    await _attempt_over(log, rules, stream.key, call, event, at)
                elif event.outcome == "abandoned" or event.by == "failure":
                    failed = event.by == "failure"
                    cause = Cause.FAILURE if failed else Cause.HUNG_UP
                    await owe(log, rules, stream.key, call, cause, at)
            case _:
                pass

    return follow


async def owe(
    log: Log, rules: Rules, call_id: str, call: dict[str, Any] | None, cause: Cause, at: datetime
) -> str | None:
    """Opens the caller's item, or attaches the call to the one that is open.

    Args:
        call: its row; None when the log knows nothing but its end.
        at: when they were gone.

    Returns:
        The item's id; None for a test call.
    """
    known = call or {}
    if known.get("test"):
        return None
    number = (await queries.personal_of(log, known.get("caller"))).get("number")
    callback_id = await queries.open_item_of(log, number, rules.plan)
    state = ITEM.state(await log.read(StreamId("callback", callback_id or call_id)))
    if callback_id is None:
        callback_id = new_id() if state.closed is not None else call_id
        state = ITEM.state(await log.read(StreamId("callback", callback_id)))
    arrived = known.get("arrived_at")
    until = known.get("answered_at")
    waited = (queries.moment(until) if until else at) - (queries.moment(arrived) if arrived else at)
    command = Owe(
        call_id=CallId(call_id),
        cause=cause,
        number_status=known.get("number_status", "none"),
        dialable=number is not None and _DIALABLE.match(number) is not None,
        caller=known.get("caller"),
        location=known.get("location"),
        waited_s=round(max(0.0, waited.total_seconds()), 1),
        keys=len(known.get("keys", "")),
        near=await _near(log, rules, known, number),
        night=is_night(at.astimezone(ZoneInfo(rules.zone)).hour),
    )
    events = decide(command, state)
    await log.append(StreamId("callback", callback_id), events, at=at)
    if any(isinstance(event, ItemOpened) for event in events):
        due_at = at + timedelta(seconds=rules.due_s)
        body = {"callback_id": callback_id, "due_s": rules.due_s}
        await log.deadline(overdue_key(callback_id), due_at, OVERDUE, body)
    return callback_id


async def _near(
    log: Log, rules: Rules, call: dict[str, Any], number: str | None
) -> IncidentId | None:
    """An open incident of the same number, or the nearest within NEAR_M of the network's place."""
    same = await queries.incident_of_number(log, number, rules.plan)
    if same is not None or call.get("location") is None:
        return IncidentId(same) if same else None
    here = await queries.personal_of(log, call["location"])
    found: list[tuple[float, str]] = []
    for incident_id, place in await queries.open_places(log):
        try:
            away_m = distance_m((here["lon"], here["lat"]), (place["lon"], place["lat"]))
        except (KeyError, ValueError, TypeError, OverflowError):
            continue  # a network may tell a place that is none
        if away_m <= NEAR_M:
            found.append((away_m, incident_id))
    return IncidentId(min(found)[1]) if found else None


async def _answered(
    log: Log, rules: Rules, call_id: str, call: dict[str, Any], at: datetime
) -> None:
    number = (await queries.personal_of(log, call["caller"])).get("number")
    callback_id = await queries.open_item_of(log, number, rules.plan)
    if callback_id is None:
        return
    facts = await log.read(StreamId("callback", callback_id))
    if any(fact.at > at for fact in facts if isinstance(fact.event, ItemOpened | CallAttached)):
        return  # told late by a node that was cut off: the caller was lost after it
    await _tell(log, callback_id, AnsweredLater(call_id=CallId(call_id)), at, None)
    await log.forget_deadline(overdue_key(callback_id))


async def _attempt_over(
    log: Log, rules: Rules, call_id: str, call: dict[str, Any], event: CallEnded, at: datetime
) -> None:
    result = event.reason or "failed"
    if event.outcome == "answered":
        result = "reached"
    elif event.by == "seat":
        result = "given-up"
    callback_id = str(call["callback_id"])
    command = EndAttempt(call_id=CallId(call_id), result=result, status=event.status)
    told = await _tell(log, callback_id, command, at, None)
    await log.forget_deadline(unended_key(callback_id, call_id))
    failed = any(isinstance(one, AttemptEnded) for one in told) and result != "reached"
    if failed and rules.messages and result != "given-up":
        await defer(log, SEND, callback_id=callback_id)


async def _tell(
    log: Log, callback_id: str, command: ItemCommand, at: datetime, actor: str | None
) -> list[Event]:
    """Appends what the command means; nothing where there is no such item."""
    stream = StreamId("callback", callback_id)
    try:
        events = decide(command, ITEM.state(await log.read(stream)))
    except Refused as refused:
        log_lines.warning("call-back without an item", code=str(refused.code))
        return []
    await log.append(stream, events, at=at, actor=actor)
    return list(events)
