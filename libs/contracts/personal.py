"""Which members of an event are personal data, and whose: found once from its type, as `Personal` marks them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel

from libs.contracts.types import Personal

EACH: Final = "*"
"""In a path: every member of a list."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PersonalMember:
    """A personal member at `path`, of the person that the nearest member `subject` around it names."""

    path: Path
    subject: str


@cache
def personal_members(model: type[BaseModel]) -> tuple[PersonalMember, ...]:
    """The personal members of a model and of the models in it."""
    return tuple(_members(model, ()))


def _members(model: type[BaseModel], path: Path) -> Iterator[PersonalMember]:
    for name, field in model.model_fields.items():
        marks = [mark for mark in field.metadata if isinstance(mark, Personal)]
        if marks:
            yield PersonalMember((*path, name), marks[0].subject)
        else:
            yield from _inside(field.annotation, (*path, name))


def _inside(annotation: Any, path: Path) -> Iterator[PersonalMember]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _members(annotation, path)
        return
    arguments = get_args(annotation)
    within = (*path, EACH) if arguments[1:] == (Ellipsis,) else path
    for argument in arguments:
        yield from _inside(argument, within)


def personal_values(model: type[BaseModel], payload: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    """The places of personal values in a payload of this model, with the person whose they are.

    Raises `ValueError` when the payload does not name that person.
    """
    found: list[tuple[tuple[str | int, ...], str]] = []
    for member in personal_members(model):
        for place, around in _places(payload, member.path, (), ()):
            found.append((place, _subject(model, member, around)))
    return found


def _places(
    value: Any, path: Path, place: tuple[str | int, ...], around: tuple[dict[str, Any], ...]
) -> Iterator[tuple[tuple[str | int, ...], tuple[dict[str, Any], ...]]]:
    if not path:
        yield place, around
    elif path[0] == EACH:
        for index, member in enumerate(value or ()):
            yield from _places(member, path[1:], (*place, index), around)
    elif isinstance(value, dict) and path[0] in value:
        yield from _places(value[path[0]], path[1:], (*place, path[0]), (*around, value))


def _subject(model: type[BaseModel], member: PersonalMember, around: tuple[dict[str, Any], ...]) -> str:
    for holder in reversed(around):
        subject = holder.get(member.subject)
        if isinstance(subject, str) and subject:
            return subject
    raise ValueError(f"{model.__name__} does not name whose {'/'.join(member.path)} it is: {member.subject} is empty")
