"""The far end of the demo's trunk: whom the centre calls back, their phone rings here."""

import asyncio
from typing import Protocol

import structlog

from tahuri.simulate.line import Line, Samples
from tahuri.simulate.stories import Story
from tahuri.telephony.sip.grammar import BadValue, parse_uri
from tahuri.telephony.sip.phone import Phone, PhoneCall

RING_S = 3.0
BREATH_S = 1.2
LISTEN_S = 9.0
RINGS_S_MAX = 60.0
CALLS_MAX = 20
BUSY_DIGITS = "05"
"""Numbers that end so are busy: somebody else must be tried first."""

log = structlog.get_logger()


class Speaker(Protocol):
    """Speaks."""

    async def say(self, text: str, voice: str) -> Samples:
        """The text as sound, 8 kHz."""


def answer_of(story: Story | None, number: str) -> int:
    """What the phone does: 200 (is picked up), 180 (rings on), or a refusal.  Pure."""
    if story is None:
        return 404
    if story.kind == "prank":
        return 603
    if number[-1:] in BUSY_DIGITS:
        return 486
    return 180 if story.kind == "ghost" else 200


class Town:
    """Picks up for the callers of a stream of stories.

    Args:
        stories: number → what its owner told, or would have told.
    """

    def __init__(self, stories: dict[str, Story], voice: Speaker) -> None:
        self._stories = stories
        self._voice = voice
        self._calls: asyncio.Queue[PhoneCall] = asyncio.Queue(CALLS_MAX)
        self._phone = Phone(None, self._rings)
        self._closing: set[asyncio.Task[None]] = set()
        self.listens = asyncio.Event()
        """Set when calls can come."""

    @property
    def port(self) -> int:
        """Where the trunk takes calls."""
        return self._phone.agent.identity.udp_port

    async def run(self, udp_port: int) -> None:
        """Until it is cancelled.

        Raises:
            OSError: the port is taken.
        """
        try:
            await self._phone.start(user="town", udp_port=udp_port)
            self.listens.set()
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(self._take(await self._calls.get()))
        finally:
            await asyncio.gather(*self._closing, return_exceptions=True)
            await self._phone.stop()

    def _rings(self, call: PhoneCall) -> None:
        try:
            self._calls.put_nowait(call)
        except asyncio.QueueFull:
            call.reject(503)

    async def _take(self, call: PhoneCall) -> None:
        number = ""
        if call.request is not None:
            try:
                number = parse_uri(call.request.uri).user
            except BadValue:
                call.reject(404)
                return
        story = self._stories.get(number)
        status = answer_of(story, number)
        if status < 300:
            call.ring()
            wait_s = RING_S if status == 200 else RINGS_S_MAX
            ended = asyncio.create_task(call.wait_ended(wait_s + 1))
            await asyncio.wait([ended], timeout=wait_s)
            gone = ended.done()
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)
            if gone:
                return
        if status != 200 or story is None:
            call.reject(480 if status == 180 else status)
            return
        await self._talk(call, story)

    async def _talk(self, call: PhoneCall, story: Story) -> None:
        line = Line()
        tasks: list[asyncio.Task[object]] = []
        try:
            await line.start()
            line.accept(call)
            tasks += [
                asyncio.create_task(call.wait_ended(RINGS_S_MAX * 4)),
                asyncio.create_task(self._tell(line, story)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            log.info("called back", story=story.story_id, kind=story.kind)
        finally:
            for task in tasks:
                task.cancel()
            # Told to stop in the middle of it, the line is still closed to its end; see `run`.
            closing = asyncio.create_task(line.stop())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    async def _tell(self, line: Line, story: Story) -> None:
        for text in (story.hello, *story.lines, story.closing):
            await line.quiet(BREATH_S, LISTEN_S)
            line.say(await self._voice.say(text, story.voice))
            await line.said()
        await line.quiet(BREATH_S * 3, LISTEN_S)
