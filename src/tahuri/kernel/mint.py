"""Mints ids: time-ordered, so that a process that cannot reach any other can name things alone."""

import secrets

from tahuri.kernel import clock
from tahuri.kernel.ids import encoded_id


def new_id() -> str:
    """A new id of 26 characters; two minted in one millisecond differ by 80 bits of chance."""
    return encoded_id(int(clock.now().timestamp() * 1000), secrets.randbits(80))
