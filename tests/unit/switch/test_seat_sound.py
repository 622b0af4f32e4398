"""A browser seat whose sound goes and comes back: closed for calls meanwhile, and no longer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from switch_bench import Bench, Browser, bench, until

from tahuri.telephony.switch import seats


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media."""
    async with bench(tmp_path) as one:
        yield one


@pytest.fixture
async def seat(centre: Bench) -> AsyncIterator[Browser]:
    """Somebody sits at M1 and is ready."""
    one = Browser(centre, "M1", "op1")
    await one.sit()
    yield one
    await one.leave()


async def sound(centre: Bench, state: str) -> None:
    """The seat's sound comes (``connected``) or goes (``failed``)."""
    port = centre.media.port("seat")
    centre.media.server.push({"event": "webrtc", "port": port, "state": state})
    shown = "connected" if state == "connected" else "down"
    await until(lambda: centre.switch.core.seats["M1"].media == shown)


def is_ready(centre: Bench) -> bool:
    """Whether calls may ring there; if not, because of the sound or by the operator's word."""
    seat = centre.switch.core.seats["M1"]
    assert seat.state == "ready" or seat.reason in ("technical", "break")
    return seat.state == "ready"


@pytest.mark.usefixtures("seat")
async def test_a_ready_seat_whose_sound_comes_back_is_ready_again(centre: Bench) -> None:
    """A page that was loaded again at 3 a.m. must not be a seat that never rings."""
    await sound(centre, "failed")
    assert not is_ready(centre)
    await sound(centre, "connected")
    assert is_ready(centre)
    assert (await centre.told("seat-ready", 2)).actor == "switch"


async def test_media_that_dies_closes_a_ready_seat_only_until_it_is_heard(
    centre: Bench, seat: Browser
) -> None:
    """One killed process must not close every seat of the room until each operator notices."""
    await centre.kill_media()
    assert not is_ready(centre)
    await seat.ask("webrtc", sdp="offer")
    await sound(centre, "connected")
    assert is_ready(centre)


async def test_a_switch_killed_meanwhile_opens_the_seat_as_well(
    centre: Bench, seat: Browser
) -> None:
    """Both may die of one cause, such as a full memory."""
    await sound(centre, "failed")
    await seat.leave()
    await centre.restart()
    await seat.sit(ready=False)
    assert is_ready(centre)


async def test_who_said_not_ready_stays_so(centre: Bench, seat: Browser) -> None:
    """A call must not ring at a seat whose operator has gone for a meal."""
    await seat.ask("not_ready", reason="break")
    await sound(centre, "failed")
    await sound(centre, "connected")
    assert not is_ready(centre)
    await seat.ask("ready")
    await sound(centre, "failed")
    await seat.ask("not_ready", reason="technical")
    await sound(centre, "connected")
    assert not is_ready(centre)


@pytest.mark.usefixtures("seat")
async def test_sound_that_was_away_for_long_waits_for_the_operator(
    centre: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computer that slept for an hour may have nobody before it."""
    monkeypatch.setattr(seats, "SOUND_BACK_WITHIN_S", 0.0)
    await sound(centre, "failed")
    await sound(centre, "connected")
    assert not is_ready(centre)
