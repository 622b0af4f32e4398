"""SIP over UDP and TCP with asyncio: bytes in and out, cut into messages."""

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import Callable, Coroutine

from tahuri.telephony.sip.message import MESSAGE_BYTES_MAX
from tahuri.telephony.sip.transaction import Flow

UDP_RECEIVE_BUFFER_BYTES = 512 << 10
"""Small on purpose: in a flood, old messages are worth less than new ones."""
TCP_CONNECTIONS_MAX = 500
TCP_CONNECTIONS_A_SOURCE_MAX = 100
"""Of one address, so that a single stranger cannot take them all."""
TCP_CONNECT_TIMEOUT_S = 4.0
TCP_REST_WITHIN_S = 10.0
"""A message that has begun must be whole within this time; half a message keeps no connection."""
TCP_UNSENT_BYTES_MAX = 1 << 20
"""What may wait for one peer; a peer that does not read is disconnected."""
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)

Received = Callable[[bytes, Flow], None]
log = logging.getLogger(__name__)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Received) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > 4:  # shorter: a keep-alive
            self._received(data, Flow("UDP", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """ICMP says that nobody listens there; timers find out as well."""


class _Stream(asyncio.Protocol):
    def __init__(self, transports: "Transports", received: Received) -> None:
        self._transports = transports
        self._received = received
        self._buffer = b""
        self.flow = Flow("TCP", "", 0)
        self.transport: asyncio.Transport | None = None
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.flow = Flow("TCP", str(peer[0]), int(peer[1]))
        self._transports.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for_rest(False)
        self._transports.closed(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._cut()
        self._wait_for_rest(bool(self._buffer))

    def _wait_for_rest(self, on: bool) -> None:
        if self._late is not None and not on:
            self._late.cancel()
            self._late = None
        elif self._late is None and on:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(TCP_REST_WITHIN_S, self._close)

    def _cut(self) -> None:
        """Hand on every whole message."""
        while True:
            self._buffer = self._buffer.lstrip(b"\r\n")
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MESSAGE_BYTES_MAX:
                    self._close()
                return
            length = _LENGTH.search(self._buffer[: end + 2])
            whole = end + 4 + (int(length[1]) if length else 0)
            if length is None or whole > MESSAGE_BYTES_MAX:
                self._received(self._buffer[: end + 4], self.flow)  # gets its 400
                self._close()  # where the next message begins is anybody's guess
                return
            if len(self._buffer) < whole:
                return
            message, self._buffer = self._buffer[:whole], self._buffer[whole:]
            self._wait_for_rest(False)
            self._received(message, self.flow)

    def _close(self) -> None:
        self._buffer = b""
        if self.transport is not None:
            self.transport.close()


class Transports:
    """The sockets of one element.

    Args:
        received: called with each message's bytes and where it came from; must not wait.
    """

    def __init__(self, received: Received) -> None:
        self._received = received
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._streams: dict[tuple[str, int], _Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, address: str, udp_port: int, tcp_port: int | None) -> tuple[int, int]:
        """Listen; port 0 takes a free one.  Returns the UDP and TCP ports (TCP 0: none).

        Raises:
            OSError: a port is taken.
        """
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._received), local_addr=(address, udp_port)
        )
        udp: socket.socket = self._udp.get_extra_info("socket")
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_RECEIVE_BUFFER_BYTES)
        bound = 0
        if tcp_port is not None:
            self._tcp = await loop.create_server(
                lambda: _Stream(self, self._received), address, tcp_port
            )
            bound = self._tcp.sockets[0].getsockname()[1]
        return udp.getsockname()[1], bound

    async def stop(self) -> None:
        """Close every socket."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        for stream in list(self._streams.values()):
            if stream.transport is not None:
                stream.transport.abort()
        await asyncio.sleep(0)

    def send(self, data: bytes, flow: Flow) -> None:
        """Send, and forget: transactions repeat what is lost."""
        if flow.transport == "UDP":
            if self._udp is not None and not self._udp.is_closing():
                self._send_datagram(data, flow)
            return
        stream = self._streams.get((flow.host, flow.port))
        if stream is not None and stream.transport is not None:
            stream.transport.write(data)
            if stream.transport.get_write_buffer_size() > TCP_UNSENT_BYTES_MAX:
                stream.transport.abort()
            return
        self._begin(self._connect(data, flow))

    def drop(self, flow: Flow) -> None:
        """Close a connection whose peer sends too much."""
        stream = self._streams.get((flow.host, flow.port))
        if stream is not None and stream.transport is not None:
            stream.transport.abort()

    def opened(self, stream: _Stream) -> None:
        assert stream.transport is not None
        of_source = sum(1 for host, _ in self._streams if host == stream.flow.host)
        if len(self._streams) >= TCP_CONNECTIONS_MAX or of_source >= TCP_CONNECTIONS_A_SOURCE_MAX:
            stream.transport.abort()
            return
        self._streams[stream.flow.host, stream.flow.port] = stream

    def closed(self, stream: _Stream) -> None:
        if self._streams.get((stream.flow.host, stream.flow.port)) is stream:
            del self._streams[stream.flow.host, stream.flow.port]

    def _send_datagram(self, data: bytes, flow: Flow) -> None:
        assert self._udp is not None
        try:
            socket.inet_pton(socket.AF_INET6 if ":" in flow.host else socket.AF_INET, flow.host)
        except OSError:
            self._begin(self._resolve(data, flow))
            return
        self._udp.sendto(data, (flow.host, flow.port))

    async def _resolve(self, data: bytes, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            found = await loop.getaddrinfo(
                flow.host, flow.port, family=socket.AF_INET, type=socket.SOCK_DGRAM
            )
            if self._udp is not None and not self._udp.is_closing():
                self._udp.sendto(data, found[0][4])

    async def _connect(self, data: bytes, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TCP_CONNECT_TIMEOUT_S):
                _, stream = await loop.create_connection(
                    lambda: _Stream(self, self._received), flow.host, flow.port
                )
        except (OSError, TimeoutError):
            log.warning("sip peer does not take a TCP connection")
            return
        if stream.transport is not None:
            stream.transport.write(data)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
