"""HTTP as every slice speaks it: who asks, what is asked, how no is said (RFC 9457)."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import msgspec
import structlog
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import Command
from tahuri.kernel.log import COMMAND_CHARS_MAX, Log, Writing, request_digest
from tahuri.kernel.log import writing as writing_log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Invalid, Refused, RequestRefusal, Unavailable
from tahuri.kernel.view import View

BODY_BYTES_MAX = 256 * 1024
RETRY_AFTER_S = 1
KEY_HEADER = "Idempotency-Key"

NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""U+0000 in JSON text: valid there, but no text in PostgreSQL can hold it."""

log = structlog.get_logger()
C = TypeVar("C", bound=Struct)


class SignedOn(Struct, frozen=True):
    """Who asks."""

    operator_id: str
    name: str
    roles: tuple[str, ...]
    unit_id: str | None = None
    agency_id: str | None = None
    session: str = ""
    """Names the session in facts and tokens; not the cookie."""


SessionReader = Callable[[Request], Awaitable[SignedOn | None]]


class Json(Response):
    """A JSON answer, encoded by msgspec; never cached."""

    media_type = "application/json"

    def __init__(
        self, content: Any, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            msgspec.json.encode(content),
            status_code,
            {"Cache-Control": "no-store", **(headers or {})},
        )


def problem(
    status: int,
    code: str,
    title: str,
    *,
    detail: str = "",
    errors: Sequence[dict[str, str]] = (),
    context: dict[str, str] | None = None,
) -> Response:
    """An RFC 9457 problem.  ``code`` is stable and what consoles translate."""
    body = {
        "type": f"urn:tahuri:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": list(errors),
        "context": context or {},
    }
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
    answer = Json(body, status, headers)
    answer.headers["Content-Type"] = "application/problem+json"
    return answer


def _validation_errors(message: str) -> list[dict[str, str]]:
    """The field that msgspec complains of, as a path such as ``place.lat``."""
    where = re.search(r" - at `\$\.?(.*)`$", message)
    path = where[1] if where else ""
    text = message[: where.start()] if where else message
    unknown = re.search(r"unknown field `(.+?)`", text) or re.search(
        r"missing required field `(.+?)`", text
    )
    if unknown:
        path = f"{path}.{unknown[1]}" if path else unknown[1]
    return [{"field": path, "message": text}]


async def on_refused(_: Request, error: Exception) -> Response:
    """The rules said no."""
    refused = cast("Refused", error)
    return problem(
        refused.code.status, refused.code, "The rules forbid it", context=refused.context
    )


async def on_unavailable(_: Request, error: Exception) -> Response:
    """A part is down; nothing was recorded."""
    gone = cast("Unavailable", error)
    return problem(
        503, f"{gone.part}-unavailable", "A part of the centre is down", detail=gone.detail
    )


async def on_invalid(_: Request, error: Exception) -> Response:
    """The request is wrong, field by field."""
    match error:
        case Invalid(fields=fields):
            errors = [{"field": name, "message": text} for name, text in fields.items()]
        case _:
            errors = _validation_errors(str(error))
    return problem(422, "invalid", "The request is not valid", errors=errors)


async def on_http(_: Request, error: Exception) -> Response:
    """No such page, wrong method and the like."""
    known = cast("HTTPException", error)
    return problem(known.status_code, f"http-{known.status_code}", known.detail)


async def on_bug(request: Request, error: Exception) -> Response:
    """A bug: the process goes on and someone is told."""
    name = new_id()
    log.error("bug", error_id=name, path=request.url.path, exc_info=error)
    return problem(500, "bug", "Something is broken", detail=f"error {name}")


EXCEPTION_HANDLERS: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    Refused: on_refused,
    Unavailable: on_unavailable,
    Invalid: on_invalid,
    msgspec.ValidationError: on_invalid,
    HTTPException: on_http,
    Exception: on_bug,
}


def db(request: Request) -> Database:
    """The city's database."""
    return cast("Database", request.app.state.db)


def views(request: Request) -> Sequence[View]:
    """Every view of the log."""
    return cast("Sequence[View]", request.app.state.views)


async def signed_on(request: Request) -> SignedOn:
    """Who asks.

    Raises:
        Refused: nobody is signed in.
    """
    reader = cast("SessionReader", request.app.state.session_reader)
    who = await reader(request)
    if who is None:
        raise Refused(RequestRefusal.NOT_SIGNED_IN)
    request.state.who = who
    return who


def who(request: Request) -> SignedOn:
    """Who asks, where ``signed_on`` has been passed."""
    return cast("SignedOn", request.state.who)


async def body_bytes(request: Request) -> bytes:
    """The body, at most ``BODY_BYTES_MAX``.

    Raises:
        HTTPException: 413, larger.
    """
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise HTTPException(413, f"a body has at most {BODY_BYTES_MAX} bytes")
        chunks.append(chunk)
    body = b"".join(chunks)
    request.state.body = body
    return body


async def decoded(request: Request, kind: type[C]) -> C:
    """The request's body as ``kind``.

    Raises:
        HTTPException: 413, too large; 415, said to be something else than JSON.
        Invalid: not JSON, or text that cannot be kept.
        msgspec.ValidationError: a field is wrong or unknown.
    """
    said = request.headers.get("content-type", "application/json").partition(";")[0]
    if said.strip().lower() != "application/json":
        raise HTTPException(415, f"a command is application/json, not {said}")
    body = await body_bytes(request)
    if NUL.search(body):
        raise Invalid.of({"": "text cannot hold the character U+0000"})
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid.of({"": f"not JSON: {error}"}) from error
    except RecursionError as error:
        raise Invalid.of({"": "nested too deeply"}) from error


