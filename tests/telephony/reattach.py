"""Live calls whose media is killed: how long nobody is heard."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL

from centre import (
    CALLER_HZ,
    SEAT_HZ,
    Centre,
    Person,
    person,
    phone_seat,
    seated,
    until,
)

from tahuri.host.supervisor import AGAIN_FIRST_S
from tahuri.kernel import clock

Talk = tuple[Person, Person]
"""Caller and seat of one call."""
BACK_S = 30.0
DEAD_S = 0.05
"""What arrives later than this after the end of the process was sent by the next one."""


@contextlib.asynccontextmanager
async def live_calls(folder: Path, count: int) -> AsyncIterator[tuple[Centre, list[Talk]]]:
    """A centre with so many calls, each between a caller and a phone seat that hear each other."""
    seats = [phone_seat(f"S{number}") for number in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        centre = await stack.enter_async_context(
            Centre(folder, 4 * count + 8, seats=seats, offer_s=20)
        )
        talks: list[Talk] = []
        for number in range(count):
            seat = await stack.enter_async_context(seated(centre, f"S{number}"))
            caller = await stack.enter_async_context(person(centre, CALLER_HZ))
            picking = asyncio.create_task(seat.pick_up(BACK_S))
            await caller.dial()
            await picking
            caller.follow()
            seat.follow()
            talks.append((caller, seat))
        await hear_each_other(talks)
        yield centre, talks


async def hear_each_other(talks: list[Talk]) -> None:
    """Raises AssertionError if a caller or a seat does not hear the other."""
    async with asyncio.TaskGroup() as group:
        for caller, seat in talks:
            group.create_task(caller.hears(SEAT_HZ, within_s=BACK_S))
            group.create_task(seat.hears(CALLER_HZ, within_s=BACK_S))


async def silence_s(centre: Centre, talks: list[Talk]) -> float:
    """Kills media and starts it anew as soon as the supervisor would.

    Returns:
        Seconds from the kill until new sound has come to the last of all ends.
    """
    ends = [someone.end for talk in talks for someone in talk]
    killed_s = clock.monotonic_s()
    await centre.media.stop(SIGKILL)
    dead_s = clock.monotonic_s() + DEAD_S
    await asyncio.sleep(AGAIN_FIRST_S)
    await centre.media.__aenter__()
    await until(lambda: all(end.packets[-1][0] > dead_s for end in ends), BACK_S)
    first = [next(at for at, _ in end.packets if at > dead_s) for end in ends]
    await hear_each_other(talks)
    return max(first) - killed_s
