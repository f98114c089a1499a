"""Errors as RFC 9457 problem details: stable types, what is wrong where, what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
from starlette.responses import Response

from libs.service.context import current

TYPE_PREFIX: Final = "urn:puhui:problem:"
MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem: `code` is the stable part of its `type` URI."""

    code: str
    status: int
    title: str
    meaning: str

    @property
    def uri(self) -> str:
        return TYPE_PREFIX + self.code


CATALOGUE: Final[dict[str, ProblemType]] = {}
"""Every problem type by its code, the services' own included; served at /problems."""


def define(code: str, status: int, title: str, meaning: str) -> ProblemType:
    """Add a problem type to the catalogue; raises `ValueError` when the code is taken by another meaning."""
    kind = ProblemType(code, status, title, meaning)
    if CATALOGUE.setdefault(code, kind) != kind:
        raise ValueError(f"problem code {code!r} is already defined with another meaning")
    return kind


MALFORMED_REQUEST = define(
    "malformed-request", 400, "Malformed request", "The request line, query or a header cannot be understood."
)
MALFORMED_JSON = define("malformed-json", 400, "Malformed JSON", "The body is not a JSON text in UTF-8 (RFC 8259).")
INVALID_CURSOR = define(
    "invalid-cursor", 400, "Invalid cursor", "The cursor is not one of this list; start again without a cursor."
)
IDEMPOTENCY_KEY_MISSING = define(
    "idempotency-key-missing",
    400,
    "Idempotency key missing",
    "This command needs an Idempotency-Key header: a string the client makes up once per intent, such as a UUID.",
)
IDEMPOTENCY_KEY_INVALID = define(
    "idempotency-key-invalid", 400, "Idempotency key invalid", "The Idempotency-Key header is not a quoted string."
)
UNAUTHENTICATED = define(
    "unauthenticated", 401, "Not authenticated", "A valid bearer token is needed; get a new one from the issuer."
)
FORBIDDEN = define("forbidden", 403, "Not allowed", "The token is valid but lacks the role or authority needed.")
NOT_FOUND = define("not-found", 404, "Not found", "There is nothing at this address, or you may not know of it.")
METHOD_NOT_ALLOWED = define(
    "method-not-allowed", 405, "Method not allowed", "The address exists; the Allow header names its methods."
)
CONFLICT = define("conflict", 409, "Conflict", "The resource is in a state that does not admit this command.")
IDEMPOTENCY_IN_PROGRESS = define(
    "idempotency-in-progress",
    409,
    "Still in progress",
    "A request with this Idempotency-Key is being handled; ask again in a moment with the same key.",
)
PERSON_RESTRICTED = define(
    "personal-data-restricted",
    409,
    "Personal data restricted",
    "This person's data are kept only because a law says so; a privacy officer lifts the restriction where it is due.",
)
PERSON_ERASED = define(
    "personal-data-erased", 410, "Personal data erased", "This person's data were erased; what is left names nobody."
)
PRECONDITION_FAILED = define(
    "precondition-failed",
    412,
    "Precondition failed",
    "The resource changed since you read it; read it again and repeat with the new ETag in If-Match.",
)
BODY_TOO_LARGE = define("body-too-large", 413, "Body too large", "The body is over the limit of this service.")
UNSUPPORTED_MEDIA_TYPE = define(
    "unsupported-media-type",
    415,
    "Unsupported media type",
    "Send the body as application/json in UTF-8, without content encoding.",
)
VALIDATION_FAILED = define(
    "validation-failed", 422, "Validation failed", "Members of the request are wrong; `errors` names each of them."
)
IDEMPOTENCY_KEY_REUSED = define(
    "idempotency-key-reused",
    422,
    "Idempotency key reused",
    "This Idempotency-Key was used with another request; use a new key for a new intent.",
)
PRECONDITION_REQUIRED = define(
    "precondition-required",
    428,
    "Precondition required",
    "Send the ETag you read in an If-Match header, so that nobody's change is lost.",
)
REQUEST_REFUSED = define("request-refused", 400, "Request refused", "The request is refused for the reason in detail.")
INTERNAL_ERROR = define(
    "internal-error", 500, "Internal error", "Our fault; report the instance. Repeat with the same Idempotency-Key."
)
UNAVAILABLE = define(
    "unavailable", 503, "Temporarily unavailable", "Something this service needs is down; repeat after Retry-After."
)

