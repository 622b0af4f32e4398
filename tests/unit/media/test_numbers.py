"""Numbers of ports: those of a media that died mean nothing to the next one."""

from pathlib import Path

import pytest

from ports import UDP, free_ports
from tahuri.telephony.media.engine import Engine, Settings
from tahuri.telephony.media.protocol import Gains, MediaError, MediaRefused


def engine() -> Engine:
    low = free_ports(UDP, count=8)
    settings = Settings("127.0.0.1", low, low + 7, free_ports(UDP))
    return Engine(settings, lambda _: None)


async def test_a_port_of_a_media_that_died_is_no_port_of_the_next(tmp_path: Path) -> None:
    """A call that ends while media comes back must not take another call's sound away.

    Given two media, one after the other; when the second is told to free or mix a port of the
    first; then it refuses, and its own ports are as they were.
    """
    first, second = engine(), engine()
    try:
        old = first.open_rtp("caller").port
        new = second.open_rtp("caller").port
        assert old != new
        second.free([old])
        assert [held.port for held in second.hello().ports] == [new]
        with pytest.raises(MediaRefused) as caught:
            second.gains(Gains([(new, old, 1.0)]))
        assert caught.value.code == MediaError.NO_SUCH_PORT
        assert max(old, new) < 1 << 53, "a number that JavaScript and JSON keep"
    finally:
        await first.stop()
        await second.stop()
