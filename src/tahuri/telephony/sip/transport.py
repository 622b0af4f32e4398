"""SIP over UDP, TCP and TLS with asyncio: bytes in and out."""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence

from tahuri.telephony.families import is_address
from tahuri.telephony.sip.gate import neighbourhood
from tahuri.telephony.sip.stream import Received, Stream
from tahuri.telephony.sip.tls import client_context, fault_of
from tahuri.telephony.sip.transaction import Flow

UDP_RECEIVE_BUFFER_BYTES = 512 << 10
"""Small on purpose: in a flood, old messages are worth less than new ones."""
KEEP_ALIVE_BYTES_MAX = 4
"""A datagram so short is a keep-alive."""
TCP_CONNECTIONS_MAX = 500
TCP_CONNECTIONS_A_SOURCE_MAX = 100
"""Of one address, so that a single stranger cannot take them all."""
TCP_CONNECT_TIMEOUT_S = 4.0
TLS_HANDSHAKE_WITHIN_S = 5.0
TCP_IDLE_S = 600.0
"""A connection that nothing went over for so long is closed, unless somebody needs it."""
TCP_IDLE_LOOK_S = 15.0
FAULTS_MAX = 200
"""Peers of whom it is known why they could not be reached last."""
TCP_UNSENT_BYTES_MAX = 1 << 20
"""What may wait for one peer; a peer that does not read is disconnected."""

