"""``/api/openapi.json``: every address, its body and examples, from the routes themselves."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from tahuri.kernel.http import KEY_HEADER, Endpoint
from tahuri.kernel.log import COMMAND_CHARS_MAX

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; never changes meaning"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "context": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}


def openapi(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document."""
    listed = sorted(endpoints, key=lambda one: (one.path, one.method))
    bodies = [one.body for one in listed if one.body is not None]
    schemas, components = msgspec.json.schema_components(
        bodies, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(bodies, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in listed:
        schema = schema_of[one.body] if one.body is not None else None
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schema)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tahuri", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": PROBLEM},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "tahuri_session"}
            },
        },
    }


def _operation(one: Endpoint, schema: dict[str, Any] | None) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::\w+)?}", one.path)
    ]
    if one.keyed:
        parameters.append(
            {
                "name": KEY_HEADER,
                "in": "header",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": COMMAND_CHARS_MAX},
            }
        )
    answer: dict[str, Any] = {"description": "done"}
    if one.answer is not None:
        answer["content"] = {"application/json": {"example": one.answer}}
    failed = {
        "description": "a problem (RFC 9457)",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    operation: dict[str, Any] = {
        "operationId": f"{one.method.lower()}{re.sub(r'[^a-zA-Z0-9]+', '_', one.path)}".rstrip("_"),
        "summary": one.summary,
        "tags": [one.tag],
        "parameters": parameters,
        "responses": {"200": answer, "default": failed},
    }
    if one.roles is not None:
        operation["security"] = [{"session": []}]
        operation["x-roles"] = list(one.roles)
    if schema is not None:
        content: dict[str, Any] = {"schema": schema}
        if one.example is not None:
            content["example"] = one.example
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation
