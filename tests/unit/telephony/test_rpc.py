"""JSON lines between switch, media and serve."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tahuri.telephony import rpc


async def handle(op: str, arguments: dict[str, object]) -> object:
    """A handler that knows a few operations."""
    match op:
        case "echo":
            return arguments
        case "refuse":
            raise rpc.Failure("no-such-port", "port 7")
        case "wait":
            await asyncio.sleep(60)
            return None
        case "large":
            return "x" * (rpc.LINE_BYTES_MAX + 1)
        case "lost":
            raise rpc.Unavailable("media is away")
        case _:
            raise RuntimeError("bug")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[rpc.Server]:
    """A running server."""
    server = rpc.Server(tmp_path / "run" / "x.sock", handle)
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(tmp_path: Path, server: rpc.Server) -> AsyncIterator[rpc.Client]:
    """A connected client."""
    client = rpc.Client(tmp_path / "run" / "x.sock")
    client.start()
    await until(lambda: client.connected)
    yield client
    await client.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, at most 5 s."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.01)


async def test_an_answer_reaches_the_one_who_asked(client: rpc.Client) -> None:
    """Answers to two calls in flight must not be mixed up."""
    slow = asyncio.create_task(client.call("wait", timeout_s=5))
    assert await client.call("echo", a=1, b=["x"]) == {"a": 1, "b": ["x"]}
    slow.cancel()


async def test_a_refusal_keeps_its_code(client: rpc.Client) -> None:
    """The switch decides by the code what the caller hears."""
    with pytest.raises(rpc.Failure) as caught:
        await client.call("refuse")
    assert (caught.value.code, caught.value.detail) == ("no-such-port", "port 7")


@pytest.mark.parametrize(
    ("op", "code"), [("bug", "bug"), ("large", "too-large"), ("lost", "unavailable")]
)
async def test_a_fault_in_one_operation_leaves_the_server_up(
    client: rpc.Client, op: str, code: str
) -> None:
    """One bad request must never end the calls of others."""
    with pytest.raises(rpc.Failure) as caught:
        await client.call(op)
    assert caught.value.code == code
    assert await client.call("echo") == {}


async def test_a_call_that_gets_no_answer_fails_in_time(client: rpc.Client) -> None:
    """A caller must not wait for ever on a part that hangs."""
    with pytest.raises(rpc.Unavailable):
        await client.call("wait", timeout_s=0.05)


async def test_calls_without_a_connection_fail_at_once(tmp_path: Path) -> None:
    """With media away the switch must know now, not later."""
    client = rpc.Client(tmp_path / "none.sock")
    client.start()
    with pytest.raises(rpc.Unavailable):
        await client.call("echo")
    await client.close()


async def test_a_pushed_event_reaches_every_client(tmp_path: Path, server: rpc.Server) -> None:
    """DTMF and lost audio are told to whoever is connected."""
    heard: list[dict[str, object]] = []
    clients = [rpc.Client(tmp_path / "run" / "x.sock", heard.append) for _ in range(2)]
    for client in clients:
        client.start()
    await until(lambda: server.clients == 2)
    server.push({"event": "dtmf", "digit": "1"})
    await until(lambda: len(heard) == 2)
    for client in clients:
        await client.close()


async def test_a_faulty_listener_does_not_cut_the_connection(
    tmp_path: Path, server: rpc.Server
) -> None:
    """A bug in one event handler must not lose the events after it."""
    heard: list[object] = []

    def listen(event: dict[str, object]) -> None:
        heard.append(event["n"])
        if event["n"] == 1:
            raise RuntimeError

    client = rpc.Client(tmp_path / "run" / "x.sock", listen)
    client.start()
    await until(lambda: server.clients == 1)
    server.push({"event": "x", "n": 1})
    server.push({"event": "x", "n": 2})
    await until(lambda: heard == [1, 2])
    await client.close()


def greeter(ups: list[int], fail: type[Exception] | None) -> Callable[[], Awaitable[None]]:
    """A greeting that counts, and fails if told so."""

    async def greet() -> None:
        ups.append(1)
        if fail:
            raise fail("greeting")

    return greet


@pytest.mark.parametrize("fail", [None, rpc.Unavailable, RuntimeError])
async def test_the_client_connects_again_after_a_restart(
    tmp_path: Path, fail: type[Exception] | None
) -> None:
    """A killed media process comes back; the switch must find it without help."""
    path = tmp_path / "x.sock"
    first = rpc.Server(path, handle)
    await first.start()
    ups: list[int] = []
    client = rpc.Client(path, on_up=greeter(ups, fail))
    client.start()
    await until(lambda: len(ups) == 1)
    waiting = asyncio.create_task(client.call("wait", timeout_s=5))
    await asyncio.sleep(0)
    await first.stop()
    with pytest.raises(rpc.Unavailable):
        await waiting
    second = rpc.Server(path, handle)
    await second.start()
    await until(lambda: len(ups) == 2)
    assert await client.call("echo") == {}
    await client.close()
    await second.stop()


@pytest.mark.parametrize("fail", [rpc.Unavailable, RuntimeError])
async def test_a_greeting_that_failed_is_tried_again_on_the_same_connection(
    tmp_path: Path,
    server: rpc.Server,
    fail: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given media that hangs for some seconds just when it is greeted, its connection standing;
    then it is greeted again: without that no call would ever have sound."""
    monkeypatch.setattr(rpc, "GREET_AGAIN_S", 0.01)
    ups: list[int] = []

    async def greet() -> None:
        ups.append(1)
        if len(ups) < 3:
            raise fail("no answer in time")

    client = rpc.Client(tmp_path / "run" / "x.sock", on_up=greet)
    client.start()
    await until(lambda: len(ups) == 3)
    assert server.clients == 1
    await asyncio.sleep(0.05)
    assert len(ups) == 3
    await client.close()


