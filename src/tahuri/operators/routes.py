"""Signing in and out, accounts, drafts."""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.event import Command, StreamId
from tahuri.kernel.http import (
    Json,
    Nothing,
    Routes,
    SignedOn,
    answered,
    db,
    views,
    who,
    writing,
)
from tahuri.kernel.ids import OperatorId
from tahuri.kernel.log import Log, Writing
from tahuri.kernel.log import writing as writing_log
from tahuri.kernel.mint import new_id
from tahuri.kernel.refusal import Invalid, Refused
from tahuri.kernel.roles import Role
from tahuri.operators import queries
from tahuri.operators.accounts import (
    NOBODY,
    faults,
    hashed,
    make_account,
    matches,
    strangers,
)
from tahuri.operators.events import AccountChanged, SignedIn, SignedOut
from tahuri.operators.queries import Account
from tahuri.refusals import Refusal

COOKIE = "tahuri_session"
SESSION = timedelta(hours=12)
"""Longer than the longest shift (21:00 to 07:00)."""
FAILURES_WINDOW = timedelta(minutes=5)
ACCOUNT_FAILURES_MAX = 8
ADDRESS_FAILURES_MAX = 40
DRAFT_KEY_CHARS_MAX = 64

routes = Routes("operators")


class SignIn(Command, frozen=True):
    """Who wants in."""

    username: str
    password: str


class MakeAccount(Command, frozen=True):
    """A new account."""

    username: str
    name: str
    password: str
    roles: tuple[Role, ...]
    agency_id: str | None = None
    unit_id: str | None = None
    languages: tuple[str, ...] = ()


