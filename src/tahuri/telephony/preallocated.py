"""Files whose blocks all exist already: writing into them asks the disk for no room (ADR 0024)."""

import contextlib
import errno
import fcntl
import os
import threading
from pathlib import Path

STEP_BYTES = 1 << 20
LEFT_BYTES_MIN = 16 << 20
"""Free on the disk when the file is made: the attempt must not cost a recording its room."""
NO_FALLOCATE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What a filesystem answers that cannot reserve blocks; zeros are written all the same."""
GET_FLAGS, SET_FLAGS = 0x80086601, 0x40086602
"""``FS_IOC_GETFLAGS`` and ``FS_IOC_SETFLAGS`` (linux/fs.h), of 64-bit machines."""
NO_COPY_ON_WRITE = 0x00800000
"""``FS_NOCOW_FL``: btrfs then writes over a block instead of beside it."""


def build(path: Path, size: int, stopping: threading.Event | None = None) -> bool:
    """Make a file of zeros that are really on the disk, or none.  May take seconds.

    Blocks are not only reserved but written: a filesystem that overwrites in place (ext4, XFS,
    tmpfs) then needs nothing more for a write, not even for the list of which blocks are written.

    Args:
        size: bytes.
        stopping: set: give up.

    Returns:
        Whether it was made; False: told to stop.

    Raises:
        OSError: there is no room, or the disk fails; nothing is left of it.
    """
    status = os.statvfs(path.parent)
    if status.f_bavail * status.f_frsize < size + LEFT_BYTES_MIN:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            _no_copies(opened)
            _reserve(opened, size)
            blank = bytes(min(STEP_BYTES, size))
            for at in range(0, size, len(blank) or 1):
                if stopping is not None and stopping.is_set():
                    path.unlink()
                    return False
                put(opened, blank[: size - at], at)
                os.fdatasync(opened)
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return True


def put(file: int, content: bytes, at: int) -> None:
    """Write all of it at a place.  Raises OSError, also for a part."""
    if os.pwrite(file, content, at) != len(content):
        raise OSError(errno.ENOSPC, "only a part was written")


def is_firm(file: int) -> bool:
    """Whether the filesystem holds a block for each byte (no holes, nothing squeezed)."""
    status = os.fstat(file)
    return status.st_blocks * 512 >= status.st_size


def sync_folder(folder: Path) -> None:
    """Bring the names in it to the disk.  Raises OSError."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _no_copies(file: int) -> None:
    with contextlib.suppress(OSError):
        flags = bytearray(8)
        fcntl.ioctl(file, GET_FLAGS, flags)
        now = int.from_bytes(flags[:4], "little") | NO_COPY_ON_WRITE
        fcntl.ioctl(file, SET_FLAGS, now.to_bytes(8, "little"))


def _reserve(file: int, size: int) -> None:
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in NO_FALLOCATE:
            raise
