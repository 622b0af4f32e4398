"""Browser seats: a WebSocket each, so that a seat needs neither `serve` nor the database."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from http import HTTPStatus

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tahuri.telephony import plaintext
from tahuri.telephony.media.protocol import SDP_LENGTH_MAX, MediaRefused
from tahuri.telephony.protocol.operations import SUPERVISOR_OPERATIONS
from tahuri.telephony.protocol.snapshot import QueuedView
from tahuri.telephony.protocol.words import SUBPROTOCOL
from tahuri.telephony.rpc import UNREADABLE, Failure, Message, Unavailable
from tahuri.telephony.switch import audio, operations, seats, views
from tahuri.telephony.switch.core import Core
from tahuri.telephony.switch.model import Seat
from tahuri.telephony.token import BadToken, SeatToken, verify
from tahuri.tlsfiles import Followed

PATH = "/seat"
STATE_EVERY_S = 5.0
PING_EVERY_S = 5.0
PING_TIMEOUT_S = 10.0
ATTACH_TIMEOUT_S = 10.0
MESSAGE_BYTES_MAX = 64 << 10
CONNECTIONS_MAX = 1000
ATTACHING_MAX = 50
"""Connections of one address that have not said yet which seat they are; a browser needs one."""
SUPERVISOR = "supervisor"
"""The role in a seat's token."""

