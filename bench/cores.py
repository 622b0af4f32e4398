"""Who runs on which core: the centre on one, the far ends on another."""

import os
from pathlib import Path

from msgspec import Struct


class Cores(Struct, frozen=True):
    """Where things run; both empty on a machine with one core."""

    centre: frozenset[int]
    far_ends: frozenset[int]

    def __str__(self) -> str:
        return "centre on one core, far ends on another" if self.centre else "all on the only core"


def parted() -> Cores:
    """The first core this process may use is the centre's, the last the far ends'."""
    mine = sorted(os.sched_getaffinity(0))
    if len(mine) < 2:
        return Cores(frozenset(), frozenset())
    return Cores(frozenset(mine[:1]), frozenset(mine[-1:]))


def pin(pid: int, cores: frozenset[int]) -> None:
    """All threads of a process to these cores; empty: as they are."""
    if cores:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), cores)


def cpu_s(pid: int) -> float:
    """CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid: int) -> int:
    """Resident memory of a process."""
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
