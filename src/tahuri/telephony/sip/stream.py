"""One TCP or TLS connection: bytes cut into messages, pings answered (RFC 5626 § 4.4.1)."""

import asyncio
import re
import socket
from collections.abc import Callable
from typing import Protocol

from tahuri.telephony.sip.message import MESSAGE_BYTES_MAX
from tahuri.telephony.sip.transaction import Flow

REST_WITHIN_S = 10.0
"""A message that has begun must be whole within this time; half a message keeps no connection."""
PROBE_AFTER_S = 30
"""Silence after which the kernel asks whether the peer's machine is still there."""
PROBE_EVERY_S = 10
PROBES = 3
PING, PONG = b"\r\n\r\n", b"\r\n"
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r\n", re.IGNORECASE)

Received = Callable[[bytes, Flow], None]


class Owner(Protocol):
    """Who keeps the connections."""

    def opened(self, stream: "Stream") -> None:
        """It can be written to; it may be closed at once."""

    def closed(self, stream: "Stream") -> None:
        """It is gone."""


class Stream(asyncio.Protocol):
    """A connection.

    Args:
        kind: ``TCP`` or ``TLS``.
    """

    def __init__(self, owner: Owner, received: Received, kind: str) -> None:
        self.flow = Flow(kind, "", 0)
        self.names: set[Flow] = set()
        """Flows by which it is found: its peer's address, and what was asked for."""
        self.transport: asyncio.Transport | None = None
        self.used_s = 0.0
        """When something went over it last, on the loop's clock."""
        self._owner = owner
        self._received = received
        self._buffer = b""
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.flow = Flow(self.flow.transport, str(peer[0]), int(peer[1]))
        self._use()
        _probe(transport.get_extra_info("socket"))
        self._owner.opened(self)
        if self._buffer:  # over TLS the first bytes may be there before the handshake is told
            self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for_rest(False)
        self._owner.closed(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self.transport is None:
            return
        self._use()
        self._cut()
        self._wait_for_rest(bool(self._buffer.lstrip(b"\r\n")))

    @property
    def is_open(self) -> bool:
        """Whether it can be written to."""
        return self.transport is not None and not self.transport.is_closing()

    def write(self, data: bytes) -> int:
        """Send; returns how many bytes wait for the peer."""
        assert self.transport is not None
        self._use()
        self.transport.write(data)
        return self.transport.get_write_buffer_size()

    def _use(self) -> None:
        self.used_s = asyncio.get_running_loop().time()

    def _wait_for_rest(self, on: bool) -> None:
        if self._late is not None and not on:
            self._late.cancel()
            self._late = None
        elif self._late is None and on:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(REST_WITHIN_S, self._close)

    def _cut(self) -> None:
        """Hand on every whole message."""
        self._answer_ping()
        while True:
            if not self._buffer.strip(b"\r\n"):
                self._buffer = self._buffer[-3:]  # perhaps the first half of a ping
                return
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
            self._answer_ping()

    def _answer_ping(self) -> None:
        """One answer, however many pings came at once."""
        if self._buffer.startswith(PING) and self.is_open:
            while self._buffer.startswith(PING):
                self._buffer = self._buffer[len(PING) :]
            self.write(PONG)

    def _close(self) -> None:
        self._buffer = b""
        if self.transport is not None:
            self.transport.close()


def _probe(connected: socket.socket) -> None:
    """Let the kernel find a peer whose machine has gone without a word."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_EVERY_S),
        ("TCP_KEEPCNT", PROBES),
        ("TCP_USER_TIMEOUT", 1000 * (PROBE_AFTER_S + PROBE_EVERY_S * PROBES)),
    ):
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
