"""A process that hangs is ended, and started again; no other is."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tahuri import hanging
from tahuri.host.supervisor import Part, Supervisor
from tahuri.telephony import rpc

SERVER = """
import asyncio, sys, time
from tahuri.telephony import rpc

async def answer(op, arguments):
    raise rpc.Failure("bad-request", op)

async def main():
    await rpc.Server(sys.argv[1], answer).start()
    await asyncio.Event().wait()

time.sleep(float(sys.argv[2]))
asyncio.run(main())
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether there was an answer, of each question so far; ten are asked a second."""
    found: list[bool] = []
    real = hanging._answers

    async def answers(client: rpc.Client) -> bool:
        found.append(await real(client))
        return found[-1]

    monkeypatch.setattr(hanging, "ASK_EVERY_S", 0.1)
    monkeypatch.setattr(hanging, "ANSWER_S", 0.3)
    monkeypatch.setattr(hanging, "_answers", answers)
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def watched(folder: Path, starts_s: float = 0.0) -> AsyncIterator[Part]:
    """A part that answers every question with a refusal, watched."""
    socket = folder / "part.sock"
    supervisor = Supervisor(folder)
    part = Part("part", [sys.executable, "-c", SERVER, str(socket), str(starts_s)])
    await supervisor.start(part)
    watch = asyncio.create_task(hanging.HangWatch(supervisor, {"part": socket}).run())
    try:
        yield part
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await supervisor.stop()


async def test_a_process_that_hangs_is_started_again(tmp_path: Path, asked: list[bool]) -> None:
    """Given a part that answered and then stands still without a word (SIGSTOP); then it is killed,
    and the next one answers."""
    async with watched(tmp_path) as part:
        await until(lambda: True in asked)
        hung = part.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        await until(lambda: part.pid not in (hung, None))
        asked.clear()
        await until(lambda: True in asked)


async def test_a_process_that_starts_slowly_or_refuses_is_left_alone(
    tmp_path: Path, asked: list[bool]
) -> None:
    """Given a part that takes longer to start than a hang may last, and answers with refusals; then
    it is the same process all the while."""
    async with watched(tmp_path, starts_s=3.0) as part:
        first = part.pid
        await until(lambda: True in asked)
        assert asked.count(False) > hanging.SILENCES_MAX
        asked.clear()
        await until(lambda: len(asked) > 2 * hanging.SILENCES_MAX)
        assert all(asked)
        assert part.pid == first
