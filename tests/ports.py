"""Free loopback ports for servers that a test starts.

Below the ports that systems hand out by themselves, so that no outgoing connection takes one
between the look and the use; each pytest worker has a part of its own.
"""

import contextlib
import os
import random
import socket
from collections.abc import Sequence

ADDRESS = "127.0.0.1"
FIRST, LAST = 10_000, 19_999
WORKERS = 2
TRIES = 500
UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM

_chance = random.SystemRandom()  # the seeded one would draw the same ports for every test


def _drawn() -> int:
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    each = (LAST + 1 - FIRST) // WORKERS
    first = FIRST + int(number) % WORKERS * each
    return _chance.randrange(first, first + each)


def _are_free(ports: Sequence[int], kinds: Sequence[socket.SocketKind]) -> bool:
    with contextlib.ExitStack() as stack:
        try:
            for kind in kinds:
                for port in ports:
                    tried = stack.enter_context(socket.socket(socket.AF_INET, kind))
                    tried.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def free_ports(*kinds: socket.SocketKind, count: int = 1) -> int:
    """First of ``count`` consecutive ports that nobody uses now, even where there are several.

    Args:
        kinds: the kinds of sockets for which they must be free.

    Raises:
        OSError: there are none.
    """
    for _ in range(TRIES):
        first = _drawn() & ~1 if count > 1 else _drawn()
        if first + count <= LAST and _are_free(range(first, first + count), kinds):
            return first
    raise OSError("no free ports")


def free_port(kind: socket.SocketKind = TCP) -> int:
    """A port that nobody uses now."""
    return free_ports(kind)


def has_ipv6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True
