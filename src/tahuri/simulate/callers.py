"""Callers: each places a real SIP call, waits in the queue, tells the story, hangs up."""

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any

import structlog

from tahuri.simulate.desk import Desk, number_of
from tahuri.simulate.line import Line
from tahuri.simulate.stories import Attempt, Located, Story
from tahuri.simulate.voice import Voice
from tahuri.telephony.sip.phone import CallFailed

BREATH_S = 1.2
"""Quiet of the far side before the caller goes on."""
LISTEN_S = 9.0
CALL_S_MAX = 240.0
CALLERS_MAX = 20
TELLING_S = 4.0
ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
NO_NUMBER = "<sip:unavailable@unknown.invalid>"
UNHEARD = frozenset({"gave-up-waiting", "not-accepted"})
"""Ends of an attempt after which the caller may ring again."""

log = structlog.get_logger()

PIDF = """<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"
 xmlns:gs="http://www.opengis.net/pidflo/1.0" xmlns:gml="http://www.opengis.net/gml"
 entity="pres:caller@city.invalid"><tuple id="a"><status><gp:geopriv><gp:location-info>
<gs:Circle srsName="urn:ogc:def:crs:EPSG::4326"><gml:pos>{lat} {lon}</gml:pos>
<gs:radius uom="urn:ogc:def:uom:EPSG::9001">{radius}</gs:radius></gs:Circle>
</gp:location-info><gp:usage-rules/><gp:method>Cell</gp:method></gp:geopriv></status></tuple>
</presence>"""


def located_body(place: Located, session: bytes) -> tuple[str, bytes]:
    """(content type, body): the offer and the place, by value (RFC 6442)."""
    boundary = f"b{secrets.token_hex(8)}"
    document = PIDF.format(lat=place.lat, lon=place.lon, radius=place.uncertainty_m)
    parts = (
        ("application/sdp", "", session),
        ("application/pidf+xml", "Content-ID: <place@city.invalid>\r\n", document.encode()),
    )
    whole = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\n{extra}\r\n".encode() + content + b"\r\n"
        for kind, extra, content in parts
    )
    return f"multipart/mixed;boundary={boundary}", whole + f"--{boundary}--\r\n".encode()


class Callers:
    """Makes the calls of a stream of stories.

    Args:
        room: an operator who sees the calls, so that a caller knows that it was answered.
    """

    def __init__(self, sip: str, number: str, voice: Voice, room: Desk) -> None:
        self.stories: dict[str, Story] = {}
        """Caller's number → the story that is being told."""
        self.without_number: Story | None = None
        """The latest story of a phone without a number."""
        self._sip = sip
        self._number = number
        self._voice = voice
        self._room = room
        self._lines = asyncio.Semaphore(CALLERS_MAX)

    async def run(self, stream: Iterator[Story]) -> None:
        """Tells story after story, each at its time, for ever."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.TaskGroup() as group:
            for story in stream:
                await asyncio.sleep(max(0.0, start + story.at_s - loop.time()))
                group.create_task(self._tell(story))

    async def _tell(self, story: Story) -> None:
        async with self._lines:
            outcome = "no-attempt"
            for attempt in story.attempts:
                await asyncio.sleep(attempt.after_s)
                try:
                    outcome = await self._attempt(story, attempt)
                except (CallFailed, TimeoutError, OSError) as error:
                    log.info("call was not accepted", story=story.story_id, reason=str(error))
                    outcome = "not-accepted"
                if outcome not in UNHEARD:
                    break
            log.info("story", story=story.story_id, kind=story.kind, outcome=outcome)

    async def _attempt(self, story: Story, attempt: Attempt) -> str:
        line = Line()
        await line.start()
        if story.number_status == "none":
            self.without_number = story
        else:
            self.stories[story.number] = story
        try:
            body = located_body(story.located, line.offered) if story.located else None
            call = await line.dial(
                self._sip, self._number, _from(story), body=body, headers=_headers(story)
            )
            ended = asyncio.create_task(call.wait_ended(CALL_S_MAX + attempt.patience_s))
            told = asyncio.create_task(self._converse(line, story, attempt))
            await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
            outcome = "centre-hung-up" if ended.done() else told.result()
            for task in (ended, told):
                task.cancel()
            await asyncio.gather(ended, told, return_exceptions=True)
            return outcome
        finally:
            await line.stop()

    async def _converse(self, line: Line, story: Story, attempt: Attempt) -> str:
        if not await self._answered(story, attempt.patience_s):
            return "gave-up-waiting"
        if attempt.stay_s is not None:
            await asyncio.sleep(attempt.stay_s)
            return "hung-up-early"
        for text in (story.hello, *story.lines, *story.replies[:1], story.closing):
            await line.quiet(BREATH_S, LISTEN_S)
            line.say(await self._voice.say(text, story.voice))
            await line.said()
            await asyncio.sleep(BREATH_S)
        await line.quiet(TELLING_S, LISTEN_S)
        return "told"

    async def _answered(self, story: Story, patience_s: float) -> bool:
        """Whether somebody answers in time."""

        def seen() -> dict[str, Any] | None:
            calls = [call for call in self._room.of("call") if call["state"] == "answered"]
            return next((call for call in calls if number_of(call) == story.number), None)

        if story.number_status != "none":
            return await self._room.until(seen, patience_s) is not None

        def somebody() -> dict[str, Any] | None:
            calls = [call for call in self._room.of("call") if call["state"] == "answered"]
            return next((call for call in calls if number_of(call) is None), None)

        return await self._room.until(somebody, patience_s) is not None


def _from(story: Story) -> str:
    if story.number_status == "present":
        return f"<sip:{story.number}@127.0.0.1>"
    return ANONYMOUS if story.number_status == "withheld" else NO_NUMBER


def _headers(story: Story) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    if story.number_status != "none":
        found.append(("p-asserted-identity", f"<sip:{story.number}@127.0.0.1>"))
    if story.number_status == "withheld":
        found.append(("privacy", "id"))  # the network tells 112 all the same
    if story.located is not None:
        found.append(("geolocation", "<cid:place@city.invalid>"))
        found.append(("geolocation-routing", "yes"))
    return tuple(found)
