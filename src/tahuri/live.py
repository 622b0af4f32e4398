"""Who waits, is parked and talks, as the switch sees it now: for supervisors who sit at no seat.

A seat has this by its own line to the switch; whoever sits at none has it with the feed.  Asked
once a second for all of them, and only while one of them looks; drop-oldest.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
import structlog
from msgspec.structs import replace

from tahuri.frames import Latest
from tahuri.kernel import clock
from tahuri.kernel.feed import sse
from tahuri.kernel.refusal import Invalid, Refused, Unavailable
from tahuri.telephony.protocol.snapshot import CallView, QueuedView, Snapshot, WaitingView

READ_S = 1.0
ANSWER_S = 2.0
"""A switch that does not answer within so many seconds is shown as away."""

log = structlog.get_logger()


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """The data of the feed's event ``live``."""

    now: datetime
    node: str
    """The node whose switch this is; empty where there is but one."""
    away: bool = False
    """The switch does not answer: only the log's rows tell of calls."""
    queue: list[QueuedView] = []
    """Calls that wait, in the order in which they will be offered."""
    waiting: list[WaitingView] = []
    """Parked calls, and those on their way to a seat."""
    calls: list[CallView] = []
    """Every live call, the oldest first; lines without their history."""


def board_of(state: Snapshot, now: datetime, node: str = "") -> Board:
    """What supervisors are shown of the switch's present state; their room sees all numbers."""
    live = [call for call in state.calls if call.state == "live"]
    calls = [
        replace(call, lines=[replace(line, history=[]) for line in call.lines]) for call in live
    ]
    return Board(now=now, node=node, queue=state.queue, waiting=state.waiting, calls=calls)


class LiveBoard(Latest):
    """Asks the switch while anybody looks, and gives each reader the latest answer."""

    def __init__(self, state: Callable[[], Awaitable[Snapshot]], node: str = "") -> None:
        """
        Args:
            state: asks the switch; raises Unavailable, Refused or Invalid.
        """
        super().__init__()
        self._state = state
        self.node = node

    async def run(self) -> None:
        """Asks for ever; a switch that is away is shown as such, and asked again."""
        while True:
            await asyncio.sleep(READ_S)
            if self.readers:
                await self.look()

    async def look(self) -> None:
        """Asks the switch and tells every reader."""
        await self.tell(await self.first())

    async def first(self) -> bytes:
        """What the switch answers now, or that it is away."""
        try:
            async with asyncio.timeout(ANSWER_S):
                board = board_of(await self._state(), clock.now(), self.node)
        except (Unavailable, Refused, Invalid, TimeoutError):
            board = Board(now=clock.now(), node=self.node, away=True)
        except msgspec.ValidationError:  # a switch of another version, until it is started anew
            log.exception("the switch's state cannot be read")
            board = Board(now=clock.now(), node=self.node, away=True)
        return sse("live", msgspec.json.encode(board))
