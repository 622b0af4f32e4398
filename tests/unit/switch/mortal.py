"""SIGKILL in the middle of what a switch does, without a process of its own."""

import asyncio
from typing import Any

from tahuri.telephony.switch.process import Switch


class Death:
    """A switch that dies when it has done so many more things to the world.

    A thing is a message sent, a line or a file of the journal, a fact, a request to media.  What
    comes after the last of them never happens; let `bury` follow.

    Args:
        after: how many things still happen.
    """

    def __init__(self, switch: Switch, after: int) -> None:
        self.came = asyncio.Event()
        self._switch, self._left = switch, after
        core = switch.core
        self._end(core.endpoint._transports, "send", None)
        self._end(core.journal, "_append", 0)
        self._end(core.journal, "_remove", None)
        self._end(core.spool, "append", 0)
        self._end_of_media(core.media)

    async def bury(self) -> None:
        """It is dead from now on; its sockets are closed, its work is dropped."""
        self._left = 0
        core = self._switch.core
        core._stopping = True
        for task in (*core._tasks, *(work._task for work in core._works.values())):
            task.cancel()
        await self._switch.stop()

    def _is_dead(self) -> bool:
        if self._left <= 0:
            self.came.set()
            return True
        self._left -= 1
        return False

    def _end(self, holder: object, name: str, result: object) -> None:
        lives = getattr(holder, name)

        def ends(*arguments: object, **named: object) -> object:
            return result if self._is_dead() else lives(*arguments, **named)

        setattr(holder, name, ends)

    def _end_of_media(self, media: Any) -> None:
        lives = media._ask

        async def ends(*arguments: object, **named: object) -> object:
            if self._is_dead():
                await asyncio.Event().wait()  # until it is buried
            return await lives(*arguments, **named)

        media._ask = ends