def check_origin(request: Request) -> None:
    """A page of another site cannot make this browser act.

    Raises:
        Refused: the browser says that another site asks.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if site not in ("same-origin", "none") or (origin is not None and origin != own):
        raise Refused(RequestRefusal.NOT_ALLOWED, origin=origin or site)


@asynccontextmanager
async def writing(request: Request) -> AsyncIterator[Log]:
    """An open write for this request; ``Idempotency-Key`` makes repetition safe."""
    key = request.headers.get(KEY_HEADER, "")
    asked = request_digest(request.url.path.encode(), getattr(request.state, "body", b""))
    person = who(request)
    write = Writing(actor=person.operator_id, command=key, now=clock.now(), request=asked)
    async with writing_log(db(request), views(request), write) as open_log:
        yield open_log


def answered(open_log: Log) -> dict[str, Any]:
    """What to answer after a write: the first answer, if this was a repetition."""
    return open_log.answered if open_log.answered is not None else open_log.answer


@dataclass(frozen=True)
class Endpoint:
    """One address, as the router and ``openapi.json`` need it."""

    method: str
    path: str
    summary: str
    tag: str
    roles: tuple[str, ...] | None
    """Who may; None is anybody, () anybody who is signed in."""
    body: type[Struct] | None
    keyed: bool
    """Whether ``Idempotency-Key`` must be given."""
    example: dict[str, Any] | None
    answer: Any
    handler: Callable[[Request], Awaitable[Response]]
    query: Mapping[str, str] = field(default_factory=dict)
    """Parameters after the question mark → what they mean."""


@dataclass
class Routes:
    """The addresses of one slice."""

    tag: str
    endpoints: list[Endpoint] = field(default_factory=list)

    def get(
        self,
        path: str,
        *,
        roles: tuple[str, ...] | None = (),
        query: Mapping[str, str] | None = None,
        answer: Any = None,
    ) -> Callable[[Callable[[Request], Awaitable[Response]]], Callable[..., Awaitable[Response]]]:
        """A question."""

        def declare(
            handler: Callable[[Request], Awaitable[Response]],
        ) -> Callable[..., Awaitable[Response]]:
            async def guarded(request: Request) -> Response:
                await allowed(request, roles)
                return await handler(request)

            doc = handler.__doc__
            self._add("GET", path, roles, None, False, None, answer, doc, guarded, query)
            return handler

        return declare

    def post(
        self,
        path: str,
        kind: type[C],
        *,
        roles: tuple[str, ...] | None = (),
        example: dict[str, Any] | None = None,
        answer: Any = None,
        method: str = "POST",
        keyed: bool = True,
        any_site: bool = False,
    ) -> Callable[[Callable[[Request, C], Awaitable[Any]]], Callable[[Request, C], Awaitable[Any]]]:
        """A command: origin and role are checked, the body decoded, the key required.

        Args:
            keyed: False for what may be repeated or lost without harm (drafts, positions).
            any_site: True where a secret in a header is the right: no other site's page has it.
        """

        def declare(
            handler: Callable[[Request, C], Awaitable[Any]],
        ) -> Callable[[Request, C], Awaitable[Any]]:
            async def guarded(request: Request) -> Response:
                if not any_site:
                    check_origin(request)
                await allowed(request, roles)
                if keyed:
                    check_key(request)
                result = await handler(request, await decoded(request, kind))
                if isinstance(result, Response):
                    return result
                return Json(result) if result is not None else Response(status_code=204)

            self._add(method, path, roles, kind, keyed, example, answer, handler.__doc__, guarded)
            return handler

        return declare

    def _add(
        self,
        method: str,
        path: str,
        roles: tuple[str, ...] | None,
        body: type[Struct] | None,
        keyed: bool,
        example: dict[str, Any] | None,
        answer: Any,
        doc: str | None,
        handler: Callable[[Request], Awaitable[Response]],
        query: Mapping[str, str] | None = None,
    ) -> None:
        named = (method, path, (doc or "").strip().split("\n")[0], self.tag, roles)
        self.endpoints.append(Endpoint(*named, body, keyed, example, answer, handler, query or {}))

    def starlette(self) -> list[Route]:
        """The routes for the router."""
        return [Route(one.path, one.handler, methods=[one.method]) for one in self.endpoints]


async def allowed(request: Request, roles: tuple[str, ...] | None) -> None:
    """Lets pass who holds one of the roles.

    Raises:
        HTTPException: 404, the address holds U+0000, which names nothing that we keep.
        Refused: nobody is signed in, or none of their roles may do this.
    """
    if "\0" in request.scope["path"]:
        raise HTTPException(404)
    if roles is None:
        return
    person = await signed_on(request)
    if roles and not set(roles) & set(person.roles):
        raise Refused(RequestRefusal.NOT_ALLOWED, needed=", ".join(roles))


def check_key(request: Request) -> None:
    """A command names itself, so that a client that heard nothing can repeat it.

    Raises:
        Invalid: no key, or a longer one than ``COMMAND_CHARS_MAX``.
    """
    key = request.headers.get(KEY_HEADER, "")
    if not 0 < len(key) <= COMMAND_CHARS_MAX:
        raise Invalid.of({KEY_HEADER: f"a header of 1 to {COMMAND_CHARS_MAX} characters is needed"})


class Nothing(Command, frozen=True):
    """A command that needs no more words than its address."""
