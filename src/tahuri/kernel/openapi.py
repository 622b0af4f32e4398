"""``/api/openapi.json``: every address, its body and examples, from the routes themselves."""

import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from tahuri.kernel.http import KEY_HEADER, Endpoint
from tahuri.kernel.log import COMMAND_CHARS_MAX

MODULE = re.compile(r"\btahuri\.(\w+)\.\w+\.([A-Z]\w*)")
"""Where two slices name a request alike: the slice tells them apart, not the module."""

NO_WORDS: Mapping[str, str] = MappingProxyType({})

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
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


def openapi(
    endpoints: Iterable[Endpoint], version: str, words: Mapping[str, str] = NO_WORDS
) -> dict[str, Any]:
    """An OpenAPI 3.1 document.

    Args:
        words: what fields mean, by ``field`` or ``Schema.field``.
    """
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
    schemas_by_name = {**components, "Problem": PROBLEM}
    whole = {
        "openapi": "3.1.0",
        "info": {"title": "Tahuri", "version": version, "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {
            "schemas": {
                name: _described(name, one, words) for name, one in schemas_by_name.items()
            },
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "tahuri_session"}
            },
        },
    }
    named: dict[str, Any] = json.loads(MODULE.sub(r"\1.\2", json.dumps(whole)))
    return named


def _described(name: str, schema: dict[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    """The schema with the meaning of each of its fields."""
    fields = {
        field: {"description": text, **one}
        if (text := words.get(f"{name.rpartition('.')[2]}.{field}", words.get(field, "")))
        else one
        for field, one in schema.get("properties", {}).items()
    }
    return {**schema, "properties": fields} if fields else schema


def _operation(one: Endpoint, schema: dict[str, Any] | None) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)(?::\w+)?}", one.path)
    ]
    parameters += [
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": text}
        for name, text in one.query.items()
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
        bare = one.body is not None and not msgspec.structs.fields(one.body)
        if one.example is not None or bare:  # what has nothing to say is said as {}
            content["example"] = one.example or {}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    return operation
