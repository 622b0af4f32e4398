"""Many calls through the real switch and media to SIP seats that answer at once, with sound."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from tests.telephony.media_bench import ADDRESS, Media, until

from bench.cores import Cores, cpu_s, memory_bytes, parted, pin
from bench.farends import Said
from bench.soak import Centre
from bench.voices import Voices
from tahuri.kernel import clock
from tahuri.telephony.media.protocol import Figures
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.digest import Account
from tahuri.telephony.sip.phone import REGISTER_EXPIRES_S, CallFailed, Phone, PhoneCall

ANSWER_WITHIN_S = 35.0
FACTS_WITHIN_S = 20.0
_NUMBER = re.compile(r"sip:\+?62(\d{8})@")


class Placed(Struct):
    """One call as its far ends saw it; times by this process's clock."""

    sent_s: float
    first_s: float | None = None
    """180 or 200, whichever came first."""
    answered_s: float | None = None
    """200: the trunk's side stands, the recording runs."""
    rung_s: float | None = None
    """A seat's phone was rung."""
    ended_s: float | None = None
    refused: int = 0
    """SIP status of a refusal; 0: none."""


class Usage(Struct, frozen=True):
    """What the centre has used at one moment."""

    at_s: float
    media: Figures
    switch_cpu_s: float
    switch_bytes: int


class Told(Struct):
    """What the facts say of one call."""

    caller: str = ""
    answered: int = 0
    outcomes: list[str] = field(default_factory=list)
    recordings_s: list[float] = field(default_factory=list)


class Exchange(Centre):
    """The switch with its media; keeps what the facts say of each call."""

    def __init__(self, folder: Path, media: Media, **settings: object) -> None:
        super().__init__(folder, media, **settings)
        self.calls: dict[str, Told] = {}
        """By the facts' stream."""

    def take(self, fact: dict[str, Any]) -> None:
        """Counts one fact and keeps what is asked of its call."""
        super().take(fact)
        if not fact["stream"].startswith("call/"):
            return
        call = self.calls.setdefault(fact["stream"], Told())
        match fact["type"]:
            case "calls.call-arrived":
                call.caller = fact["personal"].get("caller", {}).get("number") or ""
            case "calls.call-answered":
                call.answered += 1
            case "calls.call-ended":
                call.outcomes.append(fact["body"]["outcome"])
            case "calls.call-refused":
                call.outcomes.append("refused")
            case "calls.recording-closed":
                call.recordings_s.append(fact["body"]["duration_s"])

    async def usage(self) -> Usage:
        """Now."""
        figures = await self.media.client.stats()
        return Usage(clock.monotonic_s(), figures, cpu_s(self.pid), memory_bytes(self.pid))


