"""SIP on loopback as the kernel carries it, and ladders drawn from it.

The capture is a packet socket on ``lo`` (CAP_NET_RAW), below everything of ours: what is drawn was
on the wire.  UDP over IPv4 only.
"""

import asyncio
import re
import socket
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple

from tahuri.kernel.clock import monotonic_s

ETH_P_IP = 0x0800
INCOMING = 0
"""``sll_pkttype`` of a packet that has arrived."""
ETHERNET_BYTES = 14
UDP = 17
SETTLED_S = 0.4
"""So long without a message a ladder is whole."""
WIDE = 30
"""Characters between two columns."""
LEFT_OUT = ("REGISTER", "OPTIONS")
_CSEQ = re.compile(rb"^CSeq\s*:\s*\d+\s+(\w+)", re.IGNORECASE | re.MULTILINE)
_SIP = re.compile(rb"^(?:SIP/2\.0 (\d{3}) |([A-Z]+) \S+ SIP/2\.0\r\n)")


class Message(NamedTuple):
    """One SIP message on its way."""

    source: int
    target: int
    label: str
    """Method, or status and the method that it answers; with SDP or not."""


def read(frame: bytes) -> Message | None:
    """The SIP message in a frame of loopback; None if it is something else."""
    packet = frame[ETHERNET_BYTES:]
    if len(packet) < 28 or packet[0] >> 4 != 4 or packet[9] != UDP:
        return None
    datagram = packet[(packet[0] & 15) * 4 :]
    content = datagram[8:]
    line, cseq = _SIP.match(content), _CSEQ.search(content)
    if line is None or cseq is None or cseq[1].decode() in LEFT_OUT:
        return None
    answers = cseq[1].decode()
    label = f"{line[1].decode()} ({answers})" if line[1] else line[2].decode()
    if content.partition(b"\r\n\r\n")[2].startswith(b"v=0"):
        label += " + SDP"
    ports = (int.from_bytes(datagram[at : at + 2], "big") for at in (0, 2))
    return Message(*ports, label)


class WireTap:
    """Everything that SIP says on loopback while it is open.

    Raises:
        PermissionError: on entering, when this process may not capture.
    """

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self._at_s = monotonic_s()
        self._socket: socket.socket | None = None

    def __enter__(self) -> "WireTap":
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        tap.bind(("lo", ETH_P_IP))
        tap.setblocking(False)
        asyncio.get_running_loop().add_reader(tap, self._readable)
        self._socket = tap
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._socket is not None
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _readable(self) -> None:
        assert self._socket is not None
        while True:
            try:
                frame, address = self._socket.recvfrom(65535)
            except BlockingIOError:
                return
            if address[2] == INCOMING and read(frame) is not None:
                self._at_s = monotonic_s()
                if frame[ETHERNET_BYTES + 20 :] not in (
                    f[ETHERNET_BYTES + 20 :] for f in self._frames
                ):
                    self._frames.append(frame)  # a copy of a message is drawn once

    async def messages(self, ports: Mapping[int, str]) -> list[Message]:
        """What went between these ports, once nothing more comes."""
        while (left_s := self._at_s + SETTLED_S - monotonic_s()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left_s)
        found = [message for frame in self._frames if (message := read(frame)) is not None]
        return [m for m in found if m.source in ports and m.target in ports]


def drawn(messages: Sequence[Message], ports: Mapping[int, str]) -> str:
    """A ladder: a column for each name, in the order of ``ports``, a line for each message."""
    names = list(dict.fromkeys(ports.values()))
    places = {name: 4 + number * WIDE for number, name in enumerate(names)}
    width = 4 + (len(names) - 1) * WIDE + 1
    head = [" "] * (width + 12)
    for name, place in places.items():
        start = max(0, place - len(name) // 2)
        head[start : start + len(name)] = name
    lines = ["".join(head).rstrip()]
    for message in messages:
        one, other = places[ports[message.source]], places[ports[message.target]]
        row = [" "] * width
        for place in places.values():
            row[place] = "│"
        left, right = sorted((one, other))
        row[left + 1 : right] = f" {message.label} ".center(right - left - 1, "─")
        row[right - 1 if one < other else left + 1] = "►" if one < other else "◄"
        lines.append("".join(row).rstrip())
    return "\n".join(lines)


def by_pair(ladder: str) -> dict[tuple[int, int], list[str]]:
    """The lines of a ladder by the columns they go between: two pairs' lines may change places."""
    found: dict[tuple[int, int], list[str]] = {}
    for line in ladder.splitlines()[1:]:
        ends = [at for at, sign in enumerate(line) if sign in "─►◄"]
        found.setdefault((ends[0], ends[-1]), []).append(line)
    return found
