"""``/api/openapi.json``: whoever connects another program reads it instead of our code."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tahuri.app import centre_routes, description

DOCUMENT = description()
METHODS = ("get", "post", "put", "delete")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(address, method, operation) of each request."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


COMMANDS = [one for one in operations() if one[1] != "get"]


def names(one: tuple[str, str, dict[str, Any]]) -> str:
    """For the test's report."""
    return f"{one[1]} {one[0]}"


@pytest.mark.parametrize("command", COMMANDS, ids=names)
def test_every_command_has_an_example_that_its_own_schema_accepts(
    command: tuple[str, str, dict[str, Any]],
) -> None:
    """An example is copied; one that is refused costs an afternoon."""
    content = command[2]["requestBody"]["content"]["application/json"]
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(content["example"])


def test_every_field_of_every_request_is_described() -> None:
    """``at``: whose clock?  ``injured``: null or 0?"""
    missing = [
        f"{name}.{field}"
        for name, schema in DOCUMENT["components"]["schemas"].items()
        for field, one in schema.get("properties", {}).items()
        if not one.get("description")
    ]
    assert missing == []


def test_every_request_says_what_it_is_for_and_which_roles_may() -> None:
    """No role named means nobody need be signed in."""
    for path, method, operation in operations():
        assert operation["summary"], f"{method} {path}"
        assert ("x-roles" in operation) == ("security" in operation), path
        assert method in METHODS


def test_every_part_of_an_address_is_a_parameter_and_operations_have_names_of_their_own() -> None:
    """Generators of clients need both."""
    found = []
    for path, _, operation in operations():
        in_path = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", path), path
        found.append(operation["operationId"])
    assert len(found) == len(set(found))


def test_every_reference_leads_somewhere_and_no_module_is_named() -> None:
    """The description is for strangers; our folders may change."""
    text = str(DOCUMENT)
    used = set(re.findall(r"#/components/schemas/([\w.]+)", text))
    assert used <= set(DOCUMENT["components"]["schemas"])
    assert "tahuri." not in " ".join(used)


def test_what_machines_ask_is_described_too() -> None:
    """Health and measures are what a monitoring system reads."""
    machine = {"/healthz", "/metrics", "/api/openapi.json", "/api/feed", "/api/session"}
    assert machine <= set(DOCUMENT["paths"])
    assert {one.path for one in centre_routes.endpoints} <= set(DOCUMENT["paths"])
