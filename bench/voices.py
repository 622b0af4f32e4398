"""Far ends' sound: says a tone on many RTP legs, in a process of its own.

``python -m bench.voices LEGS`` prints its ports on one line, then reads lines: ``LEG PORT`` begins
to talk to that port of loopback, ``LEG 0`` falls silent, ``end`` prints a `Said` and ends.
"""

import os
import select
import socket
import sys

from bench.farends import FarEnds, Ticks

TONE = bytes(0x55 ^ (at * 7 & 0x3F) for at in range(160))
"""20 ms of sound in A-law; which does not matter, silence would."""
HEADER = bytes([0x80, 8])
SOURCE = b"said"


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
    ticks, packets, rest = Ticks(), 0, ""
    while True:
        while select.select([sys.stdin], [], [], 0)[0]:
            piece = os.read(0, 65536).decode()
            if not piece:
                return
            *lines, rest = (rest + piece).split("\n")
            if not _told(lines, talking):
                ticks.tell(packets)
                return
        ticks.wait()
        frame = _frame(ticks.count)
        for leg, port in talking.items():
            try:
                ends[leg].sendto(frame, ("127.0.0.1", port))
            except OSError:
                continue  # the port was closed a moment ago
            packets += 1


class Voices(FarEnds):
    """That process, and which of its legs are free."""

    def __init__(self, legs: int, cores: frozenset[int] = frozenset()) -> None:
        super().__init__("bench.voices", legs, cores)
        self._free = list(range(legs))

    @property
    def ports(self) -> list[int]:
        """Of its legs."""
        return [int(port) for port in self.first.split()]

    def take(self) -> int:
        """A leg that nobody uses.  Raises IndexError: there is none."""
        return self._free.pop(0)

    def give_back(self, leg: int) -> None:
        """It falls silent and is free again."""
        self.talk(leg, 0)
        self._free.append(leg)

    def talk(self, leg: int, port: int) -> None:
        """To that port from now on; 0: to nobody."""
        self.tell(f"{leg} {port}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
