"""Signing in, accounts and drafts, over the real routes and a real database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

import tahuri.calls.routes
import tahuri.calls.views
import tahuri.operators.routes
import tahuri.operators.views
from tahuri.calls.events import CallAnswered, CallArrived, CallEnded, RecordingStarted
from tahuri.calls.switchboard import Switchboard
from tahuri.city.records import CityPack
from tahuri.kernel import clock
from tahuri.kernel.db import Database
from tahuri.kernel.event import Event, StreamId
from tahuri.kernel.http import BODY_BYTES_MAX, EXCEPTION_HANDLERS
from tahuri.kernel.ids import OperatorId, RecordingId, SeatId
from tahuri.kernel.log import Writing, writing
from tahuri.kernel.mint import new_id
from tahuri.kernel.roles import Role
from tahuri.kernel.verify import verify
from tahuri.operators.accounts import make_account
from tahuri.operators.routes import ACCOUNT_FAILURES_MAX, session_reader
from tahuri.settings import Settings

VIEWS = (*tahuri.calls.views.VIEWS, *tahuri.operators.views.VIEWS)
PASSWORD = "a long password"
BASE = "http://centre.test"


async def append(database: Database, stream: str, *events: Event) -> None:
    write = Writing(actor="switch", command=new_id(), now=clock.now())
    async with writing(database, VIEWS, write) as log:
        await log.append(StreamId.parse(stream), events)


class Desk:
    """A centre of two slices, without a switch, and browsers before it."""

    def __init__(self, database: Database, recordings: Path, pack: CityPack) -> None:
        self.database = database
        slices = (tahuri.operators.routes, tahuri.calls.routes)
        self.app = Starlette(
            routes=[route for one in slices for route in one.routes.starlette()],
            exception_handlers=EXCEPTION_HANDLERS,
        )
        self.app.state.db, self.app.state.views, self.app.state.pack = database, VIEWS, pack
        self.app.state.settings = Settings()
        self.app.state.session_reader, self.app.state.recordings = session_reader, recordings
        nowhere = str(recordings / "nowhere.sock")
        self.app.state.switchboard = Switchboard(nowhere, database, VIEWS)
        self.recordings = recordings
        self.browsers: list[httpx.AsyncClient] = []

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        opened = httpx.AsyncClient(transport=transport, base_url=BASE)
        self.browsers.append(opened)
        return opened

    async def account(self, username: str, *roles: Role) -> str:
        write = Writing(actor="cli", command=new_id(), now=clock.now())
        async with writing(self.database, VIEWS, write) as log:
            return await make_account(
                log, username=username, name=username, password=PASSWORD, roles=roles
            )

    async def signed_in(self, username: str, *roles: Role) -> tuple[httpx.AsyncClient, str]:
        operator_id = await self.account(username, *roles)
        browser = self.browser()
        assert (await sign_in(browser, username)).status_code == 200
        return browser, operator_id


async def sign_in(
    browser: httpx.AsyncClient, username: str, password: str = PASSWORD
) -> httpx.Response:
    return await browser.post("/api/session", json={"username": username, "password": password})


async def send(browser: httpx.AsyncClient, path: str, body: Any = None) -> httpx.Response:
    return await browser.post(path, json=body or {}, headers={"Idempotency-Key": new_id()})


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


@pytest.fixture
async def desk(database: Database, tmp_path: Path, pack: CityPack) -> AsyncIterator[Desk]:
    made = Desk(database, tmp_path, pack)
    yield made
    for browser in made.browsers:
        await browser.aclose()


async def test_signing_in_opens_a_session_and_signing_out_ends_it(desk: Desk) -> None:
    """Everything that is recorded names who did it; nobody may go on as somebody who left."""
    browser, operator_id = await desk.signed_in("penerima", Role.CALL_TAKER)
    cookie = browser.cookies["tahuri_session"]
    shown = (await browser.get("/api/session")).json()["operator"]
    assert (shown["operator_id"], shown["roles"]) == (operator_id, ["call_taker"])
    assert (await browser.request("DELETE", "/api/session")).status_code == 204
    browser.cookies.set("tahuri_session", cookie, domain="centre.test")
    assert problem(await browser.get("/api/session")) == (401, "not-signed-in")
    tags = await desk.database.all("select type from facts order by seq")
    assert [tag for (tag,) in tags] == [
        "operators.account-made", "operators.signed-in", "operators.signed-out",
    ]  # fmt: skip


async def test_the_cookie_can_neither_be_read_by_a_script_nor_found_in_the_database(
    desk: Desk,
) -> None:
    """A stolen backup must not open the room."""
    await desk.account("penerima", Role.CALL_TAKER)
    answer = await sign_in(desk.browser(), "PENERIMA")
    kept = answer.headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=strict" in kept
    cookie = answer.cookies["tahuri_session"]
    assert (
        await desk.database.all("select 1 from sessions where digest = %s", (cookie.encode(),))
        == []
    )


@pytest.mark.parametrize(
    ("username", "password"),
    [("penerima", "a long passwore"), ("nobody", PASSWORD), ("penerima", ""), ("x" * 5000, "x")],
)
async def test_a_wrong_name_and_a_wrong_password_look_alike(
    desk: Desk, username: str, password: str
) -> None:
    """A stranger must not learn who works here."""
    await desk.account("penerima", Role.CALL_TAKER)
    answer = await sign_in(desk.browser(), username, password)
    assert problem(answer) == (401, "wrong-password")
    assert answer.json()["context"] == {}


async def test_guessing_is_stopped_and_another_account_still_gets_in(desk: Desk) -> None:
    """A machine tries a thousand passwords; the next shift must be able to sign in beside it."""
    await desk.account("penerima", Role.CALL_TAKER)
    await desk.account("petugas", Role.DISPATCHER)
    browser = desk.browser()
    for _ in range(ACCOUNT_FAILURES_MAX):
        assert problem(await sign_in(browser, "penerima", "guessed wrong"))[0] == 401
    assert problem(await sign_in(browser, "penerima")) == (429, "too-many-attempts")
    assert (await sign_in(browser, "petugas")).status_code == 200


async def test_a_success_forgets_the_failures_before_it(desk: Desk) -> None:
    """Tired fingers are no attack."""
    await desk.account("penerima", Role.CALL_TAKER)
    browser = desk.browser()
    for _ in range(2):
        for _ in range(ACCOUNT_FAILURES_MAX - 1):
            await sign_in(browser, "penerima", "guessed wrong")
        assert (await sign_in(browser, "penerima")).status_code == 200


async def test_an_administrator_makes_an_account_that_can_sign_in(desk: Desk) -> None:
    """New people come in the middle of the night."""
    boss, _ = await desk.signed_in("admin", Role.ADMINISTRATOR)
    body = {"username": "baru", "name": " Baru ", "password": PASSWORD, "roles": ["crew"]}
    made = await send(boss, "/api/accounts", body)
    assert made.status_code == 200
    browser = desk.browser()
    shown = (await sign_in(browser, "baru")).json()["operator"]
    assert (shown["operator_id"], shown["name"]) == (made.json()["operator_id"], "Baru")
    listed = (await boss.get("/api/accounts")).json()["accounts"]
    assert [one["username"] for one in listed] == ["admin", "baru"]
    assert "password" not in listed[0]
    assert problem(await send(boss, "/api/accounts", body)) == (422, "invalid")
    assert problem(await browser.get("/api/accounts")) == (403, "not-allowed")
    assert (await verify(desk.database, VIEWS)).fault is None


async def test_every_fault_of_a_new_account_is_named(desk: Desk) -> None:
    """One round trip must be enough to mend it."""
    boss, _ = await desk.signed_in("admin", Role.ADMINISTRATOR)
    body = {"username": "B A", "name": " ", "password": "short", "roles": []}
    answer = await send(boss, "/api/accounts", body)
    assert {error["field"] for error in answer.json()["errors"]} == {
        "username", "name", "password", "roles",
    }  # fmt: skip


@pytest.mark.parametrize("change", [{"password": "another long one"}, {"active": False}])
async def test_sessions_end_when_the_password_changes_or_the_account_is_closed(
    desk: Desk, change: dict[str, Any]
) -> None:
    """Who is sent home, or whose password was seen, is out at once."""
    boss, _ = await desk.signed_in("admin", Role.ADMINISTRATOR)
    browser, operator_id = await desk.signed_in("penerima", Role.CALL_TAKER)
    assert (await send(boss, f"/api/accounts/{operator_id}", change)).status_code == 200
    assert problem(await browser.get("/api/session")) == (401, "not-signed-in")
    assert problem(await sign_in(browser, "penerima")) == (401, "wrong-password")


async def test_a_new_role_holds_at_once_and_ends_no_session(desk: Desk) -> None:
    """A call taker helps out as dispatcher in the middle of a call."""
    boss, _ = await desk.signed_in("admin", Role.ADMINISTRATOR)
    browser, operator_id = await desk.signed_in("penerima", Role.CALL_TAKER)
    roles = ["call_taker", "dispatcher"]
    await send(boss, f"/api/accounts/{operator_id}", {"roles": roles})
    assert (await browser.get("/api/session")).json()["operator"]["roles"] == roles


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"name": ""}, "name"),
        ({"roles": []}, "roles"),
        ({"agency_id": "NOBODY"}, "agency_id"),
        ({"unit_id": "XYZ-99"}, "unit_id"),
        ({"roles": ["administrator", "agency_desk"]}, "agency_id"),
    ],
)
async def test_a_change_cannot_do_what_making_could_not(
    desk: Desk, change: dict[str, Any], field: str
) -> None:
    """An account with an empty password would be everybody's."""
    boss, operator_id = await desk.signed_in("admin", Role.ADMINISTRATOR)
    answer = await send(boss, f"/api/accounts/{operator_id}", change)
    assert problem(answer) == (422, "invalid")
    assert answer.json()["errors"][0]["field"] == field
    assert problem(await send(boss, "/api/accounts/nobody", {"active": True})) == (422, "invalid")


