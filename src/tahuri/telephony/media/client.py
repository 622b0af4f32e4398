"""What the switch holds of media: one typed method a request, events as structs."""

import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import msgspec

from tahuri.telephony import rpc
from tahuri.telephony.media.protocol import (
    AnyEvent,
    AnyRequest,
    Figures,
    Free,
    Gains,
    Hello,
    Holdings,
    Measure,
    MediaError,
    MediaRefused,
    OpenRtp,
    OpenWebrtc,
    Play,
    PlayPort,
    PortFigures,
    Record,
    RecordingClosed,
    RecordingStarted,
    RecordSources,
    RecordStop,
    RtpPort,
    SetRemote,
    SrtpKeys,
    Stats,
    WebrtcPort,
)

RECORD_STOP_TIMEOUT_S = 60.0
"""A recording is closed only when the disk has it; a busy disk takes long."""

Answer = TypeVar("Answer")
Opened = TypeVar("Opened", RtpPort, WebrtcPort, PlayPort)
log = logging.getLogger(__name__)


class MediaClient:
    """Talks to one media process and finds it again when it was restarted.

    Every method raises `MediaRefused` when media says no, and `rpc.Unavailable` when media is
    not there or the connection was lost before its answer.

    Args:
        path: media's socket.
        on_event: called with each event, in order; must not wait.
        on_up: awaited after each connection; call `hello` there and compare ``instance``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        on_event: Callable[[AnyEvent], None] | None = None,
        on_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._on_event = on_event
        self._on_up = on_up
        self._rpc = rpc.Client(path, self._received, self._up)
        self.held: set[int] = set()
        """Ports of the media that is connected: what `hello` told, opened and freed since."""

    @property
    def connected(self) -> bool:
        """Whether a connection to media stands now."""
        return self._rpc.connected

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._rpc.start()

    async def close(self) -> None:
        """Stop for good; calls in flight fail with Unavailable.  Media's ports stay."""
        await self._rpc.close()

    async def hello(self) -> Holdings:
        holdings = await self._ask(Hello(), Holdings)
        self.held |= {port.port for port in holdings.ports}
        return holdings

    async def open_rtp(self, name: str, address: str | None = None) -> RtpPort:
        return self._opened(await self._ask(OpenRtp(name, address), RtpPort))

    async def set_remote(
        self,
        port: int,
        address: str | None,
        udp: int,
        payload: int,
        dtmf: int | None = None,
        srtp: SrtpKeys | None = None,
    ) -> None:
        await self._ask(SetRemote(port, address, udp, payload, dtmf, srtp), None)

    async def open_webrtc(self, name: str, sdp: str) -> WebrtcPort:
        return self._opened(await self._ask(OpenWebrtc(name, sdp), WebrtcPort))

    async def free(self, *ports: int) -> None:
        self.held -= set(ports)
        await self._ask(Free(list(ports)), None)

    async def gains(self, cells: Iterable[tuple[int, int, float]]) -> None:
        """Cells are (hears, says, gain)."""
        await self._ask(Gains(list(cells)), None)

    async def play(self, name: str, file: str | os.PathLike[str], loop: bool = False) -> PlayPort:
        return self._opened(await self._ask(Play(name, os.fspath(file), loop), PlayPort))

    async def record(
        self, path: str | os.PathLike[str], left: Iterable[int], right: Iterable[int]
    ) -> RecordingStarted:
        return await self._ask(Record(os.fspath(path), list(left), list(right)), RecordingStarted)

    async def record_sources(
        self, recording: int, left: Iterable[int], right: Iterable[int]
    ) -> None:
        await self._ask(RecordSources(recording, list(left), list(right)), None)

    async def record_stop(self, recording: int) -> RecordingClosed:
        return await self._ask(RecordStop(recording), RecordingClosed, RECORD_STOP_TIMEOUT_S)

    async def stats(self, ports: bool = False) -> Figures:
        return await self._ask(Stats(ports), Figures)

    async def measure(
        self, ports: Iterable[int], timeout_s: float = rpc.CALL_TIMEOUT_S
    ) -> list[PortFigures]:
        """Of the ports that are known, in no certain order."""
        return await self._ask(Measure(list(ports)), list[PortFigures], timeout_s)

    async def _up(self) -> None:
        self.held.clear()
        if self._on_up is not None:
            await self._on_up()

    def _opened(self, answer: Opened) -> Opened:
        self.held.add(answer.port)
        return answer

    async def _ask(
        self,
        request: AnyRequest,
        answer: type[Answer] | None,
        timeout_s: float = rpc.CALL_TIMEOUT_S,
    ) -> Answer:
        arguments: dict[str, object] = msgspec.to_builtins(request)
        operation = str(arguments.pop("op"))
        try:
            result = await self._rpc.call(operation, timeout_s=timeout_s, **arguments)
        except rpc.Failure as failure:
            for code in MediaError:
                if code == failure.code:
                    raise MediaRefused(code, failure.detail) from failure
            raise rpc.Unavailable(f"media: {failure}") from failure
        return msgspec.convert(result, answer)

    def _received(self, message: rpc.Message) -> None:
        if self._on_event is None:
            return
        try:
            event: AnyEvent = msgspec.convert(message, AnyEvent)
        except msgspec.ValidationError:
            log.warning("media said something this version does not know")
            return
        self._on_event(event)
