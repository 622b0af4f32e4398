"""A centre's nodes: which one has a recording, and how the others get it from there.

Each call, and its recording, is at the node that its row names.  ``work`` of each node tells the
others once in a while where its pages are; the pages hand recordings to whoever may hear them.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tahuri.kernel.db import Database
from tahuri.kernel.http import db
from tahuri.kernel.jobs import QUEUE
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.refusals import Refusal

SEEN_EVERY_S = 20.0
SILENT = timedelta(seconds=90)
"""A node that has not said for so long that it is there is told as silent."""
CONNECT_S, READ_S = 3.0, 20.0
HOP = "x-tahuri-node"
"""Names the node that asks for another: who is asked never asks on."""
ASKED_AS = ("cookie", "range", "if-range")
ANSWERED_AS = ("content-type", "content-length", "content-range", "accept-ranges", "etag")
OURS = "(%s = '' or coalesce(body ->> 'node', '') in ('', %s)) "
"""SQL over a call's row: whether its recording is at the node; twice the node's name."""


class Node(Struct, frozen=True):
    """A node as it was last heard of."""

    name: str
    url: str | None
    """Of its pages."""
    root: str | None
    """PEM of the authority that signs them; None: one that the machine trusts."""
    seen_at: datetime
    calls: int = 0
    """Without an end, by the log."""
    recordings: int = 0
    """That only it has."""


def queue_of(node: str) -> str:
    """The queue of jobs that need the node's files."""
    return f"node-{node}" if node else QUEUE


async def tell(db: Database, node: str, url: str | None, root: Path | None, now: datetime) -> None:
    """This node is there.  Raises Unavailable.

    Args:
        root: PEM file of our own authority; None with a certificate that was given.
    """
    pem = root.read_text() if root is not None and root.is_file() else None
    async with db.connection() as connection:
        await connection.execute(
            "insert into nodes (city_id, node, url, root, seen_at) values (%s, %s, %s, %s, %s) "
            "on conflict (city_id, node) do update set url = excluded.url, root = excluded.root, "
            "seen_at = excluded.seen_at",
            (db.city_id, node, url, pem, now),
        )


async def known(db: Database) -> list[Node]:
    """All nodes, by name."""
    records = await db.all(
        "select node, url, root, seen_at, "
        "(select count(*) from view_rows v where v.city_id = n.city_id and v.view = 'call' "
        "and v.body ->> 'node' = n.node and v.body ->> 'ended_at' is null), "
        "(select count(*) from view_rows v where v.city_id = n.city_id and v.view = 'call' "
        "and v.body ->> 'node' = n.node and v.body #>> '{recording,state}' = 'closed' "
        "and not coalesce((v.body #>> '{recording,copied}')::boolean, false)) "
        "from nodes n where city_id = %s order by node",
        (db.city_id,),
    )
    return [Node(*record) for record in records]


def silent(nodes: list[Node], own: str, now: datetime) -> list[Node]:
    """Other nodes that are not heard of any more."""
    return [one for one in nodes if one.name != own and now - one.seen_at > SILENT]


async def _at(request: Request, row: Mapping[str, Any]) -> Node:
    """The node that has the recording.

    Raises:
        Refused: it is not here, and nowhere else as far as is known.
    """
    own, name = request.app.state.settings.node, row.get("node") or ""
    if name in ("", own) or HOP in request.headers:
        raise Refused(Refusal.RECORDING_UNKNOWN, detail="the file is not there")
    record = await db(request).one(
        "select node, url, root, seen_at from nodes where city_id = %s and node = %s",
        (db(request).city_id, name),
    )
    if record is None or record[1] is None:
        raise Refused(Refusal.RECORDING_ELSEWHERE, node=name)
    return Node(*record)


def _client(node: Node) -> httpx.AsyncClient:
    trusted: ssl.SSLContext | bool = True
    if node.root is not None:
        trusted = ssl.create_default_context(cadata=node.root)
    wait = httpx.Timeout(READ_S, connect=CONNECT_S)
    return httpx.AsyncClient(base_url=node.url or "", verify=trusted, timeout=wait, trust_env=False)


def _asking(request: Request, client: httpx.AsyncClient, recording_id: str) -> httpx.Request:
    """As the person who asks us: the other node has the same accounts and looks at their rights."""
    headers = {name: request.headers[name] for name in ASKED_AS if name in request.headers}
    headers |= {HOP: request.app.state.settings.node or "?", "accept-encoding": "identity"}
    return client.build_request("GET", f"/api/recordings/{recording_id}/audio", headers=headers)


async def play(request: Request, row: Mapping[str, Any]) -> Response:
    """The recording's sound from the node that has it, which records that it is played.

    Raises:
        Refused: the node does not answer, or has not got it.
    """
    node = await _at(request, row)
    client = _client(node)
    try:
        asked = _asking(request, client, row["recording"]["recording_id"])
        answer = await client.send(asked, stream=True)
    except (httpx.HTTPError, OSError) as error:
        await client.aclose()
        raise Refused(Refusal.RECORDING_ELSEWHERE, node=node.name) from error
    if answer.status_code not in (200, 206, 416):
        await answer.aclose()
        await client.aclose()
        raise Refused(Refusal.RECORDING_ELSEWHERE, node=node.name)

    async def content() -> AsyncIterator[bytes]:
        try:
            async for block in answer.aiter_bytes():
                yield block
        finally:
            await answer.aclose()
            await client.aclose()

    headers = {name: answer.headers[name] for name in ANSWERED_AS if name in answer.headers}
    headers["cache-control"] = "no-store"
    return StreamingResponse(content(), answer.status_code, headers)


async def fetch(request: Request, row: Mapping[str, Any], to: Path) -> str | None:
    """Brings a recording here from the node that has it.

    Returns:
        What is wrong; None: the whole file is there.
    """
    try:
        node = await _at(request, row)
    except Refused as refused:
        name = refused.context.get("node")
        return f"is at node {name}, which nobody can reach" if name else None
    except Unavailable:
        return "the database does not say where it is"
    try:
        async with _client(node) as client:
            asked = _asking(request, client, row["recording"]["recording_id"])
            asked.headers.pop("range", None)
            answer = await client.send(asked, stream=True)
            if answer.status_code != httpx.codes.OK:
                await answer.aclose()
                return f"is at node {node.name}, which answered {answer.status_code}"
            with to.open("wb") as file:
                async for block in answer.aiter_bytes():
                    file.write(block)
            await answer.aclose()
    except (httpx.HTTPError, OSError):
        to.unlink(missing_ok=True)
        return f"is at node {node.name}, which does not answer"
    return None