class Room:
    """A trunk that places calls and the phone seats that take them.

    Args:
        exchange: runs already, with `seats_of` of as many seats.
        voices: two legs for each call at a time.
    """

    def __init__(self, exchange: Exchange, voices: Voices, seats: int) -> None:
        self.exchange, self.voices = exchange, voices
        self.placed: dict[int, Placed] = {}
        """By the number of the call, which is in the caller's telephone number."""
        self._trunk = Phone()
        self._seats = [
            Phone(Account(f"s{number}", f"secret-{number}"), self._rung) for number in range(seats)
        ]
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Room":
        await self._trunk.start(ADDRESS)
        for number, seat in enumerate(self._seats):
            await seat.start(ADDRESS, f"s{number}")
        await self._register()
        self._keeper = asyncio.create_task(self._stay_registered())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._tasks.add(self._keeper)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for phone in (self._trunk, *self._seats):
            await phone.stop()

    async def _register(self) -> None:
        for number, seat in enumerate(self._seats):
            status = await seat.register(self.exchange.flow)
            if status != 200:
                raise RuntimeError(f"seat {number} could not register: {status}")

    async def _stay_registered(self) -> None:
        while True:
            await asyncio.sleep(REGISTER_EXPIRES_S / 3)
            await self._register()

    async def place(self, number: int, hold: asyncio.Event | float) -> None:
        """One call from INVITE to BYE, talking all the while.

        Args:
            hold: how long it lasts from its 200, or what ends it.
        """
        leg = self.voices.take()
        told = self.placed[number] = Placed(clock.monotonic_s())
        offer = sdp.offer(ADDRESS, self.voices.ports[leg], 1)
        caller = f"<sip:+62{number:08}@{ADDRESS}>"
        call = self._trunk.call(f"sip:112@{ADDRESS}", self.exchange.flow, offer, caller)
        ringing = asyncio.create_task(self._first(call, told))
        try:
            session = await call.wait_answered(ANSWER_WITHIN_S)
            told.answered_s = clock.monotonic_s()
            told.first_s = told.first_s or told.answered_s
            assert session is not None
            self.voices.talk(leg, sdp.parse(session).udp)
            if isinstance(hold, asyncio.Event):
                await hold.wait()
            else:
                await asyncio.sleep(hold)
            call.hang_up()
            told.ended_s = clock.monotonic_s()
        except CallFailed as error:
            told.refused = error.status
        except TimeoutError:
            call.hang_up()
            told.refused = 408
        finally:
            ringing.cancel()
            self.voices.give_back(leg)

    @staticmethod
    async def _first(call: PhoneCall, told: Placed) -> None:
        await call.ringing.wait()
        told.first_s = told.first_s or clock.monotonic_s()

    def _rung(self, call: PhoneCall) -> None:
        now = clock.monotonic_s()
        assert call.request is not None
        assert call.session is not None
        number = _NUMBER.search(call.request.get("from") or "")
        if number is not None and int(number[1]) in self.placed:
            told = self.placed[int(number[1])]
            told.rung_s = told.rung_s or now
        task = asyncio.create_task(self._answer(call, call.session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, call: PhoneCall, session: bytes) -> None:
        leg = self.voices.take()
        try:
            call.ring()
            theirs = sdp.parse(session)
            call.accept(sdp.answer(theirs, ADDRESS, self.voices.ports[leg], 1))
            self.voices.talk(leg, theirs.udp)
            await call.ended.wait()
        finally:
            self.voices.give_back(leg)

    def check(self) -> None:
        """Raises RuntimeError: a seat lost its registration, so what was measured says nothing."""
        if self._keeper.done():
            self._keeper.result()

    async def settled(self) -> None:
        """Waits until every call placed has an outcome and its recording, or for so long."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(self.exchange.outcomes) >= len(self.placed), FACTS_WITHIN_S)
            recorded = sum(1 for told in self.placed.values() if told.answered_s)
            closed = "calls.recording-closed"
            await until(lambda: self.exchange.told[closed] >= recorded, FACTS_WITHIN_S)


def seats_of(count: int) -> list[dict[str, object]]:
    """Configuration of so many phone seats."""
    return [
        {
            "seat_id": f"S{number}",
            "username": f"s{number}",
            "password": f"secret-{number}",
            "operator_id": f"op-{number}",
            "operator_name": f"Operator {number}",
        }
        for number in range(count)
    ]


class Running(Struct, frozen=True):
    """All that is there for a load through the switch."""

    exchange: Exchange
    room: Room
    voices: Voices
    cores: Cores

    async def far_ends(self) -> Said:
        """How the far ends fared; they fall silent."""
        return await self.voices.end()


@contextlib.asynccontextmanager
async def exchange_of(folder: Path, seats: int, calls_max: int) -> AsyncIterator[Running]:
    """A centre with registered phone seats, on a core of its own where there are two."""
    cores = parted()
    own = frozenset(os.sched_getaffinity(0))
    recordings = ("--recordings", str(folder / "data/recordings"))
    settings = {"seats": seats_of(seats), "calls_max": calls_max + 8}
    async with (
        Media(folder, 2 * calls_max + 16, recordings) as media,
        Exchange(folder, media, **settings) as exchange,
        Voices(2 * calls_max + 16, cores.far_ends) as voices,
    ):
        pin(media.pid, cores.centre)
        pin(exchange.pid, cores.centre)
        pin(os.getpid(), cores.far_ends)
        try:
            async with Room(exchange, voices, seats) as room:
                yield Running(exchange, room, voices, cores)
        finally:
            pin(os.getpid(), own)
