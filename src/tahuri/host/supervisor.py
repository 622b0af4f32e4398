"""Starts the processes of the centre, starts again what dies, stops all in order."""

import asyncio
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from tahuri.kernel import clock

AGAIN_FIRST_S = 0.2
AGAIN_MAX_S = 5.0
STEADY_S = 30.0
"""A process that has run this long is started again at once when it dies."""
STOP_S = 10.0
LOG_BYTES_MAX = 20_000_000
"""Of what a process says; as much again is kept of before."""
LOG_LOOK_S = 60.0
PR_SET_PDEATHSIG = 1

log = structlog.get_logger()


@dataclass
class Part:
    """One supervised process."""

    name: str
    command: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    user: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    started_s: float = 0.0
    before: Callable[[], None] | None = None
    """Run before each start."""

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self.process.pid if self.process and self.process.returncode is None else None


def _die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """For the child, before it becomes the program: no orphan outlives a killed supervisor."""
    library = ctypes.CDLL(None, use_errno=True)

    def ask() -> None:
        library.prctl(PR_SET_PDEATHSIG, int(stop_signal))

    return ask


class Supervisor:
    """Keeps parts running until it is stopped."""

    def __init__(self, log_folder: Path, changed: Callable[[], None] = lambda: None) -> None:
        self.log_folder = log_folder
        self.parts: dict[str, Part] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._changed = changed
        """Called after each start, so that pids can be written down."""

    async def start(self, part: Part) -> None:
        """Starts a part and watches it from now on.

        Raises:
            OSError: it cannot be started; nothing watches it.
        """
        self.parts[part.name] = part
        try:
            await self._launch(part)
        except Exception:
            del self.parts[part.name]
            raise
        self._tasks += [
            asyncio.create_task(self._watch(part), name=part.name),
            asyncio.create_task(self._trim(part), name=f"log of {part.name}"),
        ]

    async def _launch(self, part: Part) -> None:
        if part.before is not None:
            part.before()
        file = self._log_of(part)
        with file.open("ab") as output:
            part.process = await asyncio.create_subprocess_exec(
                *part.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **part.environment},
                user=part.user,
                cwd="/" if part.user else None,
                start_new_session=True,
                preexec_fn=_die_with_parent(part.stop_signal),
            )
        part.started_s = clock.monotonic_s()
        self._tell()

    def _log_of(self, part: Part) -> Path:
        return self.log_folder / f"{part.name}.log"

    async def _trim(self, part: Part) -> None:
        """Keeps what it says within bounds while it runs, for months; it appends to the same file,
        so that is copied and emptied."""
        file = self._log_of(part)
        fresh = file.with_suffix(".log.new")
        while True:
            await asyncio.sleep(LOG_LOOK_S)
            try:
                if file.stat().st_size > LOG_BYTES_MAX:
                    await asyncio.to_thread(shutil.copyfile, file, fresh)
                    fresh.replace(file.with_suffix(".log.1"))
                    os.truncate(file, 0)
            except OSError as error:  # no room for the copy: it is tried again
                fresh.unlink(missing_ok=True)
                log.error("a log cannot be cut", part=part.name, reason=str(error))

    def _tell(self) -> None:
        """Says that pids have changed; again and again while it cannot be written down."""
        if self._stopping:
            return
        try:
            self._changed()
        except OSError as error:
            log.error("pids cannot be written down", reason=str(error))
            asyncio.get_running_loop().call_later(AGAIN_MAX_S, self._tell)

    async def _watch(self, part: Part) -> None:
        again_s = AGAIN_FIRST_S
        while part.process is not None:
            code = await part.process.wait()
            if self._stopping:
                return
            log.error("process ended; started again", part=part.name, code=code)
            if clock.monotonic_s() - part.started_s > STEADY_S:
                again_s = AGAIN_FIRST_S
            while True:
                await asyncio.sleep(again_s)
                again_s = min(again_s * 2, AGAIN_MAX_S)
                try:
                    await self._launch(part)
                except Exception as error:  # no disk, no memory: it comes back when there is some
                    log.error("process cannot be started", part=part.name, reason=repr(error))
                    continue
                break

    async def stop(self) -> None:
        """Stops all, the last started first; kills what does not go."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for part in reversed(list(self.parts.values())):
            process = part.process
            if process is None or process.returncode is not None:
                continue
            process.send_signal(part.stop_signal)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                log.error("process does not stop; killed", part=part.name)
                process.kill()
                await process.wait()


def python(module: str, *args: str) -> list[str]:
    """A command that runs one of our modules."""
    return [sys.executable, "-m", module, *args]