BY_STATUS: Final[Mapping[int, ProblemType]] = {
    400: MALFORMED_REQUEST,
    401: UNAUTHENTICATED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    409: CONFLICT,
    412: PRECONDITION_FAILED,
    413: BODY_TOO_LARGE,
    415: UNSUPPORTED_MEDIA_TYPE,
    422: VALIDATION_FAILED,
    428: PRECONDITION_REQUIRED,
    500: INTERNAL_ERROR,
    503: UNAVAILABLE,
}
"""The general problem type of a status, for errors that come without a type of their own."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong member: `pointer` (a JSON pointer as URI fragment, `#/amount`) in the body, else `parameter`."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None
    location: str = "body"
    """body, query, path, header or cookie."""

    def as_json(self) -> dict[str, str]:
        if self.pointer is not None:
            return {"pointer": self.pointer, "code": self.code, "detail": self.detail}
        return {"in": self.location, "parameter": self.parameter or "", "code": self.code, "detail": self.detail}


class Problem(Exception):
    """An error that ends the request with a problem document; raise it from anywhere in a request."""

    def __init__(
        self,
        kind: ProblemType,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{kind.code}: {detail or kind.meaning}")
        self.kind = kind
        self.detail = detail or kind.meaning
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @property
    def status(self) -> int:
        return self.kind.status

    def as_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            **self.extra,  # first, so that no extra member can take the place of a standard one
            "type": self.kind.uri,
            "title": self.kind.title,
            "status": self.status,
            "detail": self.detail,
        }
        context = current()
        if context is not None:
            document["instance"] = f"urn:puhui:request:{context.request_id}"
        if self.errors:
            document["errors"] = [error.as_json() for error in self.errors]
        return document

    def response(self) -> Response:
        return Response(
            orjson.dumps(self.as_json(), default=str),
            status_code=self.status,
            headers=self.headers,
            media_type=MEDIA_TYPE,
        )


def invalid(pointer: str, code: str, detail: str) -> Problem:
    """A 422 about one member of the body."""
    return Problem(VALIDATION_FAILED, errors=[FieldError(code, detail, pointer=fragment(pointer))])


class Refusal(Protocol):
    """What the chassis needs to know of a domain's refusal (`libs.contracts.problems.Rejected`)."""

    code: str
    detail: str
    field: str | None
    status: int
    extra: dict[str, Any]


def problem_from_refusal(refusal: Refusal) -> Problem:
    """A domain's refusal as a problem; a code outside the catalogue keeps its own type and status."""
    known = CATALOGUE.get(refusal.code)
    if known is not None and known.status == refusal.status:
        kind = known
    else:
        title = known.title if known is not None else refusal.code.replace("-", " ").capitalize()
        kind = ProblemType(refusal.code, refusal.status, title, refusal.detail)
    errors: list[FieldError] = []
    if refusal.field is not None:
        errors.append(FieldError(refusal.code, refusal.detail, pointer=fragment(refusal.field)))
    return Problem(kind, refusal.detail, errors=errors, extra=refusal.extra)


def fragment(pointer: str) -> str:
    """A JSON pointer in its URI fragment form; a bare member name becomes a pointer to it."""
    if pointer.startswith("#"):
        return pointer
    return "#" + (pointer if pointer == "" or pointer.startswith("/") else "/" + pointer)


def pointer_of(parts: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901, fragment form) of a path of member names and indexes."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def catalogue_document() -> list[dict[str, Any]]:
    """Every problem type, for the documentation page."""
    kinds = sorted(CATALOGUE.values(), key=lambda kind: (kind.status, kind.code))
    return [{"type": k.uri, "status": k.status, "title": k.title, "meaning": k.meaning} for k in kinds]
