"""The media process: requests in, answers and events out, and the sound in between."""

import argparse
import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

import msgspec

from tahuri.host.logs import configure_logs
from tahuri.telephony import rpc
from tahuri.telephony.media.clockwork import MIXING_PRIORITY, realtime, still_heap
from tahuri.telephony.media.engine import Engine, Settings
from tahuri.telephony.media.protocol import (
    NAME_LENGTH_MAX,
    PATH_LENGTH_MAX,
    SDP_LENGTH_MAX,
    AnyEvent,
    AnyRequest,
    Free,
    Gains,
    Hello,
    Measure,
    MediaError,
    MediaRefused,
    OpenRtp,
    OpenWebrtc,
    Play,
    Record,
    RecordSources,
    RecordStop,
    SetRemote,
    Stats,
)

log = logging.getLogger(__name__)


def checked(operation: str, arguments: rpc.Message) -> AnyRequest:
    """The request as a struct.  Raises MediaRefused ``bad-request``, naming the fault."""
    try:
        request: AnyRequest = msgspec.convert({**arguments, "op": operation}, AnyRequest)
    except msgspec.ValidationError as error:
        raise MediaRefused(MediaError.BAD_REQUEST, str(error)) from error
    for name, limit in (
        ("name", NAME_LENGTH_MAX),
        ("path", PATH_LENGTH_MAX),
        ("file", PATH_LENGTH_MAX),
        ("sdp", SDP_LENGTH_MAX),
    ):
        if len(getattr(request, name, "")) > limit:
            raise MediaRefused(MediaError.BAD_REQUEST, f"{name} is longer than {limit}")
    return request


async def carried_out(engine: Engine, request: AnyRequest) -> object:
    """The answer to a request.  Raises MediaRefused."""
    match request:
        case Hello():
            return engine.hello()
        case OpenRtp(name=name, address=address):
            return engine.open_rtp(name, address)
        case SetRemote():
            engine.set_remote(request)
        case OpenWebrtc():
            return engine.open_webrtc(request)
        case Free(ports=ports):
            engine.free(ports)
        case Gains():
            engine.gains(request)
        case Play():
            return await engine.play(request)
        case Record():
            return await engine.record(request)
        case RecordSources():
            engine.record_sources(request)
        case RecordStop(recording=recording):
            return await engine.record_stop(recording)
        case Stats(ports=ports):
            return engine.stats(ports)
        case Measure(ports=ports):
            return engine.measure(ports)
        case _:
            assert_never(request)
    return None


class MediaServer:
    """One engine behind one socket.

    Args:
        path: the socket to listen on; an old one is replaced.
        settings: for the engine.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._rpc = rpc.Server(path, self._handle)
        self._settings = settings
        self._engine: Engine | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve until ``stopping``; recordings are closed before it returns.

        Raises OSError if an address or the socket cannot be had.
        """
        favoured = realtime(MIXING_PRIORITY)
        engine = Engine(self._settings, self._tell)
        self._engine = engine
        engine.realtime = favoured
        if not engine.realtime:
            log.warning("no realtime scheduling: other load on this machine may delay the sound")
        try:
            await self._rpc.start()
            still_heap()
            log.info("media is ready")
            ticking = asyncio.create_task(engine.clockwork.run(), name="ticks")
            await stopping.wait()
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
        finally:
            await self._rpc.stop()
            await engine.stop()

    def _tell(self, event: AnyEvent) -> None:
        self._rpc.push(msgspec.to_builtins(event))

    async def _handle(self, operation: str, arguments: rpc.Message) -> object:
        assert self._engine is not None
        try:
            answer = await carried_out(self._engine, checked(operation, arguments))
        except MediaRefused as refused:
            raise rpc.Failure(refused.code, refused.detail) from refused
        return msgspec.to_builtins(answer)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m tahuri.telephony.media``: run until SIGTERM or SIGINT.

    Exit status 0: stopped as asked; 1: an address or the socket could not be had.
    """
    parser = argparse.ArgumentParser(prog="tahuri media", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--address", required=True, help="local IP address of the media")
    parser.add_argument("--other-address", help="the same of the other IP family")
    parser.add_argument("--rtp", default="20000-29999", help="UDP ports LOW-HIGH")
    parser.add_argument("--webrtc-port", type=int, required=True)
    parser.add_argument("--recordings", type=Path, help="the only folder to record into")
    args = parser.parse_args(argv)
    low, _, high = args.rtp.partition("-")
    if not (low.isdecimal() and high.isdecimal() and 1 <= int(low) < int(high) <= 65535):
        parser.error("--rtp must be LOW-HIGH, 1 to 65535")
    configure_logs()
    settings = Settings(
        args.address,
        int(low),
        int(high),
        args.webrtc_port,
        other_address=args.other_address,
        recordings=args.recordings,
    )
    try:
        asyncio.run(_until_signal(MediaServer(args.socket, settings)))
    except OSError as error:
        log.error("media cannot start: %s", error)
        return 1
    return 0


async def _until_signal(server: MediaServer) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.run(stopping)
