"""HTTP of every slice: who may, what is wrong with a request, how no is said."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tahuri.kernel.event import Command
from tahuri.kernel.http import (
    BODY_BYTES_MAX,
    EXCEPTION_HANDLERS,
    Json,
    Nothing,
    Routes,
    SignedOn,
    who,
)
from tahuri.kernel.log import COMMAND_CHARS_MAX
from tahuri.kernel.openapi import openapi
from tahuri.kernel.refusal import Invalid, Refused, Unavailable
from tahuri.kernel.roles import Role
from tahuri.refusals import Refusal


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    lat: float


class Report(Command, frozen=True):
    """What is told."""

    summary: str
    place: Place | None = None
    hazards: tuple[str, ...] = ()


routes = Routes("test")
FAILURES: dict[str, Exception] = {
    "refused": Refused(Refusal.UNIT_NOT_AVAILABLE, unit="DMK-01"),
    "unknown": Refused(Refusal.CALL_UNKNOWN),
    "many": Refused(Refusal.TOO_MANY_ATTEMPTS),
    "away": Unavailable("switch", "no answer"),
    "invalid": Invalid.of({"place.lat": "outside", "priority": "1 to 4"}),
    "gone": HTTPException(404, "Not Found"),
    "bug": RuntimeError("a secret of the machine"),
}


@routes.post(
    "/reports/{report_id}",
    Report,
    roles=(Role.CALL_TAKER,),
    example={"summary": "asap"},
    answer={"seq": 7},
)
async def report(request: Request, asked: Report) -> dict[str, Any]:
    """Takes a report.

    A second paragraph.
    """
    return {"by": who(request).name, "summary": asked.summary}


@routes.post("/positions", Nothing, keyed=False)
async def position(request: Request, _: Nothing) -> None:
    """Nobody waits for the answer."""


@routes.post("/files", Nothing, roles=None)
async def file(request: Request, _: Nothing) -> Response:
    """An answer of its own kind."""
    return Response(b"RIFF", media_type="audio/wav")


@routes.get("/whole", roles=None, answer={"whole": True})
async def whole(request: Request) -> Response:
    """Anybody may ask."""
    return Json({"whole": True}, headers={"X-Kept": "1"})


@routes.get("/fails/{how}", roles=())
async def fails(request: Request) -> Response:
    """Fails as asked."""
    raise FAILURES[request.path_params["how"]]


PEOPLE = {
    "taker": SignedOn("O1", "Penerima 1", (Role.CALL_TAKER,)),
    "crew": SignedOn("O2", "Regu 1", (Role.CREW,)),
}


async def reader(request: Request) -> SignedOn | None:
    return PEOPLE.get(request.headers.get("who", ""))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=routes.starlette(), exception_handlers=EXCEPTION_HANDLERS)
    app.state.session_reader = reader
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://centre.test") as opened:
        yield opened


async def told(client: httpx.AsyncClient, body: bytes | str = b"{}", **headers: str) -> Any:
    """Sends a report as a call taker, with a key."""
    sent = {"who": "taker", "Idempotency-Key": "k1"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return await client.post("/reports/1", content=body, headers=sent)


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem, when it is one of this kind (RFC 9457)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == f"urn:tahuri:problem:{code}"
    return found


async def test_a_command_is_carried_out_for_who_is_signed_in(client: httpx.AsyncClient) -> None:
    """Everything that is recorded names who did it."""
    answer = await told(client, b'{"summary": "asap"}')
    assert (answer.status_code, answer.json()) == (200, {"by": "Penerima 1", "summary": "asap"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ('{"summary": "a", "priorty": 1}', "priorty", "unknown field"),
        ("{}", "summary", "missing required field"),
        ('{"summary": "a", "place": {"lat": -3.7, "long": 1}}', "place.long", "unknown field"),
        ('{"summary": "a", "place": {}}', "place.lat", "missing required field"),
        ('{"summary": "a", "place": {"lat": "x"}}', "place.lat", "Expected `float`"),
        ('{"summary": 5}', "summary", "Expected `str`"),
        ('{"summary": "a", "hazards": ["gas", 5]}', "hazards[1]", "Expected `str`"),
        ("[]", "", "Expected `object`"),
        ("", "summary", "missing required field"),
        ('{"summary": ', "", "not JSON"),
        (b'{"summary": "\xff"}', "", "not JSON"),
        ('{"summary": "\\u0000"}', "", "U+0000"),
        ('{"summary": "a\\\\\\u0000"}', "", "U+0000"),
    ],
)
async def test_what_is_wrong_with_a_request_is_named_by_its_field(
    client: httpx.AsyncClient, body: bytes | str, field: str, says: str
) -> None:
    """A form must show the mistake where it was made, while the caller is on the line."""
    found = is_problem(await told(client, body), 422, "invalid")
    (error,) = found["errors"]
    assert error["field"] == field
    assert says in error["message"]


async def test_text_that_only_looks_like_nul_is_taken(client: httpx.AsyncClient) -> None:
    """A note about U+0000 is a note."""
    answer = await told(client, r'{"summary": "a\\u0000"}')
    assert answer.json()["summary"] == r"a\u0000"


async def test_a_body_nested_without_end_is_refused(client: httpx.AsyncClient) -> None:
    """One request must not look like a bug to who is paged for bugs."""
    depth = 60_000
    body = b'{"summary": "a", "place": ' + b"[" * depth + b"]" * depth + b"}"
    is_problem(await told(client, body), 422, "invalid")


@pytest.mark.parametrize("key", ["", "x" * (COMMAND_CHARS_MAX + 1)])
async def test_a_command_without_a_proper_key_is_refused(
    client: httpx.AsyncClient, key: str
) -> None:
    """Only a named command can be repeated safely over a bad line."""
    found = is_problem(await told(client, b'{"summary": "a"}', Idempotency_Key=key), 422, "invalid")
    assert found["errors"][0]["field"] == "Idempotency-Key"


async def test_what_may_be_lost_needs_no_key_and_answers_nothing(
    client: httpx.AsyncClient,
) -> None:
    """Positions come every second over a bad line."""
    answer = await client.post("/positions", headers={"who": "crew"})
    assert (answer.status_code, answer.content) == (204, b"")


async def test_an_answer_of_another_kind_is_passed_on(client: httpx.AsyncClient) -> None:
    """Sound is not JSON."""
    answer = await client.post("/files", headers={"Idempotency-Key": "k"})
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "audio/wav")


async def test_nobody_unknown_and_nobody_without_the_role_may_act(
    client: httpx.AsyncClient,
) -> None:
    """A crew's phone must not take calls, a stranger's nothing at all."""
    is_problem(await told(client, who="nobody"), 401, "not-signed-in")
    found = is_problem(await told(client, who="crew"), 403, "not-allowed")
    assert found["context"] == {"needed": "call_taker"}
    assert (await client.get("/whole")).json() == {"whole": True}
    assert (await client.get("/whole")).headers["x-kept"] == "1"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.test"},
        {"Origin": "https://centre.test"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://centre.test"},
    ],
)
async def test_a_page_of_another_site_cannot_make_this_browser_act(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """A link in a mail must not send an ambulance."""
    is_problem(await told(client, b'{"summary": "a"}', **headers), 403, "not-allowed")


async def test_our_own_page_may_act(client: httpx.AsyncClient) -> None:
    """Browsers say where a command comes from; programs need not."""
    answer = await told(
        client, b'{"summary": "a"}', Origin="http://centre.test", Sec_Fetch_Site="same-origin"
    )
    assert answer.status_code == 200


async def test_a_body_beyond_the_limit_is_not_read(client: httpx.AsyncClient) -> None:
    """A full memory would end the calls of everybody."""
    answer = await told(client, b" " * (BODY_BYTES_MAX + 1))
    is_problem(answer, 413, "http-413")


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("refused", 409, "unit-not-available"),
        ("unknown", 404, "call-unknown"),
        ("many", 429, "too-many-attempts"),
        ("away", 503, "switch-unavailable"),
        ("invalid", 422, "invalid"),
        ("gone", 404, "http-404"),
        ("bug", 500, "bug"),
    ],
)
async def test_every_no_is_a_problem_with_a_code(
    client: httpx.AsyncClient, how: str, status: int, code: str
) -> None:
    """Consoles translate codes; none may have to read a sentence to know what to do."""
    answer = await client.get(f"/fails/{how}", headers={"who": "taker"})
    found = is_problem(answer, status, code)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert "secret" not in answer.text
    if how == "refused":
        assert found["context"] == {"unit": "DMK-01"}
    if how == "invalid":
        assert [error["field"] for error in found["errors"]] == ["place.lat", "priority"]


async def test_an_address_that_nothing_has_is_a_problem_too(client: httpx.AsyncClient) -> None:
    """Nothing but JSON comes back to a program, whatever it asks."""
    is_problem(await client.get("/nowhere"), 404, "http-404")
    is_problem(await client.put("/whole"), 405, "http-405")
    headers = {"who": "taker", "Idempotency-Key": "k"}
    is_problem(await client.post("/reports/a%00b", headers=headers), 404, "http-404")


def test_only_what_may_be_tried_again_is_a_503() -> None:
    """Programs decide by the status whether to try again."""
    again = {Refusal.MEDIA_UNAVAILABLE, Refusal.RECORDING_ELSEWHERE}
    assert {code for code in Refusal if code.status == 503} == again
    assert {code.status for code in Refusal} == {401, 403, 404, 409, 422, 429, 503}


def test_openapi_describes_each_request_with_its_example() -> None:
    """Others connect to the centre by this document alone."""
    document = openapi(routes.endpoints, "0.1.0")
    assert document["openapi"] == "3.1.0"
    command = document["paths"]["/reports/{report_id}"]["post"]
    assert command["summary"] == "Takes a report."
    assert command["operationId"] == "post_reports_report_id"
    assert command["x-roles"] == ["call_taker"]
    assert command["security"] == [{"session": []}]
    content = command["requestBody"]["content"]["application/json"]
    assert content["example"] == {"summary": "asap"}
    schema = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert schema["required"] == ["summary"]
    assert schema["additionalProperties"] is False
    named = {(one["in"], one["name"]): one["required"] for one in command["parameters"]}
    assert named == {("path", "report_id"): True, ("header", "Idempotency-Key"): True}
    said = command["responses"]
    assert said["200"]["content"]["application/json"]["example"] == {"seq": 7}
    assert set(said["default"]["content"]) == {"application/problem+json"}


def test_openapi_asks_for_a_key_only_where_one_is_needed() -> None:
    """A program that follows the document must be understood."""
    document = openapi(routes.endpoints, "0.1.0")
    assert document["paths"]["/positions"]["post"]["parameters"] == []
    question = document["paths"]["/whole"]["get"]
    assert "requestBody" not in question
    assert "security" not in question
    assert b"/reports/{report_id}" in msgspec.json.encode(document)
