"""``tahuri serve``: the HTTP side of the centre, put together."""

import argparse
import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import tahuri.callbacks.caller_routes
import tahuri.callbacks.routes
import tahuri.callbacks.views
import tahuri.calls.keeping_routes
import tahuri.calls.routes
import tahuri.calls.views
import tahuri.dispatch.routes
import tahuri.incidents.routes
import tahuri.incidents.views
import tahuri.noise.routes
import tahuri.noise.views
import tahuri.operators.routes
import tahuri.operators.views
import tahuri.places.routes
import tahuri.reports.routes
import tahuri.telephone
import tahuri.units.routes
import tahuri.units.views
import tahuri.watch.routes
import tahuri.watch.views
from tahuri import __version__
from tahuri.api_words import WORDS
from tahuri.callbacks.automatic import Automatic, Pace
from tahuri.callbacks.opening import Rules, follower
from tahuri.calls.precedence import Precedences
from tahuri.calls.switchboard import Switchboard
from tahuri.centre import Centre
from tahuri.frames import merged
from tahuri.health import healthz, metrics
from tahuri.host.logs import configure_logs
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.feed import Feed
from tahuri.kernel.http import EXCEPTION_HANDLERS, Json, Routes, db
from tahuri.kernel.mint import new_id
from tahuri.kernel.openapi import openapi
from tahuri.kernel.refusal import Refused, Unavailable
from tahuri.kernel.roles import Role
from tahuri.kernel.view import View
from tahuri.live import LiveBoard
from tahuri.noise.push import MeasurePush
from tahuri.operators.queries import accounts, languages_of
from tahuri.operators.routes import session_reader
from tahuri.pages import DIST, PAGES, SafeHeaders, map_layer, page, signalling_url
from tahuri.places.roads import Roads
from tahuri.positions import Positions
from tahuri.reference import reference
from tahuri.refusals import Refusal
from tahuri.rights import reader_name, sees
from tahuri.settings import Settings
from tahuri.telephony import token
from tahuri.telephony.protocol.operations import number_digest
from tahuri.tlsfiles import Followed
from tahuri.units.queries import crewed_by
from tahuri.watch.following import follow as watch_follow

SHUTDOWN_S = 3
AGAIN_S = 1.0
GZIP_BYTES_MIN = 2_000
SEQ = re.compile("[0-9]{1,18}")
SESSION_LOOK_S = 30.0
"""How long an open feed may outlive its session."""

VIEWS: Sequence[View] = (
    *tahuri.calls.views.VIEWS,
    *tahuri.callbacks.views.VIEWS,
    *tahuri.operators.views.VIEWS,
    *tahuri.incidents.views.VIEWS,
    *tahuri.units.views.VIEWS,
    *tahuri.noise.views.VIEWS,
    *tahuri.watch.views.VIEWS,
)
SLICES: Sequence[Routes] = (
    tahuri.operators.routes.routes,
    tahuri.calls.routes.routes,
    tahuri.callbacks.routes.routes,
    tahuri.callbacks.caller_routes.routes,
    tahuri.noise.routes.routes,
    tahuri.calls.keeping_routes.routes,
    tahuri.incidents.routes.routes,
    tahuri.dispatch.routes.routes,
    tahuri.units.routes.routes,
    tahuri.places.routes.routes,
    tahuri.reports.routes.routes,
    tahuri.watch.routes.routes,
    tahuri.telephone.routes,
)

centre_routes = Routes("centre")
log = structlog.get_logger()


