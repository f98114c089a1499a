"""Query parameters that an operation does not know, or that come twice, are refused instead of ignored."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from fastapi.dependencies.models import Dependant
from pydantic import BaseModel
from starlette.requests import Request

from libs.service.problems import VALIDATION_FAILED, FieldError, Problem

_MANY: Final = (list, set, tuple, frozenset)


class QueryGuard:
    """A dependency of every operation: a misspelt filter must not answer with the unfiltered list."""

    def __init__(self) -> None:
        self._known: dict[int, dict[str, bool]] = {}

    async def __call__(self, request: Request) -> None:
        if not request.scope["query_string"]:
            return
        route = request.scope["route"]
        known = self._known.get(id(route))
        if known is None:
            known = self._known[id(route)] = dict(_parameters(route.dependant))
        errors: list[FieldError] = []
        names = [name for name, _ in request.query_params.multi_items()]
        for name in dict.fromkeys(names):
            shown = name[:80]
            if name not in known:
                choices = ", ".join(sorted(known)) or "none"
                detail = f"Remove this parameter; the ones known here: {choices}."
                errors.append(FieldError("unknown-parameter", detail, None, shown, "query"))
            elif not known[name] and names.count(name) > 1:
                errors.append(FieldError("name-repeated", "Send this parameter once.", None, shown, "query"))
        if errors:
            raise Problem(VALIDATION_FAILED, errors=errors[:20])


def _parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Each query parameter's name, and whether it may come more than once."""
    for parameter in dependant.query_params:
        annotation = parameter.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            for name, field in annotation.model_fields.items():
                yield field.alias or name, _is_many(field.annotation)
        else:
            yield parameter.alias, _is_many(annotation)
    for inner in dependant.dependencies:
        yield from _parameters(inner)


def _is_many(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_is_many(option) for option in get_args(annotation))
    return annotation in _MANY or origin in _MANY
