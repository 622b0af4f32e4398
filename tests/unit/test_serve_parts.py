"""What goes on in ``serve`` beside requests."""

import asyncio

import pytest

from tahuri import app


async def test_a_part_that_meets_a_bug_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a fault that nobody thought of; then facts are taken over again a moment later."""
    monkeypatch.setattr(app, "AGAIN_S", 0.001)
    begun: list[int] = []
    third = asyncio.Event()

    async def run() -> None:
        begun.append(1)
        if len(begun) < 3:
            raise ZeroDivisionError
        third.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(app.kept_going("facts", run))
    async with asyncio.timeout(5):
        await third.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_part_that_has_done_its_work_is_left_alone() -> None:
    """Loading the roads, for one, is done once."""
    begun: list[int] = []

    async def run() -> None:
        begun.append(1)

    await app.kept_going("roads", run)
    assert begun == [1]