async def test_only_the_owner_may_connect(tmp_path: Path, server: rpc.Server) -> None:
    """Whoever can write to the socket can hang up calls."""
    assert stat.S_IMODE((tmp_path / "run" / "x.sock").stat().st_mode) == 0o600


async def test_rubbish_on_the_socket_is_answered_and_survived(
    tmp_path: Path, server: rpc.Server
) -> None:
    """A line that is not a request must not stop the server."""
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "run" / "x.sock"))
    writer.write(b"rubbish\n")
    assert b"bad-request" in await reader.readline()
    writer.write(b"x" * (rpc.LINE_BYTES_MAX + 10) + b"\n")
    assert await reader.read() == b""
    writer.close()


async def until_connected(client: rpc.Client) -> None:
    """Wait for the connection."""
    async with asyncio.timeout(5):
        while not client.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def no_room(*_: object) -> None:
    """What XFS says to whoever makes a name on a full disk."""
    raise OSError(errno.ENOSPC, "No space left on device")


async def test_a_disk_without_room_for_a_name_keeps_no_process_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a full disk on which no socket can be made; when the switch or media is started anew;
    then they find each other all the same, and again when there is room."""
    path = tmp_path / "x.sock"
    server, client = rpc.Server(path, handle), rpc.Client(path)
    bind = socket.socket.bind

    def refuse(self: socket.socket, address: str) -> None:
        bind(self, address) if address.startswith("\0") else no_room()

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "bind", refuse)
        await server.start()
    assert not path.exists()
    client.start()
    await until_connected(client)
    assert await client.call("echo", a=1) == {"a": 1}
    await server.stop()
    await server.start()
    assert path.is_socket()
    await until_connected(client)
    assert await client.call("echo", a=2) == {"a": 2}
    await client.close()
    await server.stop()


@pytest.mark.parametrize("side", ["server", "client"])
async def test_nobody_else_is_spoken_with_at_the_spare_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str
) -> None:
    """Given that the other end is of another user; then it is told nothing and believed nothing."""
    server, client = rpc.Server(tmp_path / "x.sock", handle), rpc.Client(tmp_path / "x.sock")
    bind, ours = socket.socket.bind, rpc.is_ours
    told: list[str] = []

    def refuse(self: socket.socket, address: str) -> None:
        bind(self, address) if address.startswith("\0") else no_room()

    def differs(writer: asyncio.StreamWriter) -> bool:
        asks = "server" if writer.get_extra_info("sockname") else "client"
        told.append(asks)
        return asks != side and ours(writer)

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "bind", refuse)
        await server.start()

    monkeypatch.setattr(rpc, "is_ours", differs)
    client.start()
    async with asyncio.timeout(5):
        while told.count(side) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with pytest.raises(rpc.Unavailable):
        await client.call("echo", timeout_s=0.2)
    await client.close()
    await server.stop()


async def test_a_socket_that_cannot_be_made_for_another_reason_is_an_error(tmp_path: Path) -> None:
    """Nobody must look for the centre where it is not."""
    (tmp_path / "x.sock").mkdir()
    with pytest.raises(OSError, match=r".+") as caught:
        await rpc.Server(tmp_path / "x.sock", handle).start()
    assert caught.value.errno not in (errno.ENOSPC, errno.EDQUOT)
    assert os.listdir(tmp_path) == ["x.sock"]


async def test_an_answer_that_holds_no_text_is_an_answer_all_the_same(tmp_path: Path) -> None:
    """Given a header in Latin-1 in what is answered; then the connection and the others stand."""
    name = b"k\xf6ln \xe2\x98\x8e".decode("utf-8", "surrogateescape")

    async def answer(_op: str, _arguments: rpc.Message) -> object:
        return {"parties": [{"address": name, "since": datetime(2026, 1, 1, tzinfo=UTC)}]}

    server = rpc.Server(tmp_path / "odd.sock", answer)
    await server.start()
    client = rpc.Client(tmp_path / "odd.sock")
    client.start()
    await until(lambda: client.connected)
    told = {"address": "k?ln \N{BLACK TELEPHONE}", "since": "2026-01-01T00:00:00Z"}
    assert await client.call("state") == {"parties": [told]}
    await client.close()
    await server.stop()
