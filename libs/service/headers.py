"""Headers that dependencies read by themselves, described for the API document.

FastAPI's own header parameters cost some 40 us of a command each and answer a missing one with a general 422; these
cost nothing when a request comes and leave the answer to the dependency.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from fastapi.dependencies.models import Dependant

_READ: Final[dict[object, list[dict[str, Any]]]] = {}

F = TypeVar("F", bound=Callable[..., Any])


def reads_header(name: str, meaning: str, *, example: str, required: bool = False) -> Callable[[F], F]:
    """Declare that a dependency reads the header `name`."""
    parameter = {
        "name": name,
        "in": "header",
        "required": required,
        "description": meaning,
        "schema": {"type": "string", "maxLength": 1024},
        "example": example,
    }

    def declare(dependency: F) -> F:
        _READ.setdefault(dependency, []).append(parameter)
        return dependency

    return declare


def headers_read(dependant: Dependant) -> Iterator[dict[str, Any]]:
    """The OpenAPI parameters of the headers that an operation's dependencies read."""
    yield from _READ.get(dependant.call, ())
    for inner in dependant.dependencies:
        yield from headers_read(inner)
