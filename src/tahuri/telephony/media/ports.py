"""Pairs of UDP ports for RTP and RTCP from a range that an administrator opened."""

import contextlib
import socket
from collections import deque
from collections.abc import Sequence

from tahuri.telephony.media.protocol import MediaError, MediaRefused

EXPEDITED_FORWARDING = 0xB8
"""Type of service for voice (DSCP 46, RFC 3246)."""
TRIES_MAX = 64
"""Pairs tried for one leg when others on the machine hold ports of our range."""
RECEIVE_BUFFER_BYTES = 65536
"""About 60 packets: more than the jitter buffer would keep anyway."""


class Pair:
    """Two bound, non-blocking sockets: an even port for RTP, the next for RTCP."""

    def __init__(self, address: str, udp: int, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.address = address
        self.udp = udp
        self.rtp = rtp
        self.rtcp = rtcp


class PortPairs:
    """Hands out pairs, the longest unused first: late packets of an old call find nobody.

    Args:
        addresses: local ones to bind, at most one IPv4 and one IPv6; the first unless asked.
        low, high: first and last port of the range, 1 ≤ low < high ≤ 65535.

    Raises:
        OSError: an address is not this machine's.
    """

    def __init__(self, addresses: Sequence[str], low: int, high: int) -> None:
        if not 1 <= low < high <= 65535:
            raise ValueError(f"not a range of UDP ports: {low}-{high}")
        for address in addresses:
            bound(socket_family(address), address, 0).close()
        self._addresses = addresses
        self._free = deque(range(low + low % 2, high, 2))

    @property
    def free(self) -> int:
        """Pairs left."""
        return len(self._free)

    def open(self, at: str | None = None) -> Pair:
        """A bound pair.

        Args:
            at: one of the addresses; None: the first.

        Raises:
            MediaRefused: ``bad-request`` if ``at`` is none of ours, ``ports-exhausted`` if no pair
                is left or binds.
        """
        address = self._addresses[0] if at is None else at
        if address not in self._addresses:
            raise MediaRefused(MediaError.BAD_REQUEST, f"no RTP is spoken at {address}")
        for _ in range(min(TRIES_MAX, len(self._free))):
            udp = self._free.popleft()
            rtp = rtcp = None
            try:
                rtp = bound(socket_family(address), address, udp)
                rtcp = bound(socket_family(address), address, udp + 1)
            except OSError:  # someone else on this machine has it
                if rtp is not None:
                    rtp.close()
                self._free.append(udp)
                continue
            return Pair(address, udp, rtp, rtcp)
        raise MediaRefused(MediaError.PORTS_EXHAUSTED, "no UDP port pair is left")

    def close(self, pair: Pair) -> None:
        """Close the sockets and put the pair at the end of the line."""
        pair.rtp.close()
        pair.rtcp.close()
        self._free.append(pair.udp)


def socket_family(address: str) -> socket.AddressFamily:
    """Of an IP address as text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def bound(
    family: socket.AddressFamily, address: str, udp: int, buffer_bytes: int = RECEIVE_BUFFER_BYTES
) -> socket.socket:
    """A non-blocking UDP socket that marks what it sends as voice.  Raises OSError."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        with contextlib.suppress(OSError):  # marking is a courtesy; some systems refuse it
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, EXPEDITED_FORWARDING)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, EXPEDITED_FORWARDING)
        sock.bind((address, udp))
    except OSError:
        sock.close()
        raise
    return sock
