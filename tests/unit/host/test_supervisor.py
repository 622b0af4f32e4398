"""The supervisor keeps parts running, also when the disk is full."""

import asyncio
import errno
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tahuri.host import supervisor
from tahuri.host.supervisor import Part, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


async def until(seen: Callable[[], bool]) -> None:
    """Waits for a condition, at most half a minute."""
    async with asyncio.timeout(30):
        while not seen():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_killed_part_is_started_again_though_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk must not be the end of the process that answers calls."""
    told: list[int] = []
    full = True

    def changed() -> None:
        if full:
            raise OSError(errno.ENOSPC, "no space")
        told.append(1)

    monkeypatch.setattr(supervisor, "AGAIN_MAX_S", 0.2)
    keeper = Supervisor(tmp_path, changed)
    part = Part("sleeper", SLEEP)
    try:
        await keeper.start(part)
        first = part.process
        assert first is not None
        first.send_signal(signal.SIGKILL)
        await until(lambda: part.pid not in (None, first.pid))
        full = False
        await until(lambda: bool(told))
    finally:
        await keeper.stop()
    assert part.pid is None


async def test_a_part_that_cannot_be_started_is_tried_again(tmp_path: Path) -> None:
    """No memory for a moment, or no file: the centre comes back without anybody coming in."""
    keeper = Supervisor(tmp_path / "log")
    (tmp_path / "log").mkdir()
    part = Part("sleeper", SLEEP)
    try:
        await keeper.start(part)
        first = part.process
        assert first is not None
        (tmp_path / "log").rename(tmp_path / "away")
        first.send_signal(signal.SIGKILL)
        await until(lambda: part.pid is None)
        (tmp_path / "away").rename(tmp_path / "log")
        await until(lambda: part.pid not in (None, first.pid))
    finally:
        await keeper.stop()


async def test_what_a_process_says_for_months_is_kept_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given one that says the same for ever; then its log is cut while it runs, the part of before
    is kept once, and what it says next is there."""
    monkeypatch.setattr(supervisor, "LOG_BYTES_MAX", 2_000)
    monkeypatch.setattr(supervisor, "LOG_LOOK_S", 0.01)
    words = "import time\nfor n in range(10**6): print('line', n, flush=True); time.sleep(0.0005)"
    keeper = Supervisor(tmp_path)
    now, before = tmp_path / "talker.log", tmp_path / "talker.log.1"
    try:
        await keeper.start(Part("talker", [sys.executable, "-c", words]))
        await until(lambda: before.exists() and now.stat().st_size < 2_000)
        first = before.read_bytes()
        await until(lambda: before.read_bytes() != first)
    finally:
        await keeper.stop()
    assert b"\0" not in now.read_bytes()  # a hole, where it did not append
