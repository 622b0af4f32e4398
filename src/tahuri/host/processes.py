"""Our own processes, as the kernel shows them: how many files each has open."""

from collections.abc import Iterator
from pathlib import Path

MODULES = {
    "tahuri.telephony.media": "media",
    "tahuri.telephony.switch": "switch",
    "tahuri.app": "serve",
    "tahuri.work": "work",
}
PROC = Path("/proc")


def open_files(run: Path) -> Iterator[tuple[str, int, int]]:
    """(process, open files, most it may have) of this centre's processes.

    Args:
        run: the centre's folder of sockets and settings, which each of them was told.
    """
    for folder in PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            name = next((MODULES[word] for word in words if word in MODULES), None)
            if name is None or not any(word.startswith(f"{run}/") for word in words):
                continue
            used = sum(1 for _ in (folder / "fd").iterdir())
            yield name, used, _limit((folder / "limits").read_text())
        except OSError:
            continue  # it has just ended


def _limit(text: str) -> int:
    """Of open files, from ``/proc/<pid>/limits``; 0 where there is none."""
    for line in text.splitlines():
        if line.startswith("Max open files"):
            value = line.removeprefix("Max open files").split()[0]
            return int(value) if value.isdecimal() else 0
    return 0
