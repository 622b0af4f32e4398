"""Recordings are read slowly: what is read, and how fast, so that no call notices."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from tahuri.calls.faults import Fault, FaultCode, PlaceError, fault, of_disk
from tahuri.calls.places import Place
from tahuri.kernel import clock


class Pace:
    """Lets through at most so many bytes a second, over all that is read.

    Args:
        bytes_s: bytes a second.
        wait: sleeps for so many seconds.
    """

    def __init__(
        self, bytes_s: float, wait: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self.bytes_s = bytes_s
        self._wait = wait
        self._free_s = 0.0
        """When the next block may be read, on the clock that never steps."""

    async def spent(self, count: int) -> None:
        """So many bytes were read: comes back when more may be."""
        now_s = clock.monotonic_s()
        self._free_s = max(self._free_s, now_s) + count / self.bytes_s
        await self._wait(self._free_s - now_s)


async def digest_of(place: Place, path: str, pace: Pace, to: Path | None = None) -> str | Fault:
    """The sha256 of what lies there, or why it cannot be told.

    Args:
        to: a file that takes what is read.
    """
    blocks = place.read(path)
    digest = hashlib.sha256()

    def step() -> int:
        block = next(blocks, b"")
        digest.update(block)
        if to is not None and block:
            with to.open("ab") as file:
                file.write(block)
        return len(block)

    try:
        while size := await asyncio.to_thread(step):
            await pace.spent(size)
    except PlaceError as error:
        return error.fault
    except OSError as error:  # of our own disk, which is to take it
        return of_disk(error, writing=True)
    return digest.hexdigest()


async def fault_at(place: Place, path: str, sha256: str, pace: Pace) -> Fault | None:
    """What is wrong with the recording at that place, or None."""
    found = await digest_of(place, path, pace)
    if isinstance(found, Fault):
        return found
    return None if found == sha256 else fault(FaultCode.ALTERED, found)
