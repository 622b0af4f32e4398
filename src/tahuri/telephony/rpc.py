"""JSON lines over a Unix socket: questions, answers and pushed events.

Request ``{"id": n, "op": "…", …arguments}``; answer ``{"id": n, "result": …}`` or
``{"id": n, "error": {"code": "…", "detail": "…"}}``; push ``{"event": "…", …}``.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from tahuri.telephony import plaintext
from tahuri.telephony.spareaddress import NO_ROOM, is_ours, spare_of

LINE_BYTES_MAX = 1 << 20
"""Longest line either side reads or writes."""
CLIENTS_MAX = 64
"""Connections one server keeps; further ones are closed at once."""
REQUESTS_IN_HAND_MAX = 1024
"""Requests of one connection answered at the same time; further ones wait in the socket."""
UNREAD_BYTES_MAX = 8 << 20
"""What may lie unread for one client; a client that reads slower is disconnected."""
RECONNECT_FIRST_S = 0.05
RECONNECT_MAX_S = 1.0
GREET_AGAIN_S = 1.0
"""Between two greetings of one connection, while they fail."""
CALL_TIMEOUT_S = 10.0
"""How long a call waits for its answer unless told otherwise."""

UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding raises for a line that is no message: no JSON, no text, nested without end."""

Message = dict[str, object]
Handler = Callable[[str, Message], Awaitable[object]]

