"""The pages of the web front end, and the headers that keep them safe."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from tahuri.city.layers import LAYERS

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

DIST = Path(__file__).parents[2] / "web" / "dist"
PAGES = {
    "/": "index.html",
    "/console": "console.html",
    "/field": "field.html",
    "/caller": "caller.html",
    "/admin": "admin.html",
    "/telephone": "telephone.html",
}
HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:\d+)?")
YEAR_S = 31_536_000


def signalling_url(request: Request, port: int) -> str:
    """Where a seat's browser speaks with the switch: this host, another port."""
    scheme = "wss" if request.url.scheme == "https" else "ws"
    return f"{scheme}://{request.url.hostname}:{port}/seat"


def _policy(host: str, scheme: str, port: int) -> str:
    found = HOST.fullmatch(host)
    socket = f" {'wss' if scheme == 'https' else 'ws'}://{found[1]}:{port}" if found else ""
    return (
        f"default-src 'self'; connect-src 'self'{socket}; img-src 'self' data: blob:; "
        "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


class SafeHeaders:
    """Adds the security headers to every answer."""

    def __init__(self, app: Asgi, signalling_port: int) -> None:
        self.app = app
        self.port = signalling_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        headers = {
            "Content-Security-Policy": _policy(host, scope["scheme"], self.port),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Permissions-Policy": "microphone=(self), geolocation=(self), camera=()",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        if scope["scheme"] == "https":
            headers["Strict-Transport-Security"] = f"max-age={YEAR_S}"
        added = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        await self.app(scope, receive, with_headers)


async def page(request: Request) -> Response:
    """One of the pages; they may be opened without signing on, and while the database is down."""
    file = DIST / PAGES[request.url.path]
    if not file.is_file():
        return PlainTextResponse("the pages are not built: run ./tahuri", 503)
    return FileResponse(file, headers={"Cache-Control": "no-cache"})


async def map_layer(request: Request) -> Response:
    """``/api/map/{layer}.json``: GeoJSON of the city, compressed, asked for once a version."""
    name = request.path_params["layer"]
    folder: Path = request.app.state.layers
    file = folder / f"{name}.json.gz"
    if name not in LAYERS or not file.is_file():
        return PlainTextResponse("no such layer", 404)
    tag = f'"{(folder / "of").read_text()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = headers | {"Content-Encoding": "gzip"}
        return FileResponse(file, media_type="application/geo+json", headers=packed)
    return FileResponse(folder / f"{name}.json", media_type="application/geo+json", headers=headers)
