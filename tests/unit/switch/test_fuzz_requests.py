"""Rubbish on the seats' WebSocket and on the socket of `serve`: refused, and everything goes on."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fuzzing import searched
from hypothesis import given
from hypothesis import strategies as st
from switch_bench import ADDRESS, Bench, Browser, bench, phone_seat, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tahuri.telephony.protocol.words import SUBPROTOCOL
from tahuri.telephony.rpc import Failure

OPERATIONS = [
    "take", "leave", "ready", "not_ready", "answer", "hold", "resume", "mute", "unmute", "hang_up",
    "add_party", "drop_party", "facts", "facts_done", "state", "attach", "webrtc", "", "x",
]  # fmt: skip
LINES = [
    b"", b"null", b"[]", b"1", b'"x"', b"{", b"{}", b'{"id":1}', b'{"op":"state"}', b"\xff\xfe",
    b'{"id":1,"op":"\xff"}', b'{"id":1,"op":"state","x":"\\ud800"}', b'{"id":1,"op":[1]}',
    b'{"id":{},"op":"state"}', b'{"id":1e999,"op":"state"}', b'{"a":' + b"[" * 40_000,
    b'{"id":1,"op":"facts","after":' + b"9" * 6000 + b"}", b'{"id":1,"op":"facts","after":-1}',
    b'{"id":1,"op":"facts","after":9223372036854775807}', b'{"id":1,"op":"facts_done","upto":1e9}',
    b'{"id":1,"op":"\\u0000"}', b'{"id":null,"op":null}', b"GET / HTTP/1.1\r", b'{"event":"state"}',
]  # fmt: skip
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_names = st.sampled_from(
    ["seat_id", "operator_id", "call_id", "leg_id", "address", "reason", "kind", "sdp", "after"]
)
_requests = st.dictionaries(
    _names, _values | st.sampled_from(["S1", "op-S1", "browser", "sip", "sip:@", "break"])
)


def requests(number: int) -> list[tuple[str, dict[str, object]]]:
    """Operations with arguments that fit and arguments that do not."""
    found: list[tuple[str, dict[str, object]]] = []

    @given(st.sampled_from(OPERATIONS), _requests)
    @searched(number)
    def collect(op: str, arguments: dict[str, object]) -> None:
        found.append((op, arguments))

    collect()
    return found


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Bench]:
    """A switch with pretended media, one phone seat and one browser seat."""
    async with bench(tmp_path, seats=[phone_seat("S1")]) as one:
        yield one


async def goes_on(centre: Bench) -> None:
    """A caller still comes in, is offered to a browser, and is answered there."""
    browser = Browser(centre, "K1", "op-K1")
    await browser.sit()
    call = await centre.call()
    await browser.ask("answer", call_id=await browser.offered())
    call.hang_up()
    await centre.told("call-ended")
    await until(lambda: not centre.switch.core.calls)
    await browser.leave()


async def test_no_request_of_serve_does_more_than_be_refused(centre: Bench) -> None:
    """Unknown operations, arguments of the wrong kind: a failure with a code, never a bug."""
    for op, arguments in requests(200):
        if op in ("facts_done", "facts"):
            arguments.pop("wait_s", None)
        with contextlib.suppress(Failure):  # any other exception is a bug
            await centre.switch.answer(op, dict(arguments))
    await goes_on(centre)


async def test_no_line_on_the_socket_ends_the_connection_of_serve(centre: Bench) -> None:
    """What is no request is told so, on a connection that goes on: broken text, nesting without
    end, numbers without end."""
    reader, writer = await asyncio.open_unix_connection(centre.folder / "switch.sock")
    for line in LINES:
        writer.write(line + b"\n")
    writer.write(b'{"id":"last","op":"state"}\n')
    async with asyncio.timeout(10):
        answers = []
        while not answers or answers[-1]["id"] != "last":
            answers.append(json.loads(await reader.readline()))
    assert "result" in answers[-1]
    assert not any(one.get("error", {}).get("code") == "bug" for one in answers)
    writer.close()
    await goes_on(centre)


async def test_no_frame_of_a_stranger_or_a_seat_ends_the_switch(centre: Bench) -> None:
    """Who has not attached is turned away; who has may send rubbish and keeps the seat."""
    uri = f"ws://{ADDRESS}:{centre.websocket_port}/seat"
    for line in LINES:
        async with connect(uri, subprotocols=[SUBPROTOCOL]) as stranger:  # type: ignore[list-item]
            await stranger.send(line)
            with contextlib.suppress(ConnectionClosed):
                async for answer in stranger:
                    assert "error" in json.loads(answer)
            assert stranger.close_code is not None
    browser = Browser(centre, "K2", "op-K2")
    await browser.sit(ready=False)
    assert browser._connection is not None
    refused: list[str] = []
    for line in LINES:
        await browser._connection.send(line.decode("latin-1"))
    for op, arguments in requests(60):
        if op in ("webrtc", "leave", "take"):
            continue
        message = {name: value for name, value in arguments.items() if name not in ("op", "id")}
        try:
            await browser.ask(op, **json.loads(json.dumps(message, allow_nan=False)))
        except Failure as failure:
            refused.append(failure.code)
        except ValueError:
            continue  # not a number in JSON
    assert refused
    assert "bug" not in refused
    await browser.leave()
    await goes_on(centre)
