"""The only door to telephony: takes the switch's facts into the log, sends it commands.

The switch answers calls without us.  What it spooled while the log was away is taken over later,
in order and once: its event ids are our command keys.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

import msgspec
import psycopg
import structlog

from tahuri.calls import precedence
from tahuri.calls.events import (
    CallArrived,
    CallBackBegun,
    FactUnreadable,
    RecordingClosed,
    RecordingStarted,
)
from tahuri.calls.nodes import queue_of
from tahuri.calls.precedence import Precedences
from tahuri.calls.recordings import CHECK
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.digest import canonical
from tahuri.kernel.event import Event, StreamId, loaded
from tahuri.kernel.jobs import defer
from tahuri.kernel.log import COMMAND_CHARS_MAX, Log, Writing, writing
from tahuri.kernel.refusal import Invalid, Refused, Unavailable
from tahuri.kernel.view import View
from tahuri.refusals import Refusal
from tahuri.telephony import rpc
from tahuri.telephony.protocol.facts import Fact
from tahuri.telephony.protocol.snapshot import Snapshot

FACTS_MAX = 200
WAIT_S = 10.0
RETRY_S = 0.5
COMMAND_TIMEOUT_S = 5.0
ADVICE_S = 1.0
TRIES_MAX = 3
"""Then a fact that the log cannot record is kept whole instead: those behind it must not wait."""
UNREADABLE = StreamId("switch", "unreadable")
NO_FACT = "unreadable"
"""The type of what has not even a fact's shape."""
FRESH = timedelta(minutes=1)
"""An older arrival was taken over late; its caller no longer waits."""

Follower = Callable[[Log, StreamId, Event, datetime], Awaitable[None]]
"""(open write, stream, event, when) → appends what a fact of the switch means elsewhere."""

log = structlog.get_logger()


def event_of(fact: Fact, personal_ids: Mapping[str, str]) -> Event:
    """The event that a spooled fact stands for.

    Raises:
        ValueError: this version knows no such event, or not this body.
    """
    return loaded(fact.type, {**fact.body, **personal_ids})


def fact_from(raw: object, now: datetime) -> Fact:
    """The spooled fact; one that is none is put whole into the personal part of an unknown one.

    Args:
        now: stands for its time where that cannot be read, UTC.
    """
    kept = _storable(raw)
    try:
        fact = msgspec.convert(kept, Fact)
        StreamId.parse(fact.stream)
        fact.at.astimezone(UTC)
        if not 0 < len(fact.id) <= COMMAND_CHARS_MAX:
            raise ValueError("an id that is no command key")
    except (ValueError, OverflowError):  # the latter: a moment before the year 1, or after 9999
        return Fact(
            id=sha256(canonical(kept)).hexdigest(),
            at=now,
            stream=str(UNREADABLE),
            type=NO_FACT,
            body={},
            personal={"content": {"raw": kept}},
            actor="switch",
        )
    return fact


def _storable(value: object) -> object:
    """Without U+0000, which a caller may send and no text in PostgreSQL can hold."""
    match value:
        case str():
            return value.replace("\0", "\ufffd")
        case dict():
            return {str(_storable(name)): _storable(inner) for name, inner in value.items()}
        case list():
            return [_storable(inner) for inner in value]
        case _:
            return value


async def take_over(
    open_log: Log, fact: Fact, followers: Sequence[Follower] = (), position: int = 0
) -> None:
    """One spooled fact into the log; what cannot be read is kept whole, never dropped.

    Args:
        followers: told in the same write, so that what follows is recorded with it or not at all.
        position: in the switch's spool.
    """
    at = fact.at.astimezone(UTC)
    stream = StreamId.parse(fact.stream)
    try:
        event_of(fact, dict.fromkeys(fact.personal, ""))
    except ValueError as error:
        log.error("spooled fact cannot be read", type=fact.type, error=str(error))
        whole = cast("dict[str, Any]", msgspec.to_builtins(fact))
        content = open_log.personal("unreadable", whole)
        event: Event = FactUnreadable(
            event_type=fact.type,
            content=content,
            position=position,
            reason="no-fact" if fact.type == NO_FACT else "unknown",
        )
    else:
        personal = {name: open_log.personal(name, body) for name, body in fact.personal.items()}
        event = event_of(fact, personal)
    await open_log.append(stream, [event], at=at, actor=fact.actor)
    if isinstance(event, RecordingClosed):
        await _check_later(open_log, stream, event)
    await _tell(followers, open_log, stream, event, at)


async def _tell(
    followers: Sequence[Follower], open_log: Log, stream: StreamId, event: Event, at: datetime
) -> None:
    for follow in followers:
        try:
            await follow(open_log, stream, event, at)
        except (psycopg.Error, Unavailable):
            raise
        except Exception:  # a bug there must not keep every later fact out of the log
            log.exception("what follows from a fact could not be told", type=type(event).__name__)


