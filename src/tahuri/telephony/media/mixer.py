"""One tick of sound for all ports: read what is said, mix, build what is sent and recorded.

Pure: packets come in as samples and go out as bytes; sockets and files are elsewhere.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from tahuri.telephony.media import g711
from tahuri.telephony.media.jitter import FRAME, ROWS_MAX, Frames, JitterBuffers
from tahuri.telephony.media.matrix import Matrix, Plan
from tahuri.telephony.media.rtp import HEADER_BYTES

PACKET_BYTES: Final = HEADER_BYTES + FRAME


class Player:
    """A sound that is said from its start, frame by frame.

    Args:
        samples: shape (n,), n ≥ 1, as float32 in units of int16.
        loop: begin again without a gap when it ends.
    """

    def __init__(self, samples: npt.NDArray[np.float32], loop: bool) -> None:
        self._samples = samples
        self._loop = loop
        self._position = 0
        self.told = False
        """Whether its end was told."""

    @property
    def ended(self) -> bool:
        return not self._loop and self._position >= len(self._samples)

    def next(self) -> npt.NDArray[np.float32]:
        """The next 160 samples; silence after the end."""
        length = len(self._samples)
        indices = np.arange(self._position, self._position + FRAME)
        self._position += FRAME
        if self._loop:
            self._position %= length
            return self._samples[indices % length]
        frame = np.zeros(FRAME, np.float32)
        part = self._samples[indices[0] : indices[0] + FRAME]
        frame[: len(part)] = part
        return frame


class Outgoing:
    """RTP headers of all rows: built as one block, so that a leg costs next to nothing."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._sequence = np.zeros(ROWS_MAX, np.uint16)
        self._timestamp = np.zeros(ROWS_MAX, np.uint32)
        self._ssrc = np.zeros(ROWS_MAX, np.uint32)

    def begin(self, row: int) -> int:
        """Random start of a stream, as RFC 3550 wants it.  Returns its SSRC."""
        self._sequence[row] = self._random.integers(1 << 15)
        self._timestamp[row] = self._random.integers(1 << 31)
        self._ssrc[row] = self._random.integers(1, 1 << 32)
        return int(self._ssrc[row])

    def timestamp(self, row: int) -> int:
        """RTP timestamp of the latest packet."""
        return int(self._timestamp[row])

    def build(
        self, rows: npt.NDArray[np.intp], payloads: g711.Octets, samples: npt.NDArray[np.int16]
    ) -> g711.Octets:
        """Packets of shape (n, 172) for n rows that send ``samples`` (n, 160)."""
        packets = np.empty((len(rows), PACKET_BYTES), np.uint8)
        if len(rows) == 0:
            return packets
        self._sequence[rows] += np.uint16(1)
        self._timestamp[rows] += np.uint32(FRAME)
        packets[:, 0] = 0x80
        packets[:, 1] = payloads
        for start, end, kind, numbers in (
            (2, 4, ">u2", self._sequence),
            (4, 8, ">u4", self._timestamp),
            (8, 12, ">u4", self._ssrc),
        ):
            packets[:, start:end] = numbers[rows].astype(kind)[:, None].view(np.uint8)
        packets[:, HEADER_BYTES:] = g711.encode(g711.PCMA, samples)
        mu_law = payloads == g711.PCMU
        if mu_law.any():
            packets[mu_law, HEADER_BYTES:] = g711.encode(g711.PCMU, samples[mu_law])
        return packets


class Sender(Struct, frozen=True):
    """A leg that gets a packet each tick."""

    port: int
    row: int
    payload: int


class Mixed(Struct, frozen=True):
    packets: g711.Octets
    """Shape (senders, 172), in the order of the senders."""
    recorded: npt.NDArray[np.int16]
    """Shape (recordings, 160, 2), in the order of the recordings."""


class Mixer:
    """Keeps ports' sound.  Change the parts as you like, then call `changed` before `tick`."""

    def __init__(self, random: np.random.Generator) -> None:
        self.matrix = Matrix()
        self.buffers = JitterBuffers()
        self.outgoing = Outgoing(random)
        self.players: dict[int, Player] = {}
        self._rows = np.zeros(0, np.intp)
        self._players: list[Player] = []
        self._sender_rows = np.zeros(0, np.intp)
        self._payloads = np.zeros(0, np.uint8)
        self._plan = Plan([], 0)

    def changed(
        self, rows: dict[int, int], senders: Sequence[Sender], recordings: Sequence[int]
    ) -> None:
        """Make the next ticks ready.

        Args:
            rows: row of each port whose stream has begun.
            senders: legs that have somewhere to send to.
            recordings: recordings that run; their sinks are `left` and `right`.
        """
        sources = {port: index for index, port in enumerate([*rows, *self.players])}
        sinks = [sender.port for sender in senders]
        for recording in recordings:
            sinks += [left(recording), right(recording)]
        self._rows = np.array(list(rows.values()), np.intp)
        self._players = list(self.players.values())
        self._sender_rows = np.array([sender.row for sender in senders], np.intp)
        self._payloads = np.array([sender.payload for sender in senders], np.uint8)
        self._plan = self.matrix.plan(sinks, sources)

    def tick(self) -> Mixed:
        """The next 20 ms."""
        count = len(self._rows)
        said: Frames = np.empty((count + len(self._players), FRAME), np.float32)
        said[:count] = self.buffers.read(self._rows)
        for index, player in enumerate(self._players):
            said[count + index] = player.next()
        heard = self._plan.mix(said)
        sent = len(self._sender_rows)
        packets = self.outgoing.build(self._sender_rows, self._payloads, heard[:sent])
        return Mixed(packets, heard[sent:].reshape(-1, 2, FRAME).transpose(0, 2, 1))


def left(recording: int) -> int:
    """Name of a recording's left channel as a sink; ports are positive, these are not."""
    return -2 * recording


def right(recording: int) -> int:
    """Name of a recording's right channel as a sink."""
    return -2 * recording - 1
