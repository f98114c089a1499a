"""Turns what pydantic and the domain raise into problem documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException

from libs.contracts.problems import Rejected
from libs.events.sealing import Shut
from libs.service.problems import (
    BY_STATUS,
    PERSON_ERASED,
    PERSON_RESTRICTED,
    REQUEST_REFUSED,
    VALIDATION_FAILED,
    FieldError,
    Problem,
    ProblemType,
    pointer_of,
    problem_from_refusal,
)

ERRORS_MAX: Final = 50
_BODY: Final = "body"

_Advice = Callable[[Mapping[str, Any]], str]


def _plain(choices: str) -> str:
    """Pydantic's list of choices without the names of our classes: `<Kind.PERSON: 'PERSON'>` is `'PERSON'`."""
    return re.sub(r"<[^>]*: ('[^']*')>", r"\1", choices)


_ADVICE: Final[Mapping[str, tuple[str, _Advice]]] = {
    "missing": ("missing", lambda _: "Add this member; it is required."),
    "extra_forbidden": ("unknown-member", lambda _: "Remove this member; it is not known here."),
    "string_type": ("wrong-type", lambda _: "Send a string."),
    "int_type": ("wrong-type", lambda _: "Send an integer."),
    "int_parsing": ("wrong-type", lambda _: "Send an integer."),
    "bool_type": ("wrong-type", lambda _: "Send true or false."),
    "bool_parsing": ("wrong-type", lambda _: "Send true or false."),
    "list_type": ("wrong-type", lambda _: "Send an array."),
    "dict_type": ("wrong-type", lambda _: "Send an object."),
    "model_type": ("wrong-type", lambda _: "Send an object."),
    "model_attributes_type": ("wrong-type", lambda _: "Send an object."),
    "string_too_short": ("too-short", lambda c: f"Send at least {c['min_length']} characters."),
    "string_too_long": ("too-long", lambda c: f"Send at most {c['max_length']} characters."),
    "too_short": ("too-few", lambda c: f"Send at least {c['min_length']} items."),
    "too_long": ("too-many", lambda c: f"Send at most {c['max_length']} items."),
    "string_pattern_mismatch": ("wrong-form", lambda c: f"Send text of the form {c['pattern']}."),
    "enum": ("not-a-choice", lambda c: f"Send one of: {c['expected']}."),
    "union_tag_invalid": (
        "not-a-choice",
        lambda c: f"Send one of {_plain(c['expected_tags'])} as {_plain(c['discriminator'])}.",
    ),
    "union_tag_not_found": ("missing", lambda c: f"Add {_plain(c['discriminator'])}; it says which form the body has."),
    "literal_error": ("not-a-choice", lambda c: f"Send one of: {c['expected']}."),
    "greater_than": ("too-small", lambda c: f"Send a value greater than {c['gt']}."),
    "greater_than_equal": ("too-small", lambda c: f"Send a value of at least {c['ge']}."),
    "less_than": ("too-large", lambda c: f"Send a value less than {c['lt']}."),
    "less_than_equal": ("too-large", lambda c: f"Send a value of at most {c['le']}."),
    "date_type": ("not-a-date", lambda _: "Send a date that exists, as YYYY-MM-DD."),
    "date_parsing": ("not-a-date", lambda _: "Send a date that exists, as YYYY-MM-DD."),
    "date_from_datetime_parsing": ("not-a-date", lambda _: "Send a date that exists, as YYYY-MM-DD."),
    "date_from_datetime_inexact": ("not-a-date", lambda _: "Send a date alone, as YYYY-MM-DD."),
    "datetime_type": ("not-a-time", lambda _: "Send a time as 2026-01-31T09:30:00Z."),
    "datetime_parsing": ("not-a-time", lambda _: "Send a time as 2026-01-31T09:30:00Z."),
    "datetime_from_date_parsing": ("not-a-time", lambda _: "Send a time as 2026-01-31T09:30:00Z."),
    "timezone_aware": ("not-a-time", lambda _: "Add the offset from UTC, for example 2026-01-31T09:30:00Z."),
    "uuid_type": ("not-a-uuid", lambda _: "Send a UUID."),
    "uuid_parsing": ("not-a-uuid", lambda _: "Send a UUID."),
}
"""What to tell a client about pydantic's error types: our stable code, and what to do."""


def problem_of(error: Exception) -> Problem | None:
    """An exception of a request as a problem; None for one that nobody expects."""
    match error:
        case Problem():
            return error
        case Rejected():
            return problem_from_refusal(error)
        case Shut():
            return Problem(PERSON_ERASED if error.erased else PERSON_RESTRICTED)
        case HTTPException():
            return _of_status(error)
    return None


def _of_status(error: HTTPException) -> Problem:
    kind = BY_STATUS.get(error.status_code)
    if kind is None:
        kind = ProblemType(REQUEST_REFUSED.code, error.status_code, REQUEST_REFUSED.title, REQUEST_REFUSED.meaning)
    said = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
    return Problem(kind, said, headers=error.headers)


def invalid_request(errors: Sequence[Mapping[str, Any]], body: object) -> Problem:
    """What pydantic finds wrong with parameters and body, as one problem that names each of them."""
    return Problem(VALIDATION_FAILED, errors=[field_error(found, body) for found in errors[:ERRORS_MAX]])


def field_error(error: Mapping[str, Any], body: object) -> FieldError:
    """One of pydantic's errors as ours; the offending value is never repeated, since it may be personal."""
    location, *path = error["loc"]
    code, detail = _advice(error)
    if location == _BODY:
        return FieldError(code, detail, pointer=pointer_of(_real_path(path, body, error["type"])))
    return FieldError(code, detail, location=str(location), parameter=".".join(map(str, path)))


def _advice(error: Mapping[str, Any]) -> tuple[str, str]:
    known = _ADVICE.get(error["type"])
    if known is not None:
        return known[0], known[1](error.get("ctx", {}))
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return error["type"].replace("_", "-"), message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


def _real_path(path: Sequence[str | int], body: object, kind: str) -> list[str | int]:
    """The part of pydantic's path that the client wrote: tags of unions and names of validators left out."""
    real: list[str | int] = []
    at = body
    for position, part in enumerate(path):
        in_object = isinstance(at, dict) and part in at
        in_array = isinstance(at, list) and isinstance(part, int) and part < len(at)
        if in_object or in_array:
            at = at[part]  # type: ignore[index]  # one of the two, as just checked
        elif not (kind == "missing" and position == len(path) - 1):
            continue
        real.append(part)
    return real