async def _check_later(open_log: Log, stream: StreamId, closed: RecordingClosed) -> None:
    """Where the file is: at the node that has the call."""
    events = [fact.event for fact in await open_log.read(stream)]
    begun = (one for one in events if isinstance(one, CallArrived | CallBackBegun))
    node = next((one.node for one in begun), "")
    started = [
        one
        for one in events
        if isinstance(one, RecordingStarted) and one.recording_id == closed.recording_id
    ]
    for recording in started:
        await defer(
            open_log,
            CHECK,
            queue_of(node),
            call_id=stream.key,
            recording_id=closed.recording_id,
            path=recording.path,
            sha256=closed.sha256,
        )


class Switchboard:
    """A connection to the switch that is made again for ever."""

    def __init__(
        self,
        socket: str,
        db: Database,
        views: Sequence[View],
        followers: Sequence[Follower] = (),
        precedences: Precedences = Precedences(),  # noqa: B008
    ) -> None:
        self.db = db
        self.views = views
        self.followers = followers
        self.client = rpc.Client(socket)
        self.precedences = precedences
        self.behind = 0
        """Facts that the switch holds and the log has not taken, as last seen."""
        self._failed: tuple[str, int] = ("", 0)
        """The fact that could not be recorded, and how often."""

    async def run(self) -> None:
        """Takes facts over for ever."""
        self.client.start()
        try:
            while True:
                try:
                    await self._round()
                except rpc.Unavailable:
                    await asyncio.sleep(RETRY_S)
                except Unavailable:
                    log.warning("the log is away; the switch keeps its facts", behind=self.behind)
                    await asyncio.sleep(RETRY_S)
                except Exception:
                    log.exception("taking facts over failed")
                    await asyncio.sleep(RETRY_S)
        finally:
            await self.client.close()

    async def _round(self) -> None:
        answer = await self.client.call(
            "facts", timeout_s=WAIT_S + COMMAND_TIMEOUT_S, after=0, limit=FACTS_MAX, wait_s=WAIT_S
        )
        found = cast("dict[str, Any]", answer)
        end = int(found["end"])
        self.behind = end - int(found["facts"][0][0]) + 1 if found["facts"] else 0
        for position, raw in found["facts"]:
            fact = fact_from(raw, clock.now())
            write = Writing(actor=fact.actor, command=fact.id, now=clock.now())
            await self._record(fact, write, int(position))
            await self.client.call("facts_done", upto=position)
            self.behind = end - int(position)
            if fact.type == "calls.call-arrived" and clock.now() - fact.at < FRESH:
                await self._advise(StreamId.parse(fact.stream).key)

    async def _record(self, fact: Fact, write: Writing, position: int) -> None:
        """Raises whatever kept the fact out, until it has been tried `TRIES_MAX` times."""
        try:
            async with writing(self.db, self.views, write) as open_log:
                if open_log.answered is None:
                    await take_over(open_log, fact, self.followers, position)
        except Unavailable:
            raise
        except Exception:
            known, tries = self._failed
            self._failed = (fact.id, tries + 1 if known == fact.id else 1)
            if self._failed[1] < TRIES_MAX:
                raise
            log.exception("a fact cannot be recorded; it is kept whole", type=fact.type)
            await self._keep_whole(fact, position)

    async def _keep_whole(self, fact: Fact, position: int) -> None:
        """Record that it is there, under a key of its own: the fact's may be what is wrong."""
        raw = json.dumps(msgspec.to_builtins(fact))
        write = Writing(actor="switch", command=sha256(raw.encode()).hexdigest(), now=clock.now())
        async with writing(self.db, self.views, write) as open_log:
            if open_log.answered is not None:
                return
            event = FactUnreadable(
                event_type=fact.type,
                content=open_log.personal("unreadable", {"raw": raw}),
                position=position,
                reason="not-recorded",
            )
            await open_log.append(UNREADABLE, [event], at=fact.at, actor=fact.actor)
            await _tell(self.followers, open_log, UNREADABLE, event, fact.at)

    async def _advise(self, call_id: str) -> None:
        """Who goes first is worth a second, and never a fact."""
        try:
            async with asyncio.timeout(ADVICE_S):
                found = await precedence.advised(self.db, call_id, clock.now(), self.precedences)
                if found is not None:
                    await self.command(
                        "set_precedence", call_id=call_id, precedence=found[0], reason=found[1]
                    )
        except Refused:
            pass  # it waits no longer
        except (TimeoutError, Unavailable, Invalid):
            log.warning("a call's precedence could not be told", call_id=call_id)

    async def state(self) -> Snapshot:
        """Seats, queue, live calls and alarms, as the switch sees them now."""
        return msgspec.convert(await self.command("state"), Snapshot)

    async def command(self, op: str, **arguments: object) -> Any:
        """Asks the switch to do something at once.

        Raises:
            Refused: the switch said no; its code.
            Invalid: the switch does not understand an argument.
            Unavailable: the switch is down.
        """
        try:
            return await self.client.call(op, timeout_s=COMMAND_TIMEOUT_S, **arguments)
        except rpc.Failure as failure:
            if failure.code == "bad-request":
                raise Invalid.of({"": failure.detail}) from failure
            try:
                code = Refusal(failure.code)
            except ValueError:
                raise Unavailable("switch", str(failure)) from failure
            raise Refused(code, detail=failure.detail) from failure
        except rpc.Unavailable as error:
            raise Unavailable("switch", str(error)) from error
