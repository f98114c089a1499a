"""The API description: FastAPI's own, with our problems on every operation, and a check that nothing is undescribed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from libs.service.problems import BY_STATUS, MEDIA_TYPE

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_NESTED_MAX: Final = 8
_UNUSED_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "description": "An error (RFC 9457). `type` is stable; the list of types is served at /problems.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, and what to do next."},
        "instance": {"type": "string", "format": "uri", "description": "Names this occurrence; quote it to support."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body, for example `#/amount`."},
                    "in": {"type": "string", "enum": ["query", "path", "header", "cookie"]},
                    "parameter": {"type": "string", "description": "The parameter, when it is not in the body."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}


def described(
    document: dict[str, Any],
    *,
    headers: Mapping[str, list[dict[str, Any]]],
    roles: Mapping[str, list[str]],
    token_url: str | None = None,
) -> dict[str, Any]:
    """The document with problems as the error answers of every operation and the ways to authenticate.

    `headers`: the parameters that an operation, by its id, reads from headers by itself; `roles`: those it admits,
    which the document shows as `x-roles`.
    """
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED_SCHEMAS:
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    used: set[int] = set()
    for _, _, operation in operations(document):
        if read := headers.get(operation["operationId"]):
            operation.setdefault("parameters", []).extend(read)
        if admitted := roles.get(operation["operationId"]):
            operation["x-roles"] = admitted
        responses = operation.setdefault("responses", {})
        if "HTTPValidationError" in str(responses.get("422", "")):
            del responses["422"]
        for status in _statuses(operation):
            used.add(status)
            responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
        if token_url and "security" in operation:
            operation["security"].append({"client_credentials": []})
    components["responses"] = {f"Problem{status}": _response(status) for status in sorted(used)}
    if token_url:
        flow = {"tokenUrl": token_url, "scopes": {}}
        components.setdefault("securitySchemes", {})["client_credentials"] = {
            "type": "oauth2",
            "flows": {"clientCredentials": flow},
        }
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation with its path and method."""
    for path, item in document.get("paths", {}).items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def undescribed(document: dict[str, Any]) -> list[str]:
    """What an operation lacks for a front-end developer: a summary, a description, an example; empty when all is well."""
    schemas = document.get("components", {}).get("schemas", {})
    found: list[str] = []
    for path, method, operation in operations(document):
        where = f"{method.upper()} {path}"
        found.extend(f"{where}: no {part}" for part in ("summary", "description") if not operation.get(part))
        for title, content in _contents(operation):
            if not any(_has_example(media, schemas) for media in content.values()):
                found.append(f"{where}: no example of the {title}")
    return found


def _contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    body = operation.get("requestBody", {}).get("content")
    if body:
        yield "request body", body
    for status, response in operation["responses"].items():
        if status.startswith("2") and response.get("content"):
            yield f"{status} response", response["content"]


def _has_example(media: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """Whether the media type or its schema carries an example, or one can be put together from those of its parts."""
    return "example" in media or bool(media.get("examples")) or _is_shown(media.get("schema", {}), schemas, 0)


def _is_shown(schema: dict[str, Any], schemas: dict[str, Any], depth: int) -> bool:
    """Documentation pages put an object's example together from its members'; an enumeration or a truth value shows
    itself, and of a file there is nothing to be shown on a page."""
    if "example" in schema or schema.get("examples") or "enum" in schema or schema.get("type") == "boolean":
        return True
    if schema.get("format") == "binary":
        return True
    if depth > _NESTED_MAX:
        return False
    if "$ref" in schema:
        return _is_shown(schemas.get(schema["$ref"].rpartition("/")[2], {}), schemas, depth + 1)
    if schema.get("type") == "array":
        return _is_shown(schema.get("items", {}), schemas, depth + 1)
    if "anyOf" in schema:  # a member that may be null
        return any(_is_shown(each, schemas, depth + 1) for each in schema["anyOf"])
    if "items" in schema.get("properties", {}):  # a page: its items count
        return _is_shown(schema["properties"]["items"], schemas, depth + 1)
    members = schema.get("properties", {}).values()
    return bool(members) and all(_is_shown(each, schemas, depth + 1) for each in members)


def _statuses(operation: dict[str, Any]) -> Iterator[int]:
    parameters = operation.get("parameters", ())
    names = {parameter["name"].lower() for parameter in parameters}
    yield from (400, 500, 503)
    if "security" in operation:
        yield from (401, 403)
    if any(parameter["in"] == "path" for parameter in parameters):
        yield 404
    if parameters or "requestBody" in operation:
        yield 422
    if "requestBody" in operation:
        yield from (409, 413, 415)
    if "idempotency-key" in names:
        yield 409
    if "if-match" in names:
        yield from (409, 412, 428)


def _response(status: int) -> dict[str, Any]:
    kind = BY_STATUS[status]
    example: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": status,
        "detail": kind.meaning,
        "instance": "urn:puhui:request:5f0c9a4e-7c1e-4b9e-9a53-6a5d0b7f0c11",
    }
    if status == 422:
        example["errors"] = [{"pointer": "#/amount", "code": "missing", "detail": "Add this member; it is required."}]
    media = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
    return {"description": f"{kind.title}. {kind.meaning}", "content": {MEDIA_TYPE: media}}
