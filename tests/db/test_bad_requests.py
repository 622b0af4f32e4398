"""Every command of the centre, as ``openapi.json`` describes it, asked wrongly in every way."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator
from room import CrowRoads, Wards
from starlette.applications import Starlette
from starlette.requests import Request

from tahuri.app import SLICES, VIEWS, centre_routes, description
from tahuri.callbacks.caller_routes import Door
from tahuri.calls.switchboard import Switchboard
from tahuri.city.records import CityPack
from tahuri.kernel.db import Database
from tahuri.kernel.http import BODY_BYTES_MAX, EXCEPTION_HANDLERS, SignedOn
from tahuri.kernel.mint import new_id
from tahuri.kernel.roles import Role
from tahuri.settings import Settings
from tahuri.units.queries import register_units

DOCUMENT = description()
COMMANDS = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if method != "get"
]
WRONG: list[Any] = [{"no": ["such", "thing"]}, [], 7.5, "", True, None, -(10**30)]
"""Of each kind of JSON; the description tells which are wrong for a field."""


BY_TOKEN = ("/api/caller",)
"""The right is a secret in a header, which no other site's page has."""


async def reader(request: Request) -> SignedOn | None:
    """``who: *`` holds every role, any other name is a role; nobody without."""
    name = request.headers.get("who", "")
    roles = tuple(Role) if name == "*" else tuple(role for role in Role if role == name)
    return SignedOn(f"O-{name}", name, roles, agency_id="DAMKAR", session="S") if roles else None


@pytest.fixture
async def centre(
    database: Database, pack: CityPack, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """All slices over one database, without a switch."""
    await register_units(database, VIEWS, pack.units)
    routes = [one for slice_ in (*SLICES, centre_routes) for one in slice_.starlette()]
    app = Starlette(routes=routes, exception_handlers=EXCEPTION_HANDLERS)
    app.state.db, app.state.views, app.state.pack = database, VIEWS, pack
    app.state.session_reader, app.state.gazetteer, app.state.roads = reader, Wards(), CrowRoads()
    app.state.recordings, app.state.settings = tmp_path, Settings(data=str(tmp_path))
    app.state.switchboard = Switchboard(str(tmp_path / "nowhere.sock"), database, VIEWS)
    app.state.caller_door = Door()
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://centre.test") as opened:
        opened.cookies.set("tahuri_session", "of nobody")
        yield opened


def names(one: Any) -> str:
    return f"{one[1]} {one[0]}"


def problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem (RFC 9457); a bug is none."""
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert found["type"] == f"urn:tahuri:problem:{found['code']}"
    return found


def fields(answer: httpx.Response) -> list[str]:
    found = problem(answer)
    assert (found["status"], found["code"]) == (422, "invalid"), answer.text
    return [one["field"] for one in found["errors"]]


@pytest.mark.parametrize("command", COMMANDS, ids=names)
async def test_a_wrong_command_is_a_problem_that_names_the_field(
    centre: httpx.AsyncClient, database: Database, command: tuple[str, str, dict[str, Any]]
) -> None:
    """A program that is one version ahead, or a slip, must be told at once and record nothing."""
    path, method, operation = command
    path = re.sub(r"{\w+}", "nothing", path)
    content = operation["requestBody"]["content"]["application/json"]
    example = content["example"]
    schema = Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]})

    async def ask(body: Any, **headers: str) -> httpx.Response:
        usual = {"who": "*", "Idempotency-Key": new_id(), "Content-Type": "application/json"}
        sent = {**usual, **{name.replace("_", "-"): text for name, text in headers.items()}}
        given = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await centre.request(method, path, content=given, headers=sent)

    before = await database.one("select seq from cities where city_id = %s", (database.city_id,))
    assert fields(await ask({**example, "surprise": 1})) == ["surprise"]
    for name in example:
        wrong = [value for value in WRONG if not schema.is_valid({**example, name: value})]
        assert wrong, f"{name} takes anything"
        for value in wrong:
            (named,) = fields(await ask({**example, name: value}))
            assert re.split(r"[.\[]", named)[0] == name
    assert fields(await ask(b"{")) == [""]
    assert fields(await ask(b'"text"')) == [""]
    assert problem(await ask(b" " * (BODY_BYTES_MAX + 1)))["status"] == 413
    assert problem(await ask(example, Content_Type="text/plain"))["status"] == 415
    if any(one["name"] == "Idempotency-Key" for one in operation["parameters"]):
        assert fields(await ask(example, Idempotency_Key="")) == ["Idempotency-Key"]
    if "security" in operation:
        assert problem(await ask(example, who=""))["code"] == "not-signed-in"
        for role in set(Role) - set(operation["x-roles"] or Role):
            assert problem(await ask(example, who=role))["code"] == "not-allowed"
    foreign = problem(await ask(example, Origin="http://evil.test"))["code"]
    assert foreign == ("caller-page-unknown" if path in BY_TOKEN else "not-allowed")
    after = await database.one("select seq from cities where city_id = %s", (database.city_id,))
    assert before == after
