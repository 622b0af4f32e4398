"""A process that hangs is ended, and started again; no other is."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
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
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asks ten times a second."""
    monkeypatch.setattr(hanging, "ASK_EVERY_S", 0.1)
    monkeypatch.setattr(hanging, "ANSWER_S", 0.3)


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


async def answers(folder: Path) -> None:
    """Wait until the part answers.  Raises TimeoutError."""
    client = rpc.Client(folder / "part.sock")
    client.start()
    try:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(rpc.Unavailable):
                    await client.call("ping", 1.0)
                await asyncio.sleep(0.05)
    except rpc.Failure:
        pass
    finally:
        await client.close()


@pytest.mark.usefixtures("quick")
async def test_a_process_that_hangs_is_started_again(tmp_path: Path) -> None:
    """Given a part that answered and then stands still without a word (SIGSTOP); then it is killed,
    and the next one answers."""
    async with watched(tmp_path) as part:
        await answers(tmp_path)
        await asyncio.sleep(0.5)  # the watch has its answer as well
        hung = part.pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        async with asyncio.timeout(30):
            while part.pid in (hung, None):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await answers(tmp_path)


@pytest.mark.usefixtures("quick")
async def test_a_process_that_starts_slowly_or_refuses_is_left_alone(tmp_path: Path) -> None:
    """Given a part that takes longer to start than a hang may last, and answers with refusals; then
    it is the same process all the while."""
    async with watched(tmp_path, starts_s=3.0) as part:
        first = part.pid
        await answers(tmp_path)
        await asyncio.sleep(1.5)
        assert part.pid == first