log = logging.getLogger(__name__)
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class SeatSockets:
    """All connected browsers.

    Args:
        key: signs seat tokens.
    """

    def __init__(self, core: Core, key: bytes) -> None:
        self._core = core
        self._key = key
        self._server: Server | None = None
        self._connected: dict[str, ServerConnection] = {}
        self._attaching: Counter[str] = Counter()
        """By address."""
        self._wake: dict[str, asyncio.Event] = {}
        core.on_change.append(self._changed)

    async def start(self) -> int:
        """Listen; returns the port.  Raises OSError."""
        settings = self._core.settings.websocket
        context = None
        if settings.tls is not None:
            followed = Followed(settings.tls.cert, settings.tls.key)
            context = followed.context
            self._core.spawn(followed.follow())
        self._server = await serve(
            self._connection,
            settings.address,
            settings.port,
            ssl=context,
            subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
            process_request=self._admit,
            max_size=MESSAGE_BYTES_MAX,
            ping_interval=PING_EVERY_S,
            ping_timeout=PING_TIMEOUT_S,
            compression=None,
        )
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def stop(self) -> None:
        """Close every connection; seats stay taken."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        origin = request.headers.get("Origin")
        if request.path.partition("?")[0] != PATH:
            return _refusal(HTTPStatus.NOT_FOUND)
        if origin is not None and origin not in self._core.settings.websocket.origins:
            return _refusal(HTTPStatus.FORBIDDEN)
        full = self._attaching[_host(connection)] >= ATTACHING_MAX
        if full or len(self._connected) >= CONNECTIONS_MAX:
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE)
        return None

    async def _connection(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            with self._unattached(_host(connection)):
                async with asyncio.timeout(ATTACH_TIMEOUT_S):
                    first = _decoded(await connection.recv())
            try:
                token = self._attach(connection, first)
            except Failure as failure:
                await _answer_failure(connection, first.get("id"), failure)
                return
            try:
                await self._attached(connection, token, first.get("id"))
            finally:
                self._detach(connection, token)

    @contextlib.contextmanager
    def _unattached(self, host: str) -> Iterator[None]:
        self._attaching[host] += 1
        try:
            yield
        finally:
            self._attaching[host] -= 1
            if not self._attaching[host]:
                del self._attaching[host]

    def _attach(self, connection: ServerConnection, first: Message) -> SeatToken:
        core = self._core
        if first.get("op") != "attach":
            raise Failure("bad-request", "attach first")
        try:
            token = verify(str(first.get("token")), self._key, core.now())
        except BadToken as error:
            raise Failure("seat-not-signed-on") from error
        who = token.operator_id, token.operator_name, token.skills
        seat = seats.take(core, token.seat_id, "browser", *who)
        before = self._connected.get(seat.seat_id)
        self._connected[seat.seat_id] = connection
        if before is not None:
            core.spawn(_supersede(before))
        seat.attached, seat.gone_since = True, None
        return token

    def _detach(self, connection: ServerConnection, token: SeatToken) -> None:
        if self._connected.get(token.seat_id) is not connection:
            return  # another browser has the seat
        del self._connected[token.seat_id]
        seat = self._core.seats.get(token.seat_id)
        if seat is not None:
            seat.attached, seat.gone_since = False, self._core.monotonic_s()
            self._core.changed()

    async def _attached(
        self, connection: ServerConnection, token: SeatToken, number: object
    ) -> None:
        wake = self._wake[token.seat_id] = asyncio.Event()
        wake.set()
        await connection.send(_text({"id": number, "result": {"seat_id": token.seat_id}}))
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell(connection, token, wake))
            try:
                async for line in connection:
                    await self._message(connection, token, _decoded(line))
            finally:
                telling.cancel()

    async def _message(
        self, connection: ServerConnection, token: SeatToken, message: Message
    ) -> None:
        number = message.pop("id", None)
        try:
            result = await self._operation(connection, token, message)
        except Failure as failure:
            await _answer_failure(connection, number, failure)
        except Exception:
            log.exception("a seat's operation failed")
            await _answer_failure(connection, number, Failure("bug"))
        else:
            await connection.send(_text({"id": number, "result": result}))

    async def _operation(
        self, connection: ServerConnection, token: SeatToken, message: Message
    ) -> object:
        if self._connected.get(token.seat_id) is not connection:
            raise Failure("seat-taken", "another browser has the seat")
        if message.get("op") == "webrtc":
            seat = seats.held_by(self._core, token.seat_id, token.operator_id)
            return {"sdp": await self._webrtc(seat, str(message.get("sdp", "")))}
        if message.get("op") in SUPERVISOR_OPERATIONS and SUPERVISOR not in token.roles:
            raise Failure("not-allowed", SUPERVISOR)
        message |= {"seat_id": token.seat_id, "operator_id": token.operator_id}
        if message.get("op") == "take":
            skills = msgspec.to_builtins(token.skills)
            message |= {"kind": "browser", "operator_name": token.operator_name, "skills": skills}
        return await operations.seat_operation(self._core, message)

    async def _webrtc(self, seat: Seat, offered: str) -> str:
        """A new media leg takes the old one's place, in mid-call as well."""
        core = self._core
        if len(offered) > SDP_LENGTH_MAX:
            raise Failure("bad-request", "sdp")
        try:
            opened = await core.media.open_webrtc(f"seat {seat.seat_id}", offered)
        except MediaRefused as refused:
            raise Failure("media-unavailable", str(refused.code)) from refused
        except Unavailable as error:
            raise Failure("media-unavailable") from error
        before, seat.port, seat.media = seat.port, opened.port, "connecting"
        call = core.calls.get(seat.call_id) if seat.call_id else None
        if call is not None and call.phase in views.TALKING:
            with contextlib.suppress(Failure):  # the call ends in this moment
                await core.done(call.call_id, lambda: audio.mix(core, call))
        if before is not None:
            await audio.free(core, before)
        core.changed()
        return opened.sdp

    def _changed(self) -> None:
        for wake in self._wake.values():
            wake.set()

    async def _tell(
        self, connection: ServerConnection, token: SeatToken, wake: asyncio.Event
    ) -> None:
        """Send the state on every change, and every 5 s."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATE_EVERY_S):
                    await wake.wait()
            wake.clear()
            seat = self._core.seats.get(token.seat_id)
            if seat is None or self._connected.get(token.seat_id) is not connection:
                return
            queued: list[QueuedView] = views.queue(self._core)
            state = views.push(self._core, seat, queued, SUPERVISOR in token.roles)
            await connection.send(plaintext.encoded(state).decode())


async def _supersede(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        await connection.send(_text({"event": "superseded"}))
        await connection.close(1000, "superseded")


async def _answer_failure(connection: ServerConnection, number: object, failure: Failure) -> None:
    error = {"code": failure.code, "detail": failure.detail}
    await connection.send(_text({"id": number, "error": error}))


def _host(connection: ServerConnection) -> str:
    address = connection.remote_address
    return str(address[0]) if address else ""


def _text(message: Message) -> str:
    return plaintext.encoded(message).decode()


def _decoded(line: str | bytes) -> Message:
    try:
        return _decoder.decode(line)
    except UNREADABLE:
        return {}


def _refusal(status: HTTPStatus) -> Response:
    return Response(status, status.phrase, Headers([("Content-Length", "0")]), b"")
