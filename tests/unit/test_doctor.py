"""`doctor` names what is wrong, whatever it meets."""

import asyncio

import pytest

from tahuri.doctor import running


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b'{"parts": 7}', b"{}"])
async def test_another_program_at_our_address_is_named(body: bytes) -> None:
    """Given a web server that has the port; then it is said, in one line, and what to do."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        found = await running(f"http://127.0.0.1:{port}")
    assert not found.ok
    assert "another program" in found.detail