async def kept_going(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs what goes on beside requests; a bug there is logged and costs a second, never the part:
    without it facts would not be taken over, or screens would stand still."""
    while True:
        try:
            return await run()
        except Exception:
            log.exception("a part of serve failed, and is started again", part=name)
        await asyncio.sleep(AGAIN_S)


async def while_signed_on(request: Request, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The frames until the session is over (signed out, expired, its account closed), or its rights
    are others: whoever asks again is answered by those."""
    person = request.state.who
    looked_s = clock.monotonic_s()
    async for frame in frames:
        if clock.monotonic_s() - looked_s > SESSION_LOOK_S:
            looked_s = clock.monotonic_s()
            with contextlib.suppress(Unavailable):
                now = await session_reader(request)
                if now is None or (now.roles, now.agency_id) != (person.roles, person.agency_id):
                    return
        yield frame


@centre_routes.get(
    "/api/feed",
    query={
        "after": "The last seq that was seen; 0 for everything. Last-Event-ID goes before it.",
        "live": "1: also who waits and who talks, as the switch sees it; supervisors only.",
    },
)
async def feed(request: Request) -> Response:
    """Every row changed after seq N, for ever, as server-sent events.

    A console that starts (N = 0), reconnects, or outlived our restart asks the same question.
    """
    person = request.state.who
    supervises = request.query_params.get("live") == "1"
    if supervises and Role.SUPERVISOR not in person.roles:
        raise Refused(Refusal.NOT_ALLOWED, needed=Role.SUPERVISOR)
    given = request.headers.get("last-event-id") or request.query_params.get("after", "0")
    after = int(given) if SEQ.fullmatch(given) else 0
    crewed = await crewed_by(db(request), person.operator_id)
    rights = sees(person, request.app.state.agency_of, crewed)
    frames = merged(
        request.app.state.feed.frames(after, rights, reader_name(person, new_id())),
        request.app.state.positions.frames(),
        *((request.app.state.live.frames(),) if supervises else ()),
    )
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    own = while_signed_on(request, frames)
    return StreamingResponse(own, media_type="text/event-stream", headers=headers)


@centre_routes.get("/api/reference")
async def reference_data(request: Request) -> Response:
    """Agencies, stations, units, categories and every list that a console offers."""
    names = {one.operator_id: one.name for one in await accounts(db(request))}
    return Json(reference(request.app.state.pack, request.app.state.settings, names))


@centre_routes.get("/api/demo", roles=None)
async def demo_accounts(request: Request) -> Response:
    """The demo's accounts, so that a visitor can sign in with one press; none elsewhere."""
    file = Path(request.app.state.settings.data) / "demo.json"
    if not request.app.state.settings.demo or not file.is_file():
        return Json({"accounts": {}})
    shown = msgspec.json.decode(file.read_bytes())
    return Json({name: shown[name] for name in ("accounts", "sip", "sip_seat")})


@centre_routes.get("/root.pem", roles=None)
async def root_certificate(request: Request) -> Response:
    """Our own authority's certificate, for browsers to trust; 404 with a certificate given."""
    root: Path | None = request.app.state.root_certificate
    if root is None:
        raise HTTPException(404)
    kind = "application/x-x509-ca-cert"
    headers = {"Cache-Control": "no-cache"}
    return FileResponse(root, media_type=kind, filename="tahuri-root.pem", headers=headers)


@centre_routes.get("/api/openapi.json", roles=None)
async def openapi_document(_: Request) -> Response:
    """The description of every request."""
    return Json(description())


centre_routes.get("/api/map/{layer}.json", roles=None)(map_layer)
centre_routes.get("/healthz", roles=None)(healthz)
centre_routes.get("/metrics", roles=None)(metrics)


def description() -> dict[str, Any]:
    """``/api/openapi.json``: everything but the pages themselves."""
    endpoints = [one for routes in (*SLICES, centre_routes) for one in routes.endpoints]
    return openapi(endpoints, __version__, WORDS)


def build(settings: Settings, centre: Centre) -> Starlette:
    """The application, not yet started."""
    database = Database(centre.database_url, centre.pack.city.code)
    feed_hub = Feed(database, VIEWS)
    positions = Positions(database)
    plan = centre.number_plan
    call_back_rules = Rules(
        zone=centre.pack.city.zone,
        due_s=int(settings.call_back_due_s),
        messages=settings.message_file is not None or settings.message_url is not None,
        plan=plan,
    )
    worth = Precedences(settings.precedence_open_incident, settings.precedence_call_back, plan)
    switchboard = Switchboard(
        str(centre.folder.run / "switch.sock"),
        database,
        VIEWS,
        (follower(call_back_rules), watch_follow),
        worth,
    )
    live = LiveBoard(switchboard.state, settings.node)
    measures = MeasurePush(
        database,
        switchboard.command,
        lambda salt, number: number_digest(salt, plan.canonical(number)),
    )
    automatic = Automatic(
        database,
        switchboard,
        Pace(
            after_s=settings.call_back_after_s,
            attempts_max=settings.call_back_attempts,
            spacing_s=settings.call_back_spacing_s,
        ),
    )
    calls_back = settings.call_back_automatic and any(
        trunk.host and not trunk.node for trunk in settings.trunks
    )
    roads = Roads(centre.pack, centre.folder.cache)
    key = centre.folder.secret("seat.key")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await database.open()
        shown: Followed | None = app.state.certificate
        tasks = [
            asyncio.create_task(kept_going(name, run), name=name)
            for name, run in (
                ("feed", feed_hub.listen),
                ("positions", positions.run),
                ("switchboard", switchboard.run),
                ("live", live.run),
                ("measures", measures.run),
                ("roads", roads.warm),
                *((("call-backs", automatic.run),) if calls_back else ()),
                *((("certificate", shown.follow),) if shown else ()),
            )
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await database.close()

    routes = [route for slice_ in (*SLICES, centre_routes) for route in slice_.starlette()]
    app = Starlette(
        routes=[
            *routes,
            *(Route(path, page) for path in PAGES),
            Mount("/", StaticFiles(directory=DIST, check_dir=False)),
        ],
        middleware=[
            Middleware(SafeHeaders, signalling_port=settings.signalling_port),
            Middleware(GZipMiddleware, minimum_size=GZIP_BYTES_MIN),
        ],
        exception_handlers=EXCEPTION_HANDLERS,
        lifespan=lifespan,
    )
    state = app.state
    state.db, state.views, state.feed, state.positions = database, VIEWS, feed_hub, positions
    state.switchboard, state.session_reader, state.settings = switchboard, session_reader, settings
    state.live = live
    state.certificate = None
    state.call_back_rules, state.number_plan = call_back_rules, plan
    state.caller_door = tahuri.callbacks.caller_routes.Door()
    state.pack, state.recordings = centre.pack, centre.folder.recordings
    state.run = centre.folder.run
    state.gazetteer, state.roads = centre.gazetteer, roads
    state.layers = centre.folder.cache / "layers"
    state.root_certificate = centre.root_certificate if settings.own_authority else None
    state.agency_of = {unit.unit_id: unit.agency_id for unit in centre.pack.units}
    state.seat_token = _signer(key)
    state.languages_of = lambda operator_id: languages_of(database, operator_id)
    state.signalling = lambda request: signalling_url(request, settings.signalling_port)
    return app


def _signer(key: bytes) -> Callable[[dict[str, Any]], str]:
    def sign(claims: dict[str, Any]) -> str:
        return token.sign(msgspec.convert(claims, token.SeatToken), key)

    return sign


def main(argv: Sequence[str]) -> int:
    """``python -m tahuri.app --settings FILE``: serves until it is told to stop."""
    parser = argparse.ArgumentParser(prog="tahuri serve")
    parser.add_argument("--settings", type=Path, required=True)
    settings = msgspec.json.decode(parser.parse_args(argv).settings.read_bytes(), type=Settings)
    configure_logs()
    centre = Centre.load(settings)
    files = centre.certificate
    app = build(settings, centre)
    config = uvicorn.Config(
        app,
        host=settings.http_address,
        port=settings.http_port,
        ssl_certfile=str(files[0]) if files else None,
        ssl_keyfile=str(files[1]) if files else None,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=SHUTDOWN_S,
        server_header=False,
        proxy_headers=False,
    )
    config.load()
    if files is not None and config.ssl is not None:
        app.state.certificate = Followed(*files, config.ssl)
    uvicorn.Server(config).run()
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
