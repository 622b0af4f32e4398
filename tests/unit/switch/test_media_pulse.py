"""Media that hangs: its connection stands, nobody is heard, and the room must know at once."""

import asyncio
from pathlib import Path

import pytest
from switch_bench import bench

from tahuri.telephony.switch import views
from tahuri.telephony.switch.quality import mediapulse


async def test_media_that_hangs_is_told_and_its_next_answer_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given media that answers nothing though it is connected; then an alarm says so, and nobody
    claims that callers are heard; when it answers again; then both are as before."""
    monkeypatch.setattr(mediapulse, "ANSWER_S", 0.05)
    async with bench(tmp_path) as one:
        core = one.switch.core
        await mediapulse.look(core)
        assert (views.alarms(core), views.snapshot(core).media_connected) == ([], True)
        one.media.stalls |= {"measure", "hello"}
        await mediapulse.look(core)
        assert [alarm.code for alarm in views.alarms(core)] == ["media-lost"]
        assert not views.snapshot(core).media_connected
        async with asyncio.timeout(1):
            await one.switch.answer("inventory", {})  # the page waits for it
        one.media.stalls.clear()
        await mediapulse.look(core)
        assert (views.alarms(core), views.snapshot(core).media_connected) == ([], True)