class ChangeAccount(Command, frozen=True):
    """What is given changes, the rest stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    password: str | msgspec.UnsetType = msgspec.UNSET
    roles: tuple[Role, ...] | msgspec.UnsetType = msgspec.UNSET
    agency_id: str | msgspec.UnsetType | None = msgspec.UNSET
    unit_id: str | msgspec.UnsetType | None = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET
    languages: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class Draft(Command, frozen=True):
    """What was typed, as the form keeps it."""

    fields: dict[str, Any]


def _digest(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()


def _signed_on(account: Account, digest: bytes) -> SignedOn:
    return SignedOn(
        operator_id=account.operator_id,
        name=account.name,
        roles=account.roles,
        unit_id=account.unit_id,
        agency_id=account.agency_id,
        session=digest.hex()[:16],
    )


def pack_of(request: Request) -> CityPack:
    """The city pack that this centre runs on."""
    return cast("CityPack", request.app.state.pack)


async def session_reader(request: Request) -> SignedOn | None:
    """Who the session cookie stands for."""
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        return None
    digest = _digest(cookie)
    account = await queries.session_account(db(request), digest, clock.now())
    return _signed_on(account, digest) if account else None


def _said(person: SignedOn) -> dict[str, Any]:
    return {
        "operator": {
            "operator_id": person.operator_id,
            "name": person.name,
            "roles": person.roles,
            "unit_id": person.unit_id,
            "agency_id": person.agency_id,
        }
    }


async def _checked_account(request: Request, asked: SignIn) -> Account:
    database, now = db(request), clock.now()
    address = request.client.host if request.client else "unknown"
    sources = (f"account {asked.username.lower()[:64]}", f"address {address}")
    since = now - FAILURES_WINDOW
    limits = zip(sources, (ACCOUNT_FAILURES_MAX, ADDRESS_FAILURES_MAX), strict=True)
    for source, most in limits:
        if await queries.failures_since(database, source, since) >= most:
            raise Refused(
                Refusal.TOO_MANY_ATTEMPTS, wait_s=str(int(FAILURES_WINDOW.total_seconds()))
            )
    account = await queries.account_named(database, asked.username)
    right = await matches(account.password if account else NOBODY, asked.password)
    if account is None or not right or not account.active:
        await queries.note_failure(database, sources, now, since)
        raise Refused(Refusal.WRONG_PASSWORD)
    await queries.forget_failures(database, sources[0])
    return account


@routes.post(
    "/api/session",
    SignIn,
    roles=None,
    keyed=False,
    example={"username": "penerima", "password": "a long password"},
    answer={
        "operator": {
            "operator_id": "01J…",
            "name": "Penerima 1",
            "roles": ["call_taker"],
            "unit_id": None,
            "agency_id": None,
        }
    },
)
async def sign_in(request: Request, asked: SignIn) -> Response:
    """Signs in and sets the session cookie; 401 for a wrong name or password, 429 for too many."""
    account = await _checked_account(request, asked)
    cookie = secrets.token_urlsafe(32)
    digest = _digest(cookie)
    person = _signed_on(account, digest)
    write = Writing(actor=account.operator_id, command=new_id(), now=clock.now())
    async with writing_log(db(request), views(request), write) as log:
        await queries.open_session(log, digest, account.operator_id, log.now + SESSION)
        await log.append(
            StreamId("operator", account.operator_id),
            [SignedIn(operator_id=OperatorId(account.operator_id), session=person.session)],
        )
    answer = Json(_said(person))
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=int(SESSION.total_seconds()),
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="strict",
    )
    return answer


@routes.get("/api/session")
async def session(request: Request) -> Response:
    """Who is signed in; 401 when nobody is."""
    return Json(_said(who(request)))


@routes.post("/api/session", Nothing, method="DELETE", keyed=False)
async def sign_out(request: Request, _: Nothing) -> Response:
    """Ends the session."""
    person = who(request)
    write = Writing(actor=person.operator_id, command=new_id(), now=clock.now())
    async with writing_log(db(request), views(request), write) as log:
        await queries.end_session(log, _digest(request.cookies[COOKIE]))
        await log.append(
            StreamId("operator", person.operator_id),
            [SignedOut(operator_id=OperatorId(person.operator_id), session=person.session)],
        )
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@routes.get("/api/accounts", roles=(Role.ADMINISTRATOR,))
async def list_accounts(request: Request) -> Response:
    """Every account, without passwords."""
    return Json(
        {
            "accounts": [
                {
                    "operator_id": one.operator_id,
                    "username": one.username,
                    "name": one.name,
                    "roles": one.roles,
                    "agency_id": one.agency_id,
                    "unit_id": one.unit_id,
                    "active": one.active,
                    "languages": one.languages,
                }
                for one in await queries.accounts(db(request))
            ]
        }
    )


@routes.post(
    "/api/accounts",
    MakeAccount,
    roles=(Role.ADMINISTRATOR,),
    example={
        "username": "penerima2",
        "name": "Penerima 2",
        "password": "a long password",
        "roles": ["call_taker", "dispatcher"],
    },
    answer={"seq": 12, "operator_id": "01J…"},
)
async def add_account(request: Request, asked: MakeAccount) -> dict[str, Any]:
    """Makes an account."""
    if wrong := strangers(pack_of(request), asked.agency_id, asked.unit_id):
        raise Invalid.of(wrong)
    async with writing(request) as log:
        if log.answered is None:
            log.answer["operator_id"] = await make_account(
                log,
                username=asked.username,
                name=asked.name,
                password=asked.password,
                roles=asked.roles,
                agency_id=asked.agency_id,
                unit_id=asked.unit_id,
                languages=asked.languages,
            )
    return answered(log)


@routes.post(
    "/api/accounts/{operator_id}",
    ChangeAccount,
    roles=(Role.ADMINISTRATOR,),
    example={"active": False},
    answer={"seq": 13},
)
async def change_account(request: Request, asked: ChangeAccount) -> dict[str, Any]:
    """Changes an account; its sessions end when it is closed or its password changes."""
    operator_id = OperatorId(request.path_params["operator_id"])
    given = {
        name: getattr(asked, name)
        for name in asked.__struct_fields__
        if getattr(asked, name) is not msgspec.UNSET
    }
    checked = {name: given[name] for name in ("name", "password", "languages") if name in given}
    if wrong := faults(**checked) | strangers(pack_of(request), asked.agency_id, asked.unit_id):
        raise Invalid.of(wrong)
    if "name" in given:
        given["name"] = given["name"].strip()
    if "roles" in given:
        given["roles"] = [str(role) for role in given["roles"]]
    if "languages" in given:
        given["languages"] = list(dict.fromkeys(given["languages"]))
    if "password" in given:
        given["password"] = await hashed(given["password"])
    async with writing(request) as log:
        if log.answered is None and given:
            account = await queries.change_account(log, operator_id, given)
            await check_change(log, account)
            await log.append(
                StreamId("operator", operator_id),
                [AccountChanged(operator_id=operator_id, fields=tuple(sorted(given)))],
            )
    return answered(log)


async def check_change(log: Log, account: Account | None) -> None:
    """Lets a changed account pass that can be, while somebody is left who can change accounts.

    Raises:
        Invalid: there is no such account, or what it has become does not fit together.
        Refused: nobody would be left to let anybody in.
    """
    if account is None:
        raise Invalid.of({"operator_id": "no such account"})
    if wrong := faults(roles=account.roles, agency_id=account.agency_id):
        raise Invalid.of(wrong)
    if not await queries.somebody_is(log, Role.ADMINISTRATOR):
        raise Refused(Refusal.LAST_ADMINISTRATOR, operator=account.operator_id)


@routes.get("/api/drafts")
async def list_drafts(request: Request) -> Response:
    """What I have typed and not sent, by key."""
    return Json({"drafts": await queries.drafts(db(request), who(request).operator_id)})


@routes.post(
    "/api/drafts/{key}",
    Draft,
    method="PUT",
    keyed=False,
    example={"fields": {"summary": "asap tebal"}},
)
async def keep_draft(request: Request, draft: Draft) -> None:
    """Keeps what I have typed; the last one wins."""
    key = request.path_params["key"]
    if len(key) > DRAFT_KEY_CHARS_MAX:
        raise Invalid.of({"key": f"at most {DRAFT_KEY_CHARS_MAX} characters"})
    await queries.keep_draft(db(request), who(request).operator_id, key, draft.fields, clock.now())


@routes.post("/api/drafts/{key}", Nothing, method="DELETE", keyed=False)
async def drop_draft(request: Request, _: Nothing) -> None:
    """Throws away what I have typed."""
    await queries.drop_draft(db(request), who(request).operator_id, request.path_params["key"])