async def test_a_desk_needs_its_agency_and_an_agency_must_exist(desk: Desk) -> None:
    """A desk of no agency sees no incident and nobody would know why."""
    boss, _ = await desk.signed_in("admin", Role.ADMINISTRATOR)
    body = {"username": "opd", "name": "OPD", "password": PASSWORD, "roles": ["agency_desk"]}
    for wrong in ({}, {"agency_id": "NOBODY"}):
        answer = await send(boss, "/api/accounts", {**body, **wrong})
        assert answer.json()["errors"][0]["field"] == "agency_id"
    made = await send(boss, "/api/accounts", {**body, "agency_id": "DAMKAR"})
    assert made.status_code == 200
    path = f"/api/accounts/{made.json()['operator_id']}"
    answer = await send(boss, path, {"agency_id": None})
    assert answer.json()["errors"][0]["field"] == "agency_id"
    assert (await send(boss, path, {"roles": ["crew"], "agency_id": None})).status_code == 200


@pytest.mark.parametrize("change", [{"active": False}, {"roles": ["supervisor"]}])
async def test_the_last_administrator_cannot_be_locked_out(
    desk: Desk, change: dict[str, Any]
) -> None:
    """A centre that nobody can let people into has no next shift."""
    boss, operator_id = await desk.signed_in("admin", Role.ADMINISTRATOR)
    closed, other_id = await desk.signed_in("admin2", Role.ADMINISTRATOR)
    assert (await send(boss, f"/api/accounts/{other_id}", {"active": False})).status_code == 200
    path = f"/api/accounts/{operator_id}"
    assert problem(await send(boss, path, change)) == (409, "last-administrator")
    assert (await boss.get("/api/session")).json()["operator"]["roles"] == ["administrator"]
    assert (await send(boss, f"/api/accounts/{other_id}", {"active": True})).status_code == 200
    assert (await send(boss, path, change)).status_code == 200
    assert problem(await boss.get("/api/accounts"))[0] in (401, 403)
    assert (await sign_in(closed, "admin2")).status_code == 200
    assert (await verify(desk.database, VIEWS)).fault is None