log = logging.getLogger(__name__)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received: Received) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > KEEP_ALIVE_BYTES_MAX:
            self._received(data, Flow("UDP", addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """ICMP says that nobody listens there; timers find out as well."""


def _bound(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    """A UDP socket of one family, however the machine treats ``::``.  Raises OSError."""
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_RECEIVE_BUFFER_BYTES)
        udp.setblocking(False)
        udp.bind((address, port))
    except OSError:
        udp.close()
        raise
    return udp


class _Greeter(asyncio.Protocol):
    """A connection before its handshake: counted from the first moment, gone after a while."""

    def __init__(self, transports: "Transports") -> None:
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._transports.greet(transport, self)


class Transports:
    """The sockets of one element.

    Args:
        received: called with each message and where it came from.
        needs: whether a connection must not be closed, however idle it is.
        greets: whether an address may have a handshake now, which costs a millisecond.
        unreachable: called when a connection could not be made.
        names: addresses of names that somebody has looked up; others are looked up here.
    """

    def __init__(
        self,
        received: Received,
        needs: Callable[[set[Flow]], bool] = lambda _: False,
        greets: Callable[[str], bool] = lambda _: True,
        unreachable: Callable[[Flow], None] = lambda _: None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.peers: dict[tuple[str, int], ssl.SSLContext] = {}
        """How the certificates of some whom we connect to are checked, by host and port; others
        must convince the machine's own list of authorities."""
        self.faults: dict[Flow, str] = {}
        """Why the last attempt to reach a peer failed; none of those that were reached since."""
        self._strict: ssl.SSLContext | None = None
        self._received = received
        self._needs = needs
        self._greets = greets
        self._unreachable = unreachable
        self._names: Mapping[str, str] = {} if names is None else names
        self._udp: dict[socket.AddressFamily, asyncio.DatagramTransport] = {}
        """The first family's first."""
        self._servers: list[asyncio.Server] = []
        self._context: ssl.SSLContext | None = None
        self._streams: dict[Flow, Stream] = {}
        self._connecting: dict[Flow, bytearray] = {}
        self._greeting: dict[asyncio.Transport, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None

    async def start(
        self,
        addresses: Sequence[str],
        udp_port: int,
        tcp_port: int | None,
        tls_port: int | None = None,
        context: ssl.SSLContext | None = None,
    ) -> tuple[int, int, int]:
        """Listen; port 0 takes a free one.  Returns the UDP, TCP and TLS ports (0: none).

        Args:
            addresses: at most one of each IP family; all have the same ports.
            context: needed with a ``tls_port``.

        Raises:
            OSError: a port is taken.
        """
        loop = asyncio.get_running_loop()
        bound = [0, 0, 0]
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            udp = _bound(family, address, bound[0] or udp_port)
            self._udp[family], _ = await loop.create_datagram_endpoint(
                lambda: _Datagrams(self._received), sock=udp
            )
            bound[0] = udp.getsockname()[1]
            if tcp_port is not None:
                bound[1] = await self._listen(
                    lambda: Stream(self, self._received, "TCP"), address, bound[1] or tcp_port
                )
            if tls_port is not None and context is not None:
                self._context = context
                bound[2] = await self._listen(lambda: _Greeter(self), address, bound[2] or tls_port)
        self._look = loop.call_later(TCP_IDLE_LOOK_S, self._close_idle)
        return bound[0], bound[1], bound[2]

    async def _listen(
        self, protocol: Callable[[], asyncio.Protocol], address: str, port: int
    ) -> int:
        server = await asyncio.get_running_loop().create_server(protocol, address, port)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every socket."""
        if self._look is not None:
            self._look.cancel()
        for server in self._servers:
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for udp in self._udp.values():
            udp.close()
        for greeted in list(self._greeting):
            greeted.abort()
        for stream in set(self._streams.values()):
            if stream.transport is not None:
                stream.transport.abort()
        await asyncio.sleep(0)

    # ---- sending --------------------------------------------------------------------------------

    def send(self, data: bytes, flow: Flow, instead: Flow | None = None) -> None:
        """Send, and forget: transactions repeat what is lost.

        Args:
            instead: where to connect to when the connection ``flow`` is there no longer.
        """
        if not flow.reliable:
            self._send_datagram(data, flow)
            return
        for one in (flow, instead):
            stream = self._streams.get(one) if one is not None else None
            if stream is not None and stream.is_open:
                if stream.write(data) > TCP_UNSENT_BYTES_MAX and stream.transport is not None:
                    stream.transport.abort()
                return
        to = instead or flow
        waiting = self._connecting.get(to)
        if waiting is None:
            self._connecting[to] = bytearray(data)
            self._begin(self._connect(to))
        elif len(waiting) + len(data) <= TCP_UNSENT_BYTES_MAX:
            waiting += data

    def drop(self, flow: Flow) -> None:
        """Close a connection whose peer sends too much."""
        stream = self._streams.get(flow)
        if stream is not None and stream.transport is not None:
            stream.transport.abort()

    def _send_datagram(self, data: bytes, flow: Flow) -> None:
        host = self._names.get(flow.host, flow.host)
        if not is_address(host):
            self._begin(self._resolve(data, flow))
            return
        self.faults.pop(flow, None)  # its name is known
        udp = self._udp.get(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if udp is None:
            log.warning("sip peer has an address of the other family")
        elif not udp.is_closing():
            udp.sendto(data, (host, flow.port))

    async def _resolve(self, data: bytes, flow: Flow) -> None:
        """Send to a name: by our first address if the name has one of its family."""
        loop = asyncio.get_running_loop()
        for family, udp in list(self._udp.items()):
            with contextlib.suppress(OSError, UnicodeError):  # the latter: no name at all, ``a..b``
                found = await loop.getaddrinfo(
                    flow.host, flow.port, family=family, type=socket.SOCK_DGRAM
                )
                self.faults.pop(flow, None)
                if not udp.is_closing():
                    udp.sendto(data, found[0][4])
                return
        self._fail(flow, "name-unknown")

    # ---- connections ----------------------------------------------------------------------------

    def opened(self, stream: Stream) -> None:
        """A connection stands."""
        assert stream.transport is not None
        if not self._has_room(stream.flow.host):
            stream.transport.abort()
            return
        self._name(stream, stream.flow)

    def closed(self, stream: Stream) -> None:
        """A connection is gone."""
        for name in stream.names:
            if self._streams.get(name) is stream:
                del self._streams[name]

    def greet(self, transport: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        """Begin the handshake with somebody who connected."""
        host = str(transport.get_extra_info("peername")[0])
        if not (self._has_room(host) and self._greets(host)):
            transport.abort()
            return
        self._greeting[transport] = host
        self._begin(self._shake_hands(transport, protocol))

    async def _shake_hands(self, raw: asyncio.Transport, protocol: asyncio.Protocol) -> None:
        assert self._context is not None
        stream = Stream(self, self._received, "TLS")
        try:
            secured = await asyncio.get_running_loop().start_tls(
                raw,
                stream,
                self._context,
                server_side=True,
                ssl_handshake_timeout=TLS_HANDSHAKE_WITHIN_S,
            )
        except (OSError, ssl.SSLError) as error:
            log.info("sip peer failed the tls handshake", extra={"error": type(error).__name__})
            secured = None
        except asyncio.CancelledError:
            raw.abort()
            raise
        finally:
            self._greeting.pop(raw, None)
        if secured is None:
            raw.abort()
        else:
            stream.connection_made(secured)

    async def _connect(self, flow: Flow) -> None:
        stream: Stream | None = None
        faults: list[str] = []
        for host in dict.fromkeys((self._names.get(flow.host, flow.host), flow.host)):
            try:
                stream = await self._connected(flow, host)
                break
            except (OSError, ssl.SSLError, TimeoutError, UnicodeError) as error:
                faults.append(fault_of(error))
                log.warning(
                    "sip peer does not take a connection",
                    extra={
                        "transport": flow.transport,
                        "error": type(error).__name__,
                        "fault": faults[-1],
                    },
                )
        waiting = self._connecting.pop(flow, bytearray())
        if stream is None:
            self._fail(flow, faults[0])  # of the address that is known, if one is
            self._unreachable(flow)
            return
        self.faults.pop(flow, None)
        if stream.is_open:
            self._name(stream, flow)
            stream.write(bytes(waiting))
        else:
            self._unreachable(flow)  # too many connections

    async def _connected(self, flow: Flow, host: str) -> Stream:
        """A connection to one address; the certificate must name whom the flow names."""
        secure = flow.transport == "TLS"
        async with asyncio.timeout(TCP_CONNECT_TIMEOUT_S):
            _, stream = await asyncio.get_running_loop().create_connection(
                lambda: Stream(self, self._received, flow.transport),
                host,
                flow.port,
                ssl=self._context_for(flow) if secure else None,
                server_hostname=flow.host if secure else None,
            )
        return stream

    def _fail(self, flow: Flow, fault: str) -> None:
        self.faults.pop(flow, None)
        self.faults[flow] = fault
        if len(self.faults) > FAULTS_MAX:
            del self.faults[next(iter(self.faults))]

    def _context_for(self, flow: Flow) -> ssl.SSLContext | None:
        known = self.peers.get((flow.host, flow.port))
        if known is None and self._strict is None:
            self._strict = client_context()
        return known or self._strict

    def _name(self, stream: Stream, flow: Flow) -> None:
        stream.names.add(flow)
        self._streams[flow] = stream

    def _has_room(self, host: str) -> bool:
        hosts = [stream.flow.host for stream in set(self._streams.values())]
        near = [neighbourhood(one) for one in (*hosts, *self._greeting.values())]
        of_source = near.count(neighbourhood(host))
        return len(near) < TCP_CONNECTIONS_MAX and of_source < TCP_CONNECTIONS_A_SOURCE_MAX

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        for stream in set(self._streams.values()):
            idle_s = loop.time() - stream.used_s
            if idle_s >= TCP_IDLE_S and stream.is_open and not self._needs(stream.names):
                assert stream.transport is not None
                stream.transport.close()
        self._look = loop.call_later(TCP_IDLE_LOOK_S, self._close_idle)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
