"""A trunk that places calls, and the seats that take them: what their far ends saw."""

import asyncio
import contextlib
import re
from typing import Protocol, Self

from msgspec import Struct
from tests.telephony.media_bench import ADDRESS, until

from bench.exchange import Exchange
from bench.voices import Voices
from tahuri.kernel import clock
from tahuri.telephony.sip import sdp
from tahuri.telephony.sip.phone import CallFailed, Phone, PhoneCall

ANSWER_WITHIN_S = 35.0
FACTS_WITHIN_S = 20.0
_NUMBER = re.compile(r"\+?62(\d{8})")


class Placed(Struct):
    """One call as its far ends saw it; times by this process's clock."""

    sent_s: float
    first_s: float | None = None
    """180 or 200, whichever came first."""
    answered_s: float | None = None
    """200: the trunk's side stands, the recording runs."""
    rung_s: float | None = None
    """It was offered at a seat."""
    ended_s: float | None = None
    refused: int = 0
    """SIP status of a refusal; 0: none."""


class Seats(Protocol):
    """Seats that answer at once, and talk."""

    @property
    def kind(self) -> str:
        """What they are called in a figure's name."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def check(self) -> None:
        """Raises RuntimeError: a seat is not there any more; what was measured says nothing."""

    async def end(self) -> str:
        """They fall silent for good; returns how they fared, for a figure's note, or nothing."""


class Room:
    """A trunk that places calls.

    Args:
        exchange: runs already.
        voices: a leg for each call at a time.
    """

    def __init__(self, exchange: Exchange, voices: Voices) -> None:
        self.exchange, self.voices = exchange, voices
        self.placed: dict[int, Placed] = {}
        """By the number of the call, which is in the caller's telephone number."""
        self._trunk = Phone()

    async def __aenter__(self) -> Self:
        await self._trunk.start(ADDRESS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._trunk.stop()

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

    def rung(self, caller: str) -> None:
        """That caller was offered at a seat now."""
        number = _NUMBER.search(caller)
        if number is not None and int(number[1]) in self.placed:
            told = self.placed[int(number[1])]
            told.rung_s = told.rung_s or clock.monotonic_s()

    async def settled(self) -> None:
        """Waits until every call placed has an outcome and its recording, or for so long."""
        with contextlib.suppress(TimeoutError):
            await until(lambda: len(self.exchange.outcomes) >= len(self.placed), FACTS_WITHIN_S)
            recorded = sum(1 for told in self.placed.values() if told.answered_s)
            closed = "calls.recording-closed"
            await until(lambda: self.exchange.told[closed] >= recorded, FACTS_WITHIN_S)
