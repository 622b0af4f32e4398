"""What every part of the switch shares: its calls, its seats and its ways out."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal

from msgspec import Struct

from tahuri.kernel import clock, mint
from tahuri.telephony.media.client import MediaClient
from tahuri.telephony.media.protocol import PortFigures
from tahuri.telephony.media.quality import Measured
from tahuri.telephony.protocol.facts import Body, Fact, fact_of
from tahuri.telephony.protocol.facts.call import (
    KeyPressed,
    LegQualityMeasured,
    MediaHeard,
    MediaSilent,
    RecordingClosed,
    RecordingFailed,
    RecordingStarted,
)
from tahuri.telephony.protocol.facts.queue import (
    CallOffered,
    CallQueued,
    OfferMissed,
    OfferWithdrawn,
    PrecedenceSet,
    SkillAsked,
)
from tahuri.telephony.protocol.operations import SetMeasures
from tahuri.telephony.protocol.snapshot import Alarm, Surge
from tahuri.telephony.rpc import Failure
from tahuri.telephony.sip.dialogs import Output
from tahuri.telephony.sip.endpoint import Endpoint
from tahuri.telephony.sip.gate import Gate
from tahuri.telephony.sip.grammar import in_uri
from tahuri.telephony.spool.spool import Spool
from tahuri.telephony.switch.config import Settings
from tahuri.telephony.switch.edge.turnedaway import TurnedAway
from tahuri.telephony.switch.journal import journal
from tahuri.telephony.switch.model import Call, Gateway, Seat, TrunkState
from tahuri.telephony.switch.quality.linehistory import LineHistory

WORK_WAITING_MAX = 256
"""Steps of one call that may wait for their turn; more means a bug, and they are dropped."""
TEST_SEAT = "test-seat"
SWITCH = "switch"
"""The actor of what no operator did."""

AT_HOME = (
    CallQueued,
    CallOffered,
    OfferMissed,
    OfferWithdrawn,
    PrecedenceSet,
    SkillAsked,
    MediaSilent,
    MediaHeard,
    KeyPressed,
    RecordingStarted,
    RecordingFailed,
    RecordingClosed,
)
"""Facts about a guest that its own node tells, or that would be said twice."""

Role = Literal["caller", "seat", "party", "consulting"]
"""``consulting``: the second line of a seat's phone."""
Step = Callable[[], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Which call a SIP leg belongs to, and as what."""

    call_id: str
    role: Role
    leg_id: str = ""


class Work:
    """The steps of one call, one after the other, so that no two of them meet half-way."""

    def __init__(self, name: str) -> None:
        self._steps: asyncio.Queue[Step] = asyncio.Queue(WORK_WAITING_MAX)
        self._over = False
        self._task = asyncio.create_task(self._run(), name=name)

    def post(self, step: Step) -> bool:
        """Do it when all earlier steps are done; False when too many wait."""
        try:
            self._steps.put_nowait(step)
        except asyncio.QueueFull:
            log.error("a call has too much to do")
            return False
        return True

    async def stop(self) -> None:
        """Drop what waits."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def finish(self) -> None:
        """Do nothing after the current step, from which this is called."""
        self._over = True
        asyncio.get_running_loop().call_soon(self._task.cancel)

    async def until(self, future: "asyncio.Future[None]") -> bool:
        """Wait for what a step is to give; False: it will not be done any more."""
        await asyncio.wait({future, self._task}, return_when=asyncio.FIRST_COMPLETED)
        return future.done()

    async def _run(self) -> None:
        while not self._over:
            step = await self._steps.get()
            try:
                await step()
            except Exception:
                log.exception("a step of a call failed")


def _told_at_home(body: Body) -> bool:
    """Whether the node where the caller is tells that itself."""
    if isinstance(body, LegQualityMeasured):
        return body.leg == "caller"
    return isinstance(body, AT_HOME)


class Core:
    """State and services; the rules are in the modules that use it."""

    def __init__(self, settings: Settings, spool: Spool, kept: journal.Journal) -> None:
        networks = [network for trunk in settings.trunks for network in trunk.networks]
        self.settings = settings
        self.spool = spool
        self.journal = kept
        self.media: MediaClient
        self.endpoint: Endpoint
        self.gate = Gate(trunks=networks)
        self.calls: dict[str, Call] = {}
        self.seats: dict[str, Seat] = {}
        self.trunks: dict[str, TrunkState] = {}
        self.turned_away = TurnedAway()
        """By name, those of the settings."""
        self.gateways: dict[str, Gateway] = {
            one.name: Gateway(name=one.name) for one in settings.gateways
        }
        self.test_seat = Gateway(name=TEST_SEAT)
        """Where the robot's seat registered; as a gateway it is called, never offered."""
        self.places: dict[str, Place] = {}
        """By name of a SIP leg."""
        self.ports: dict[int, Place] = {}
        """By media port, of RTP legs and notices."""
        self.cells: dict[str, dict[tuple[int, int], float]] = {}
        """What media was told last, by call."""
        self.channels: dict[str, tuple[list[int], list[int]]] = {}
        self.media_instance = ""
        self.media_ready = False
        """Media is connected and holds what we believe it holds."""
        self.media_silent = False
        """Media is connected and does not answer."""
        self.tests: set[str] = set()
        """Test calls in hand."""
        self.tested: dict[str, tuple[float, datetime]] = {}
        """By line, when a test call came last: on the clock that never steps, and by the wall."""
        self.begun = (clock.monotonic_s(), clock.now())
        """When this process began, likewise."""
        self.silent: dict[int, float] = {}
        """Ports without RTP, and since when."""
        self.figures: dict[int, PortFigures] = {}
        """Of ports in live calls, at the last look."""
        self.lines: dict[int, Measured] = {}
        """The same ports, between the last two looks."""
        self.line_history: dict[tuple[str, int], LineHistory] = {}
        """By call and port, of calls that talk."""
        self.tone: int | None = None
        self.hold: int | None = None
        self.draining_since: datetime | None = None
        """Since when new calls are sent elsewhere, so that this node can be stopped."""
        self.measures: SetMeasures = kept.load_measures()
        self.lot = Random(secrets.randbits(128))  # noqa: S311
        """Draws who bypasses the slow lane."""
        self.surge: Surge | None = None
        self.alarms: dict[str, Alarm] = {}
        self.counters: dict[str, int] = {}
        self.on_change: list[Callable[[], None]] = []
        self.held_back: dict[str, float] = {}
        """Waiting calls before which ready seats are kept, and when those give way; on the clock
        that never steps."""
        self._works: dict[str, Work] = {}
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._change_waits = False

    # ---- time, facts, counters ------------------------------------------------------------------

    def now(self) -> datetime:
        return clock.now()

    def monotonic_s(self) -> float:
        return clock.monotonic_s()

    def fact(
        self,
        stream: str,
        body: Body,
        actor: str = SWITCH,
        personal: dict[str, Struct] | None = None,
        identifier: str = "",
    ) -> Fact:
        """Make a fact and spool it."""
        fact = fact_of(identifier or mint.new_id(), self.now(), stream, body, personal or {}, actor)
        self.tell(fact)
        return fact

    def tell(self, fact: Fact) -> None:
        """Spool a fact that is made already."""
        self.spool.append(fact)
        self.count(fact.type)

    def of_call(
        self,
        call: Call,
        body: Body,
        actor: str = SWITCH,
        personal: dict[str, Struct] | None = None,
        identifier: str = "",
    ) -> Fact:
        """Spool a fact about a call; of a guest only what its own node does not tell.

        Args:
            identifier: of what may be told again after a kill, and counts once.
        """
        if call.home and _told_at_home(body):
            stream = f"call/{call.call_id}"
            return fact_of(mint.new_id(), self.now(), stream, body, personal or {}, actor)
        return self.fact(f"call/{call.call_id}", body, actor, personal, identifier)

    def save_and_tell(self, call: Call, body: Body, actor: str = SWITCH) -> None:
        """Keep the call as it is now and spool what has become of it: killed between the two, the
        next process tells it."""
        fact = fact_of(mint.new_id(), self.now(), f"call/{call.call_id}", body, {}, actor)
        call.untold = [fact]
        self.save(call)
        self.tell(fact)
        call.untold = []

    def of_seat(self, seat: Seat, body: Body, actor: str | None = None) -> Fact:
        """Spool a fact about a seat; its operator acted unless another actor is named."""
        return self.fact(f"seat/{seat.seat_id}", body, actor or seat.operator_id or SWITCH)

    def of_trunk(self, trunk: TrunkState, body: Body) -> Fact:
        """Spool a fact about a trunk."""
        return self.fact(f"trunk/{trunk.name}", body)

    def count(self, name: str) -> None:
        self.counters[name] = self.counters.get(name, 0) + 1

    def alarm(self, code: Literal["media-lost", "recording-failed"], on: bool) -> None:
        """Raise or clear an alarm."""
        if not on:
            self.alarms.pop(code, None)
        elif code not in self.alarms:
            self.alarms[code] = Alarm(code=code, since=self.now())
        self.changed()

    def drain(self, on: bool) -> None:
        """Send new calls elsewhere, or take them again.  A start takes them."""
        if on != (self.draining_since is not None):
            self.draining_since = self.now() if on else None
            self.endpoint.agent.taking_calls = not on
            self.changed()

    # ---- change ---------------------------------------------------------------------------------

    def changed(self) -> None:
        """Something that a seat shows is different; told once for all changes of this moment."""
        if not self._change_waits:
            self._change_waits = True
            asyncio.get_running_loop().call_soon(self._tell_change)

    def _tell_change(self) -> None:
        self._change_waits = False
        self.save_seats()
        for listener in self.on_change:
            listener()

    def save_seats(self) -> None:
        """Keep the seats as they are now."""
        kept = journal.Seats(
            media_instance=self.media_instance,
            tone=self.tone,
            hold=self.hold,
            surge=self.surge,
            seats=list(self.seats.values()),
            trunks=list(self.trunks.values()),
            gateways=list(self.gateways.values()),
            names=self.endpoint.names,
        )
        self.journal.save_seats(kept)

    def save(self, call: Call) -> None:
        """Keep the call as it is now; a guest from when a seat has it: until then it only rings."""
        if call.call_id in self.calls and not (call.home and call.leg.state != "up"):
            self.journal.save_call(call)

    # ---- work -----------------------------------------------------------------------------------

    def post(self, call_id: str, step: Step) -> bool:
        """Do a step of a call after all earlier ones; False where it will not be done."""
        if self._stopping:
            return False
        work = self._works.get(call_id)
        if work is None:
            work = self._works[call_id] = Work(f"call {call_id}")
        return work.post(step)

    async def done(self, call_id: str, step: Step) -> None:
        """Do a step of a call and wait until it is done; its exceptions come here.

        Raises:
            Failure: ``media-unavailable``: too many steps wait, so media hangs; ``no-live-call``:
                the call ended before its turn came.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def told() -> None:
            try:
                await step()
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(None)

        if not self.post(call_id, told):
            raise Failure("media-unavailable", "the call has too much to do")
        try:
            if not await self._works[call_id].until(future):
                raise Failure("no-live-call", "the call has ended")
            future.result()
        finally:
            future.cancel()  # whoever asked has gone: nobody hears what is done

    def knows(self, call_id: str) -> bool:
        """Whether the call is in hand; steps for any other would never end."""
        return call_id in self.calls or call_id in self._works

    def finish_work(self, call_id: str) -> None:
        """The call is over; called from its own last step."""
        self.tests.discard(call_id)
        work = self._works.pop(call_id, None)
        if work is not None:
            work.finish()

    def spawn(self, work: Awaitable[None]) -> None:
        """Something that belongs to no call; stopped with the switch."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned)

    def _spawned(self, task: "asyncio.Future[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work beside the calls failed", exc_info=error)

    async def stop(self) -> None:
        """Drop all work; calls stay as they are, for the next process."""
        self._stopping = True
        for task in list(self._tasks):
            task.cancel()
        for work in self._works.values():
            work.finish()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for work in list(self._works.values()):
            await work.stop()

    # ---- SIP ------------------------------------------------------------------------------------

    def perform(self, outputs: list[Output]) -> None:
        """Let the user agent's outputs happen."""
        self.endpoint.perform(outputs)

    def local(self, user: str) -> str:
        """Our From for requests of ours, without tag."""
        return f"<sip:{user}@{in_uri(self.settings.public_address)}>"

    @property
    def sip_now(self) -> float:
        return self.endpoint.now
