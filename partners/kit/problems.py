"""What can go wrong, as exceptions that say what to do. The platform answers with problem details (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

TYPE_PREFIX: Final = "urn:puhui:problem:"


class PuhuiError(Exception):
    """The base of everything that the kit raises. `advice` says what to do next."""

    advice: ClassVar[str] = ""


class Unreachable(PuhuiError):
    """No answer came, however often it was asked: whether a command was done is not known."""

    advice = "Repeat it later with the same reference: what was done already is not done again."


@dataclass(frozen=True, slots=True)
class FieldError:
    """One member that is wrong: `where` is a JSON pointer into the body (`#/amount`) or a parameter's name."""

    where: str
    detail: str


class Problem(PuhuiError):
    """The platform refused. `code` is stable, `detail` is written for people, `errors` names what is wrong where."""

    advice = "Read `detail`."

    def __init__(self, status: int, document: Mapping[str, Any], request: str) -> None:
        self.status, self.document, self.request = status, document, request
        self.type = str(document.get("type", "about:blank"))
        self.code = self.type.removeprefix(TYPE_PREFIX)
        self.detail = str(document.get("detail") or document.get("title") or "")
        self.errors = [
            FieldError(str(error.get("pointer") or error.get("parameter") or ""), str(error.get("detail", "")))
            for error in document.get("errors", ())
        ]
        named = "".join(f" [{error.where}: {error.detail}]" for error in self.errors)
        super().__init__(f"{request}: {status} {self.code}: {self.detail}{named} {self.advice}")


class NotAuthenticated(Problem):
    """The token or the signature is not accepted (401)."""

    advice = "Check the client's secret, or for a callback its secret and your clock."


class NotAllowed(Problem):
    """The token is good, and not for this (403)."""

    advice = "Ask the platform for the role `partner`."


class NotFound(Problem):
    """There is no such thing, or it is not yours (404): another partner's business does not exist for you."""

    advice = "Check the identifier; do not repeat."


class Conflict(Problem):
    """It is too late, or something else was decided (409)."""

    advice = "Read the state again and act on that; do not repeat."


class Invalid(Problem):
    """A member or a parameter is wrong (400, 413, 415, 422)."""

    advice = "Correct what `errors` names, and send it under a new reference."


class ReferenceReused(Invalid):
    """Under this reference something else was sent before (422)."""

    advice = "One reference is one intent: send this under a reference of its own."


class Busy(Problem):
    """Too much at once, or something is down (429, 503), and so it was for as long as the kit had patience."""

    advice = "Repeat it later with the same reference."


class Broken(Problem):
    """The platform's own fault (5xx)."""

    advice = "Repeat it later with the same reference, and report `instance`."


BY_STATUS: Final[Mapping[int, type[Problem]]] = {
    401: NotAuthenticated,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    429: Busy,
    503: Busy,
}


def problem_of(status: int, content: bytes, request: str) -> Problem:
    """The exception for an answer of 400 or above; one that is no problem document is its own detail."""
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {"detail": content[:400].decode("utf-8", "replace")}
    if document.get("type") == f"{TYPE_PREFIX}idempotency-key-reused":
        return ReferenceReused(status, document, request)
    general = Broken if status >= 500 else Invalid
    return BY_STATUS.get(status, general)(status, document, request)
