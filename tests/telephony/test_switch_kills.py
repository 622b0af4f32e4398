"""kill -9 of the switch and of media in every phase of a call: one outcome, nobody left alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL

import pytest
from centre import (
    CALLER_HZ,
    HOLD_HZ,
    PARTY_HZ,
    SEAT_HZ,
    TONE_HZ,
    Centre,
    Person,
    person,
    phone_seat,
    seated,
)

from tahuri.telephony.sip.phone import PhoneCall

PHASES = pytest.mark.parametrize("phase", ["queued", "offered", "live", "held", "party"])


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """A centre with one phone seat; offers last long enough to be killed in."""
    async with Centre(tmp_path, seats=[phone_seat("S1")], offer_s=20) as running:
        yield running


class Scene:
    """A caller, a seat and a fire station, brought to a phase."""

    def __init__(self, centre: Centre, caller: Person, seat: Person, station: Person) -> None:
        self.centre, self.caller, self.seat, self.station = centre, caller, seat, station

    async def reach(self, phase: str) -> PhoneCall:
        """Returns the caller's side of the call."""
        if phase == "queued":
            await self.centre.ask("S1", "not_ready", reason="break")
        call = await self.caller.dial()
        self.caller.follow()
        await self.centre.fact("call-queued" if phase == "queued" else "call-offered")
        if phase in ("live", "held", "party"):
            await self.seat.pick_up()
            await self.centre.fact("call-answered")
            self.seat.follow()
        if phase == "held":
            await self.centre.ask("S1", "hold")
        if phase == "party":
            await self.centre.ask("S1", "add_party", address=self.station.address)
            await self.station.pick_up()
            self.station.follow()
        await self.heard(phase)
        return call

    async def heard(self, phase: str, within_s: float = 12) -> None:
        """Everybody hears what belongs to the phase."""
        match phase:
            case "queued" | "offered":
                await self.caller.hears(TONE_HZ, within_s=within_s)
            case "live":
                await self.caller.hears(SEAT_HZ, within_s=within_s)
                await self.seat.hears(CALLER_HZ, within_s=within_s)
            case "held":
                await self.caller.hears(HOLD_HZ, within_s=within_s)
                await self.seat.hears(within_s=within_s)
            case _:
                await self.caller.hears(SEAT_HZ, PARTY_HZ, within_s=within_s)
                await self.station.hears(CALLER_HZ, SEAT_HZ, within_s=within_s)

    async def over(self, call: PhoneCall, phase: str) -> None:
        """The caller hangs up: one call, one outcome, nothing left behind."""
        call.hang_up()
        outcome = "abandoned" if phase in ("queued", "offered") else "answered"
        await self.centre.fact("call-ended", by="caller", outcome=outcome)
        await self.centre.fact("recording-closed")
        if phase == "party":
            assert self.station.call is not None
            await self.station.call.wait_ended(5)
        await self.centre.until_state(lambda state: not state["calls"] and not state["queue"])
        kinds = await self.centre.types()
        assert kinds.count("call-arrived") == kinds.count("call-ended") == 1
        assert kinds.count("call-held") == (phase == "held")
        async with asyncio.timeout(5):
            while not await self._tidy():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def _tidy(self) -> bool:
        """Whether media has given every port back and the journal knows no call any more."""
        ports = (await self.centre.media.client.hello()).ports
        kept = list((self.centre.data / "journal" / "calls").iterdir())
        return not kept and {port.kind for port in ports} <= {"play"}


@contextlib.asynccontextmanager
async def scene(centre: Centre) -> AsyncIterator[Scene]:
    """Three phones."""
    async with (
        person(centre, CALLER_HZ) as caller,
        seated(centre, "S1") as seat,
        person(centre, PARTY_HZ, "damkar") as station,
    ):
        yield Scene(centre, caller, seat, station)


@PHASES
async def test_a_switch_killed_in_any_phase_takes_the_call_up(centre: Centre, phase: str) -> None:
    """The sound never stops, and the caller's hanging-up still ends the call properly."""
    async with scene(centre) as one:
        call = await one.reach(phase)
        heard = len(one.caller.end.packets)
        await centre.stop(SIGKILL)
        await one.heard("queued" if phase == "offered" else phase)
        assert len(one.caller.end.packets) > heard
        await centre.start()
        await one.heard("queued" if phase == "offered" else phase)
        if phase == "offered":
            await centre.fact("call-offered", 2)  # it rings again, it is not forgotten
        await one.over(call, phase)


@PHASES
async def test_media_killed_in_any_phase_comes_back(centre: Centre, phase: str) -> None:
    """Everybody is given a new port; who was on hold is on hold, who rang rings."""
    async with scene(centre) as one:
        call = await one.reach(phase)
        await centre.kill_media()
        await one.heard(phase)
        await centre.fact("recording-failed", fault="media-lost")
        await centre.fact("recording-started", 2)
        await one.over(call, phase)
