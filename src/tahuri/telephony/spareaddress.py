"""Where a socket listens when the disk has no room for its name (XFS makes none when it is full).

A name in Linux's abstract namespace takes no room, and no mode protects it: both ends ask the
kernel whether the other is of the same user.
"""

import errno
import os
import socket
import struct
from asyncio import StreamWriter
from hashlib import sha256
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
CREDENTIALS = struct.Struct("3i")
"""``struct ucred`` of unix(7): pid, uid, gid."""


def spare_of(path: str | os.PathLike[str]) -> str:
    """The abstract address that stands for a socket's path."""
    return "\0tahuri-" + sha256(os.fsencode(Path(path).absolute())).hexdigest()


def is_ours(writer: StreamWriter) -> bool:
    """Whether the other end is a process of our user, or of root."""
    end = writer.get_extra_info("socket")
    raw = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return CREDENTIALS.unpack(raw)[1] in (0, os.geteuid())
