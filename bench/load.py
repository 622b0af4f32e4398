"""A centre with its seats, for a load through the switch; on its own core where there are two."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from msgspec import Struct
from tests.telephony.media_bench import Media

from bench.browsers import Browsers
from bench.cores import Cores, parted, pin
from bench.exchange import Exchange
from bench.farends import note
from bench.room import Room, Seats
from bench.seats import BrowserSeats, PhoneSeats, seats_of
from bench.voices import Voices

SeatKind = Literal["phone", "browser"]


class Running(Struct, frozen=True):
    """All that is there."""

    exchange: Exchange
    room: Room
    seats: Seats
    voices: Voices
    cores: Cores

    async def far_ends(self) -> str:
        """All fall silent; a note on how the far ends fared."""
        phones, seats = note(await self.voices.end()), await self.seats.end()
        return f"phones: {phones}; {seats}" if seats else phones


@contextlib.asynccontextmanager
async def running(
    folder: Path, seats: int, calls_max: int, kind: SeatKind = "phone"
) -> AsyncIterator[Running]:
    """A centre with so many seats that are there and ready."""
    cores = parted()
    own = frozenset(os.sched_getaffinity(0))
    recordings = ("--recordings", str(folder / "data/recordings"))
    legs = 2 * calls_max + 16
    phones = seats_of(seats) if kind == "phone" else []
    settings = {"seats": phones, "calls_max": calls_max + 8}
    async with contextlib.AsyncExitStack() as stack:
        media = await stack.enter_async_context(Media(folder, legs, recordings))
        exchange = await stack.enter_async_context(Exchange(folder, media, **settings))
        voices = await stack.enter_async_context(Voices(legs, cores.far_ends))
        pin(media.pid, cores.centre)
        pin(exchange.pid, cores.centre)
        pin(os.getpid(), cores.far_ends)
        stack.callback(pin, os.getpid(), own)
        room = await stack.enter_async_context(Room(exchange, voices))
        if kind == "phone":
            there: Seats = await stack.enter_async_context(PhoneSeats(room, seats))
        else:
            browsers = await stack.enter_async_context(Browsers(seats, cores.far_ends))
            there = await stack.enter_async_context(BrowserSeats(room, browsers))
        yield Running(exchange, room, there, voices, cores)
