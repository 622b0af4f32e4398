"""The caller's page over HTTP: what it may know, and what its holder says.

The only requests of strangers.  They tell nothing of the caller but that we know of a call, wait
in a short queue of their own, and close nothing: people in the room do.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace
from starlette.requests import Request

from tahuri.callbacks import queries
from tahuri.callbacks.caller_page import page_of, token_digest
from tahuri.callbacks.decider import ITEM, WORDS_MAX, TellCentre, decide
from tahuri.callbacks.events import CallerWord
from tahuri.callbacks.routes import rules_of
from tahuri.kernel import clock
from tahuri.kernel.event import Command, StreamId
from tahuri.kernel.http import KEY_HEADER, Json, Routes, db, views
from tahuri.kernel.log import Log, Writing, request_digest, writing
from tahuri.kernel.refusal import Invalid, Refused, Unavailable
from tahuri.refusals import Refusal

TEXT_CHARS_MAX = 500
ACTOR = "caller"
"""In facts."""
AGE_S_MAX = 7 * 86_400
AT_ONCE_MAX, WAITING_MAX = 3, 30

routes = Routes("caller-page")


class SayWord(Command, frozen=True):
    """One word of the caller's."""

    word: CallerWord
    text: Annotated[str, Meta(max_length=TEXT_CHARS_MAX)] | None = None
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    accuracy_m: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    age_s: Annotated[float, Meta(ge=0, le=AGE_S_MAX)] = 0.0


class PageState(Struct, frozen=True):
    """What the page may know."""

    state: str
    """``waiting``, ``calling``, ``reached`` or ``closed``."""
    city: str
    number: str
    """The city's emergency number."""
    lost_at: str | None
    """When their last call was lost."""
    now: datetime
    expires_at: datetime
    wish: str | None
    texts: int
    located_at: str | None
    left: int
    """Words that may still be said."""


class Door:
    """Strangers wait for each other, never the room for them."""

    def __init__(self) -> None:
        self._inside = 0
        self._free = asyncio.Semaphore(AT_ONCE_MAX)

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Raises Unavailable: too many at once; the page asks again."""
        if self._inside >= WAITING_MAX:
            raise Unavailable("caller-page", "too many at once")
        self._inside += 1
        try:
            async with self._free:
                yield
        finally:
            self._inside -= 1


def token_of(request: Request) -> str:
    """The token in the header; empty if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def item_of(request: Request) -> tuple[str, datetime]:
    """(item, end of the link).  Raises Refused: the token is unknown, or no longer good."""
    found = await page_of(db(request), token_of(request), clock.now())
    if found is None:
        raise Refused(Refusal.CALLER_PAGE_UNKNOWN)
    return found


@routes.get("/api/caller", roles=None)
async def page_state(request: Request) -> Json:
    """What the page of this link shows; the token comes as ``Authorization: Bearer``."""
    async with request.app.state.caller_door.passed():
        callback_id, expires_at = await item_of(request)
        return Json(await _state(request, callback_id, expires_at))


@routes.post(
    "/api/caller",
    SayWord,
    roles=None,
    any_site=True,
    example={"word": "text", "text": "Di lantai dua, pintu terkunci"},
)
async def say_word(request: Request, body: SayWord) -> PageState:
    """The caller says something; the token comes as ``Authorization: Bearer``."""
    text = _checked(body)
    async with request.app.state.caller_door.passed():
        callback_id, expires_at = await item_of(request)
        digest = token_digest(token_of(request))
        key = request.headers[KEY_HEADER].encode()
        now = clock.now()
        write = Writing(
            actor=ACTOR,
            command=f"caller-{sha256(digest + key).hexdigest()[:48]}",
            now=now,
            request=request_digest(digest, msgspec.json.encode(replace(body, age_s=0.0))),
        )
        async with writing(db(request), views(request), write) as log:
            if log.answered is None:
                callback_id = await _open_item(request, log, callback_id)
                await _say(log, callback_id, body, text, now - timedelta(seconds=body.age_s))
                log.answer["callback_id"] = callback_id
            else:
                callback_id = log.answered["callback_id"]
        return await _state(request, callback_id, expires_at)


async def _open_item(request: Request, log: Log, callback_id: str) -> str:
    """The item itself; where it is closed and the caller has another open one by now, that one."""
    found = await queries.state_of(log, callback_id)
    if found is None:
        raise Refused(Refusal.CALLER_PAGE_UNKNOWN)
    state, number = found
    if state == "open":
        return callback_id
    return await queries.open_item_of(log, number, rules_of(request).plan) or callback_id


async def _say(log: Log, callback_id: str, body: SayWord, text: str, at: datetime) -> None:
    stream = StreamId("callback", callback_id)
    item = ITEM.state(await log.read(stream))
    decide(TellCentre(word=body.word), item)  # refused before anything erasable is kept
    place = {"lat": body.lat, "lon": body.lon, "accuracy_m": body.accuracy_m}
    told = TellCentre(
        word=body.word,
        text=log.personal("caller-text", {"text": text}) if text else None,
        location=log.personal("caller-place", place) if body.lat is not None else None,
    )
    await log.append(stream, decide(told, item), at=at)


def _checked(body: SayWord) -> str:
    """The text, trimmed.  Raises Invalid: a word without what it says, or with what it does not."""
    faults: dict[str, str] = {}
    text = (body.text or "").strip()
    if body.word is CallerWord.TEXT and not text:
        faults["text"] = "needed with the word text"
    if body.word is not CallerWord.TEXT and body.text is not None:
        faults["text"] = "only with the word text"
    for name in ("lat", "lon"):
        given = getattr(body, name) is not None
        if given is not (body.word is CallerWord.LOCATION):
            faults[name] = "only with the word location" if given else "needed with location"
    if body.accuracy_m is not None and body.word is not CallerWord.LOCATION:
        faults["accuracy_m"] = "only with the word location"
    if faults:
        raise Invalid.of(faults)
    return text


async def _state(request: Request, callback_id: str, expires_at: datetime) -> PageState:
    found = await queries.number_of(db(request), callback_id)
    if found is None:
        raise Refused(Refusal.CALLER_PAGE_UNKNOWN)
    row, city = found[0], request.app.state.pack.city
    said: list[dict[str, Any]] = row.get("said", [])
    reached = any(attempt["result"] == "reached" for attempt in row["attempts"])
    state = "reached" if reached else "waiting"
    if row["calling"] is not None:
        state = "calling"
    if row["state"] != "open":
        state = "closed"
    return PageState(
        state=state,
        city=city.name,
        number=city.number,
        lost_at=row["calls"][-1]["at"] if row["calls"] else None,
        now=clock.now(),
        expires_at=expires_at,
        wish=row.get("wish"),
        texts=sum(1 for one in said if one["text"] is not None),
        located_at=next((one["at"] for one in reversed(said) if one["location"]), None),
        left=max(0, WORDS_MAX - len(said)),
    )
