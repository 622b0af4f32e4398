"""Real media process and plain RTP far ends, for the tests of media and for measuring.

A far end is a UDP socket on loopback that keeps what it got and can send tones at a steady pace.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import cast

import numpy as np

from ports import UDP, free_ports
from tahuri.kernel.clock import monotonic_s
from tahuri.telephony.media import g711, rtp
from tahuri.telephony.media.client import MediaClient
from tahuri.telephony.media.protocol import AnyEvent, RtpPort

FRAME = 160
ADDRESS = "127.0.0.1"


async def until(condition: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait for a condition.  Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110  # conditions of any kind, not only our own
            await asyncio.sleep(0.005)


def free_udp(count: int = 1) -> int:
    """First of ``count`` free consecutive UDP ports on loopback, even."""
    return free_ports(UDP, count=max(count, 2))


class Media:
    """The media process, run as a child; ``client`` talks to it and ``events`` fill up."""

    def __init__(
        self, folder: Path, pairs: int = 16, extra: tuple[str, ...] = (), address: str = ADDRESS
    ) -> None:
        self.address = address
        self.folder = folder
        self.socket = folder / "media.sock"
        self.webrtc = free_udp()
        self._low = free_udp(2 * pairs)
        self._high = self._low + 2 * pairs - 1
        self.extra = extra
        self.events: list[AnyEvent] = []
        self.client = MediaClient(self.socket, self.events.append)
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def __aenter__(self) -> "Media":
        with (self.folder / "media.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tahuri.telephony.media",
                "--socket", str(self.socket), "--address", self.address,
                "--rtp", f"{self._low}-{self._high}", "--webrtc-port", str(self.webrtc),
                *self.extra,
                stdout=log, stderr=log,
            )  # fmt: skip
        self.client.start()
        await until(lambda: self.client.connected)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.client.close()
        await self.stop(signal.SIGTERM)

    async def stop(self, number: signal.Signals) -> None:
        """Signal the process and wait for its end."""
        assert self.process is not None
        if self.process.returncode is None:
            os.kill(self.process.pid, number)
        await self.process.wait()


class FarEnd(asyncio.DatagramProtocol):
    """A SIP phone's media: one UDP socket."""

    def __init__(self) -> None:
        self.packets: list[tuple[float, rtp.Packet]] = []
        """(monotonic seconds, packet) of everything that came."""
        self.source = (ADDRESS, 0)
        self.sequence, self.timestamp, self.ssrc = 1000, 5000, 0x1234
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.udp: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = rtp.parse(data)
        if packet is not None:
            self.packets.append((monotonic_s(), packet))

    def send(self, datagram: bytes, to: RtpPort) -> None:
        assert self._transport is not None
        self._transport.sendto(datagram, (to.address, to.udp))

    def say(self, samples: np.ndarray[tuple[int], np.dtype[np.int16]], to: RtpPort) -> None:
        """One packet of these samples; the next follows it in time."""
        body = g711.encode(g711.PCMA, samples).tobytes()
        self.send(rtp.build(8, self.sequence, self.timestamp, self.ssrc, body), to)
        self.sequence += 1
        self.timestamp += len(samples)

    async def play(self, samples: np.ndarray[tuple[int], np.dtype[np.int16]], to: RtpPort) -> None:
        """All samples, a frame every 20 ms; returns after the last."""
        began = monotonic_s()
        for index in range(len(samples) // FRAME):
            self.say(samples[index * FRAME : (index + 1) * FRAME], to)
            await asyncio.sleep(max(0.0, began + (index + 1) * 0.02 - monotonic_s()))

    def heard(self, since: int = 0) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """Samples of all packets from the ``since``-th on, in order of arrival."""
        bodies = b"".join(p.body for _, p in self.packets[since:] if p.payload == 8)
        return g711.decode(g711.PCMA, np.frombuffer(bodies, np.uint8))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


@contextlib.asynccontextmanager
async def far_end(address: str = ADDRESS) -> AsyncIterator[FarEnd]:
    """A far end on a free port of loopback."""
    loop = asyncio.get_running_loop()
    _, end = await loop.create_datagram_endpoint(FarEnd, local_addr=(address, 0))
    try:
        yield end
    finally:
        end.close()
        await asyncio.sleep(0)


async def joined(media: Media, end: FarEnd, name: str) -> RtpPort:
    """An RTP leg whose remote is the far end."""
    port = await media.client.open_rtp(name)
    await media.client.set_remote(port.port, media.address, end.udp, 8, 101)
    return port