log = logging.getLogger(__name__)
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class Failure(Exception):  # noqa: N818 - the word of the contract
    """The other side understood the request and says no; ``code`` never changes its meaning."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Unavailable(Exception):  # noqa: N818 - the word of the contract
    """The other side is not there, or went away before it answered; the request may be lost."""


def encoded(message: Message) -> bytes:
    """One line.  Raises Failure ``too-large`` beyond LINE_BYTES_MAX."""
    line = plaintext.encoded(message) + b"\n"
    if len(line) > LINE_BYTES_MAX:
        raise Failure("too-large", f"a line of {len(line)} bytes")
    return line


class Server:
    """Answers every client of one socket; requests of one client are answered side by side."""

    def __init__(self, path: str | os.PathLike[str], handler: Handler) -> None:
        self._path = Path(path)
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._spare = False
        """Whether it listens where every user of this machine may connect."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen, replacing a socket that a killed process left; only the owner may connect.

        Where the disk has no room for the socket's name, at its spare address.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        mask = os.umask(0o177)
        try:
            try:
                await self._listen(str(self._path))
                self._spare = False
            except OSError as error:
                if error.errno not in NO_ROOM:
                    raise
                log.error("no room for a socket; it listens at its spare address")
                await self._listen(spare_of(self._path))
                self._spare = True
        finally:
            os.umask(mask)

    async def _listen(self, address: str) -> None:
        self._server = await asyncio.start_unix_server(self._serve, address, limit=LINE_BYTES_MAX)

    @property
    def clients(self) -> int:
        """How many clients are connected."""
        return len(self._writers)

    def push(self, event: Message) -> None:
        """Send an event to every client; never waits.  A client that does not read is cut off."""
        line = encoded(event)
        for writer in list(self._writers):
            if writer.is_closing():
                continue
            writer.write(line)
            if writer.transport.get_write_buffer_size() > UNREAD_BYTES_MAX:
                log.warning("rpc client does not read; cut off")
                writer.transport.abort()

    async def stop(self) -> None:
        """Close the socket and every connection; running requests are cancelled."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._writers) >= CLIENTS_MAX:
            writer.close()
            return
        if self._spare and not is_ours(writer):
            writer.close()
            return
        self._connections.add(task)
        self._writers.add(writer)
        try:
            async with asyncio.TaskGroup() as group:
                await self._requests(reader, writer, group)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the server stops: either way there is nobody to tell
        finally:
            self._writers.discard(writer)
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, group: asyncio.TaskGroup
    ) -> None:
        in_hand = asyncio.Semaphore(REQUESTS_IN_HAND_MAX)
        running: set[asyncio.Task[None]] = set()
        while line := await _line(reader):
            try:
                message = _decoder.decode(line)
                number, operation = message.pop("id"), message.pop("op")
            except (*UNREADABLE, KeyError):
                self._write(writer, {"id": None, "error": _error("bad-request", "not a request")})
                continue
            await in_hand.acquire()
            task = group.create_task(self._answer(writer, number, str(operation), message))
            running.add(task)
            task.add_done_callback(running.discard)
            task.add_done_callback(lambda _: in_hand.release())
        for task in running:  # nobody is left to hear the answers
            task.cancel()

    async def _answer(
        self, writer: asyncio.StreamWriter, number: object, operation: str, arguments: Message
    ) -> None:
        try:
            answer: Message = {"id": number, "result": await self._handler(operation, arguments)}
        except Failure as failure:
            answer = {"id": number, "error": _error(failure.code, failure.detail)}
        except Unavailable as lost:
            answer = {"id": number, "error": _error("unavailable", str(lost))}
        except Exception:
            log.exception("rpc operation failed")
            answer = {"id": number, "error": _error("bug", "the operation failed; see the log")}
        self._write(writer, answer)

    def _write(self, writer: asyncio.StreamWriter, answer: Message) -> None:
        if writer.is_closing():
            return
        try:
            line = encoded(answer)
        except Failure as failure:
            line = encoded({"id": answer["id"], "error": _error(failure.code, failure.detail)})
        writer.write(line)


class Client:
    """One connection to a server, made again for ever when it is lost.

    Args:
        path: the server's socket; need not exist yet.
        on_event: called with every pushed event, in order; must not wait.
        on_up: awaited after each connection is made, beside the calls of others; again while it
            fails.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        on_event: Callable[[Message], None] | None = None,
        on_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._path = str(path)
        self._on_event = on_event
        self._on_up = on_up
        self._waiting: dict[int, asyncio.Future[object]] = {}
        self._number = 0
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether a connection stands now."""
        return self._writer is not None

    def start(self) -> None:
        """Begin to connect; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"rpc client {self._path}")

    async def call(self, op: str, timeout_s: float = CALL_TIMEOUT_S, **arguments: object) -> object:
        """Ask and wait for the answer.

        Raises:
            Failure: the other side said no.
            Unavailable: there is no connection, it was lost, or ``timeout_s`` seconds passed.
        """
        writer = self._writer
        if writer is None or writer.is_closing():
            raise Unavailable("not connected")
        self._number += 1
        number = self._number
        line = encoded({"id": number, "op": op, **arguments})
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            writer.write(line)
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError as error:
            raise Unavailable(f"no answer to {op} within {timeout_s} s") from error
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Stop for good; calls in flight fail with Unavailable."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        pause_s = RECONNECT_FIRST_S
        while True:
            try:
                reader, writer = await self._connect()
            except OSError:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RECONNECT_MAX_S)
                continue
            pause_s = RECONNECT_FIRST_S
            await self._connected(reader, writer)
            await asyncio.sleep(pause_s)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError."""
        try:
            return await asyncio.open_unix_connection(self._path, limit=LINE_BYTES_MAX)
        except OSError:
            spare = spare_of(self._path)
            reader, writer = await asyncio.open_unix_connection(spare, limit=LINE_BYTES_MAX)
        if not is_ours(writer):
            writer.close()
            raise PermissionError("somebody else listens at the spare address")
        return reader, writer

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        greeting = asyncio.ensure_future(self._greet())
        try:
            while line := await _line(reader):
                self._received(line)
        except ConnectionError:
            pass
        finally:
            self._writer = None
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(Unavailable("the connection was lost"))
            self._waiting.clear()
            greeting.cancel()
            writer.close()
            with contextlib.suppress(ConnectionError):  # a cancellation is ours: `close` waits
                await asyncio.gather(greeting, return_exceptions=True)
                await writer.wait_closed()

    async def _greet(self) -> None:
        """Until it has succeeded, or the connection is lost: the next one greets anew."""
        if self._on_up is None:
            return
        while True:
            try:
                await self._on_up()
            except Unavailable:
                log.warning("rpc greeting got no answer")
            except Exception:
                log.exception("rpc greeting failed")
            else:
                return
            await asyncio.sleep(GREET_AGAIN_S)

    def _received(self, line: bytes) -> None:
        try:
            message = _decoder.decode(line)
        except UNREADABLE:
            log.warning("rpc line is not JSON")
            return
        if "event" in message:
            self._event(message)
            return
        number = message.get("id")
        future = self._waiting.get(number) if isinstance(number, int) else None
        if future is None or future.done():
            return
        error = message.get("error")
        if isinstance(error, dict):
            future.set_exception(Failure(str(error.get("code")), str(error.get("detail", ""))))
        else:
            future.set_result(message.get("result"))

    def _event(self, message: Message) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(message)
        except Exception:
            log.exception("rpc event handler failed")


def _error(code: str, detail: str) -> Message:
    return {"code": code, "detail": detail}


async def _line(reader: asyncio.StreamReader) -> bytes:
    """The next line; empty at the end, or when the other side breaks the limit."""
    try:
        return await reader.readline()
    except ValueError:
        log.warning("rpc line is too long; connection closed")
        return b""