async def test_a_draft_comes_back_after_a_reload_and_only_to_its_writer(desk: Desk) -> None:
    """Nothing typed is lost, and nobody reads over a shoulder."""
    browser, _ = await desk.signed_in("penerima", Role.CALL_TAKER)
    other, _ = await desk.signed_in("petugas", Role.DISPATCHER)
    body: dict[str, Any] = {}
    for text in ("asap", "asap tebal"):
        body = {"fields": {"summary": text, "lat": -0.0}}
        assert (await browser.put("/api/drafts/call-1", json=body)).status_code == 204
    kept = (await browser.get("/api/drafts")).json()
    assert kept == {"drafts": {"call-1": {"summary": "asap tebal", "lat": 0.0}}}
    assert (await other.get("/api/drafts")).json() == {"drafts": {}}
    assert (await browser.request("DELETE", "/api/drafts/call-1")).status_code == 204
    assert (await browser.get("/api/drafts")).json() == {"drafts": {}}
    assert problem(await browser.put(f"/api/drafts/{'x' * 65}", json=body)) == (422, "invalid")
    large = b'{"fields": {"a": "' + b"x" * BODY_BYTES_MAX + b'"}}'
    assert problem(await browser.put("/api/drafts/a", content=large)) == (413, "http-413")


async def test_a_call_is_classified_and_wrapped_up_once(desk: Desk) -> None:
    """Refusals, repetitions and unknown fields of a real command, as a console meets them."""
    browser, operator_id = await desk.signed_in("penerima", Role.CALL_TAKER)
    answered = CallAnswered(seat_id=SeatId("M1"), operator_id=OperatorId(operator_id))
    arrived = CallArrived(trunk="telkom", number_status="none")
    await append(desk.database, "call/C1", arrived, answered)
    assert problem(await send(browser, "/api/calls/C1/wrap-up")) == (409, "call-still-live")
    await append(desk.database, "call/C1", CallEnded(outcome="answered", by="caller"))
    assert problem(await send(browser, "/api/calls/C1/wrap-up")) == (409, "call-not-classified")
    wrong = await send(browser, "/api/calls/C1/classify", {"call_clas": "normal"})
    assert wrong.json()["errors"][0]["field"] == "call_clas"
    key = {"Idempotency-Key": "k1"}
    body = {"call_class": "normal"}
    first = await browser.post("/api/calls/C1/classify", json=body, headers=key)
    again = await browser.post("/api/calls/C1/classify", json=body, headers=key)
    assert first.json() == again.json()
    other = await browser.post("/api/calls/C2/classify", json=body, headers=key)
    assert problem(other) == (422, "key-reused")
    assert problem(await send(browser, "/api/calls/C9/classify", body)) == (404, "call-unknown")
    unnamed = await browser.post("/api/calls/C1/classify", json=body)
    assert unnamed.json()["errors"][0]["field"] == "Idempotency-Key"
    foreign = {"Idempotency-Key": "k2", "Origin": "http://evil.test"}
    stolen = await browser.post("/api/calls/C1/classify", json=body, headers=foreign)
    assert problem(stolen) == (403, "not-allowed")
    assert (await send(browser, "/api/calls/C1/wrap-up")).status_code == 200
    row = await desk.database.one("select body from view_rows where view = 'call' and key = 'C1'")
    assert row is not None
    assert row[0]["wrapped_up_at"] is not None


