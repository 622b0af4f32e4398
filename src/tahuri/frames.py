"""What the feed carries beside the log's rows: told to whoever looks now, drop-oldest."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator


class Latest(ABC):
    """Gives each reader how it is, then the latest frame that was told; a slow one skips some."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._frame = b""
        self.readers = 0
        """How many look now; while nobody does, nothing need be asked."""

    @abstractmethod
    async def first(self) -> bytes:
        """How all of it is now, for who begins to look."""

    async def tell(self, frame: bytes) -> None:
        """The frame is the latest from now on."""
        async with self._changed:
            self._frame = frame
            self._changed.notify_all()

    async def frames(self) -> AsyncIterator[bytes]:
        """How it is now, then each later frame, for ever."""
        self.readers += 1
        try:
            yield await self.first()
            while True:
                async with self._changed:
                    await self._changed.wait()
                yield self._frame
        finally:
            self.readers -= 1


async def merged(*sources: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What any of the sources says, as it comes; all end with the first that is named."""
    waiting: asyncio.Queue[bytes] = asyncio.Queue(maxsize=8)

    async def pump(source: AsyncIterator[bytes]) -> None:
        async for frame in source:
            await waiting.put(frame)

    tasks = [asyncio.create_task(pump(source)) for source in sources]
    getter: asyncio.Task[bytes] | None = None
    try:
        while True:
            getter = asyncio.create_task(waiting.get())
            await asyncio.wait([getter, tasks[0]], return_when=asyncio.FIRST_COMPLETED)
            if not getter.done():
                return
            yield getter.result()
    finally:
        started = [*tasks, getter] if getter else tasks
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)
