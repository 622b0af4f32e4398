"""Far ends' sound: says a tone on many RTP legs, in a process of its own.

``python -m bench.voices LEGS`` prints its ports on one line, then reads lines: ``LEG PORT`` begins
to talk to that port of loopback, ``LEG 0`` falls silent, ``end`` prints a `Said` and ends.
"""

import asyncio
import json
import os
import select
import socket
import sys
import time
from pathlib import Path

from msgspec import Struct, convert

FRAME_S = 0.02
LATE_S = 0.010
TONE = bytes(0x55 ^ (at * 7 & 0x3F) for at in range(160))
"""20 ms of sound in A-law; which does not matter, silence would."""
HEADER = bytes([0x80, 8])
SOURCE = b"said"


class Said(Struct, frozen=True):
    """How the far ends themselves fared."""

    ticks: int
    late: int
    """Frames that were sent more than 10 ms after their time: then the far end is the limit."""
    packets: int
    cpu_s: float


def _frame(number: int) -> bytes:
    head = HEADER + (number & 0xFFFF).to_bytes(2, "big")
    return head + (number * 160 & 0xFFFFFFFF).to_bytes(4, "big") + SOURCE + TONE


def _told(lines: list[str], talking: dict[int, int]) -> bool:
    """Takes orders.  Returns whether to go on."""
    for line in lines:
        if line == "end":
            return False
        leg, port = line.split()
        if port == "0":
            talking.pop(int(leg), None)
        else:
            talking[int(leg)] = int(port)
    return True


def main(legs: int) -> None:
    """Until told to end, or until whoever started it is gone."""
    ends = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(legs)]
    for end in ends:
        end.bind(("127.0.0.1", 0))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # nobody listens
    print(*(end.getsockname()[1] for end in ends), flush=True)
    talking: dict[int, int] = {}
    ticks = late = packets = 0
    rest, due = "", time.monotonic()
    while True:
        while select.select([sys.stdin], [], [], 0)[0]:
            piece = os.read(0, 65536).decode()
            if not piece:
                return
            *lines, rest = (rest + piece).split("\n")
            if not _told(lines, talking):
                said = {"ticks": ticks, "late": late, "packets": packets}
                print(json.dumps({**said, "cpu_s": time.process_time()}), flush=True)
                return
        due += FRAME_S
        time.sleep(max(0.0, due - time.monotonic()))
        late += time.monotonic() - due > LATE_S
        due = max(due, time.monotonic() - 10 * FRAME_S)
        ticks += 1
        frame = _frame(ticks)
        for leg, port in talking.items():
            try:
                ends[leg].sendto(frame, ("127.0.0.1", port))
            except OSError:
                continue  # the port was closed a moment ago
            packets += 1


class Voices:
    """That process, and which of its legs are free.

    Args:
        legs: how many there are.
        cores: where it runs; empty: anywhere.
    """

    def __init__(self, legs: int, cores: frozenset[int] = frozenset()) -> None:
        self.ports: list[int] = []
        self._legs, self._cores = legs, cores
        self._free = list(range(legs))
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Voices":
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.voices", str(self._legs),
            cwd=Path(__file__).parents[1],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        assert process.stdout is not None
        self.ports = [int(port) for port in (await process.stdout.readline()).split()]
        if self._cores:
            os.sched_setaffinity(process.pid, self._cores)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    def take(self) -> int:
        """A leg that nobody uses.  Raises IndexError: there is none."""
        return self._free.pop(0)

    def give_back(self, leg: int) -> None:
        """It falls silent and is free again."""
        self.talk(leg, 0)
        self._free.append(leg)

    def talk(self, leg: int, port: int) -> None:
        """To that port from now on; 0: to nobody."""
        assert self._process is not None
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():  # all are silent once they were told to end
            self._process.stdin.write(f"{leg} {port}\n".encode())

    async def end(self) -> Said:
        """All fall silent for good."""
        assert self._process is not None
        said, _ = await self._process.communicate(b"end\n")
        return convert(json.loads(said), Said)


if __name__ == "__main__":
    main(int(sys.argv[1]))
