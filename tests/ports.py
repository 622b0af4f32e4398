"""Free loopback ports for servers that a test starts.

Below the ports that systems hand out by themselves, so that no outgoing connection takes one
between the look and the use; each pytest worker has a part of its own, and is given one after the
other: what was given a moment ago may not be bound yet.
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
SPARE = 16
"""Left free behind what is given: a demo takes some next to the one that it is told."""
UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM

_chance = random.SystemRandom()  # the seeded one would begin alike in every run
_given = 0
"""How many ports were given, from where the first was drawn."""


def _part() -> tuple[int, int]:
    """First port and number of ports of this worker."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    each = (LAST + 1 - FIRST) // WORKERS
    return FIRST + int(number) % WORKERS * each, each


def _next(count: int) -> int:
    """The next ``count`` ports; round and round, never over the end."""
    global _given
    first, each = _part()
    if _given == 0:
        _given = _chance.randrange(each)
    at = _given % each
    if count > 1:
        at += at & 1
    if at + count > each:
        at = 0
    _given = at + count + SPARE
    return first + at


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
        first = _next(count)
        if _are_free(range(first, first + count), kinds):
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
