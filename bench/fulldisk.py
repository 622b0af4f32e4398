"""Does a reserve take facts on a full disk of this filesystem?  By hand, on a disk to be filled.

``python -m bench.fulldisk FOLDER [MIB]``: makes a reserve there, fills the disk to the last block,
writes the reserve whole, twice, syncing each mebibyte, and reads it back past the cache.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

from tahuri.telephony import preallocated

STEP = 1 << 20


def fill(folder: Path) -> None:
    """Big files, then small ones, then names: nothing more fits."""
    for size in (STEP, 4096, 1):
        with contextlib.suppress(OSError), (folder / f"filler-{size}").open("wb", 0) as file:
            while file.write(os.urandom(size)) == size:
                pass
            os.fsync(file)
    with contextlib.suppress(OSError):
        for number in range(100_000):
            (folder / f"small-{number}").write_bytes(b"x" * 100)
    os.sync()
    with contextlib.suppress(OSError), (folder / "filler-4096").open("ab", 0) as file:
        while file.write(os.urandom(4096)) == 4096:
            pass


def use(path: Path, size: int) -> str:
    """Write all of it in place; what became of it."""
    blocks = [os.urandom(STEP) for _ in range(size // STEP)]
    opened = os.open(path, os.O_RDWR)
    try:
        for number, block in enumerate(blocks):
            try:
                preallocated.put(opened, block, number * STEP)
                os.fsync(opened)
            except OSError as error:
                return f"{number} of {len(blocks)} MiB, then {error.strerror}"
        os.posix_fadvise(opened, 0, 0, os.POSIX_FADV_DONTNEED)
        same = all(os.pread(opened, STEP, n * STEP) == one for n, one in enumerate(blocks))
    finally:
        os.close(opened)
    return "whole" if same else "read back wrongly"


def main() -> None:
    """Print a line for each step."""
    folder, size = Path(sys.argv[1]), int(sys.argv[2] if len(sys.argv) > 2 else 64) * STEP
    path = folder / "reserve"
    begun = time.perf_counter()
    preallocated.build(path, size)
    took_s = time.perf_counter() - begun
    with path.open("rb") as file:
        firm = preallocated.is_firm(file.fileno())
    print(f"made in {took_s:.2f} s, a block for each byte: {firm}")
    fill(folder)
    print(f"free: {os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize} bytes")
    print("first use:", use(path, size))
    print("second use:", use(path, size))


if __name__ == "__main__":
    main()