async def test_a_command_to_a_switch_that_is_down_says_so(desk: Desk) -> None:
    """The console must show that telephony is down and that trying again may help."""
    browser, _ = await desk.signed_in("penerima", Role.CALL_TAKER)
    answer = await send(browser, "/api/seats/M1/ready")
    assert problem(answer) == (503, "switch-unavailable")
    assert answer.headers["retry-after"] == "1"
    assert problem(await send(browser, "/api/seats/M%201/take")) == (422, "invalid")


async def test_a_database_that_is_away_is_told_and_not_paged(desk: Desk) -> None:
    """A restart of PostgreSQL is no bug."""
    browser, _ = await desk.signed_in("penerima", Role.CALL_TAKER)
    away = Database("postgresql://nobody@/none?host=/nowhere", desk.database.city_id)
    away.pool.timeout = 0.2
    await away.pool.open()
    desk.app.state.db = away
    assert problem(await browser.get("/api/session")) == (503, "database-unavailable")
    await away.close()


async def recorded(desk: Desk, operator_id: str) -> None:
    """Call C1 with a recording on disk."""
    (desk.recordings / "C1.wav").write_bytes(b"RIFF" + bytes(100))
    arrived = CallArrived(trunk="telkom", number_status="none")
    answered = CallAnswered(seat_id=SeatId("M1"), operator_id=OperatorId(operator_id))
    started = RecordingStarted(recording_id=RecordingId("R1"), path="C1.wav")
    await append(desk.database, "call/C1", arrived, answered, started)


async def plays(desk: Desk) -> int:
    record = await desk.database.one(
        "select count(*) from facts where type = 'calls.recording-played'"
    )
    assert record is not None
    return int(record[0])


async def test_no_part_of_a_recording_is_heard_without_a_trace(desk: Desk) -> None:
    """Who listened to a caller must be known, however the player asks for the bytes."""
    browser, operator_id = await desk.signed_in("penerima", Role.CALL_TAKER)
    await recorded(desk, operator_id)
    audio = "/api/recordings/R1/audio"
    middle = await browser.get(audio, headers={"Range": "bytes=44-"})
    assert (middle.status_code, len(middle.content), await plays(desk)) == (206, 60, 1)
    await browser.get(audio, headers={"Range": "bytes=60-"})
    assert await plays(desk) == 1
    whole = await browser.get(audio)
    assert (whole.status_code, whole.content[:4], await plays(desk)) == (200, b"RIFF", 2)
    assert whole.headers["cache-control"] == "no-store"


async def test_a_recording_is_for_its_own_call_taker_and_supervisors(desk: Desk) -> None:
    """A caller speaks to one person, not to the whole room."""
    _, operator_id = await desk.signed_in("penerima", Role.CALL_TAKER)
    other, _ = await desk.signed_in("petugas", Role.DISPATCHER)
    chief, _ = await desk.signed_in("kepala", Role.SUPERVISOR)
    await recorded(desk, operator_id)
    audio = "/api/recordings/R1/audio"
    assert problem(await other.get(audio)) == (403, "not-allowed")
    assert (await chief.get(audio)).status_code == 200
    assert problem(await chief.get("/api/recordings/R9/audio")) == (404, "recording-unknown")
    await asyncio.to_thread((desk.recordings / "C1.wav").unlink)
    assert problem(await chief.get(audio)) == (404, "recording-unknown")
    assert await plays(desk) == 1
