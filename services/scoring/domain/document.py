"""Reading rule documents (JSON) strictly: every fault is named by its place, and no float ever gets in."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NoReturn

MAX_BYTES = 1_000_000
"""A card of a hundred indicators is some 100 kB; anything near this limit is no card."""


class InvalidDocument(ValueError):
    """A rule document that cannot be used. `path` is a JSON pointer to the fault, `reason` says what is wrong there."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or '/'}: {reason}")
        self.path = path
        self.reason = reason


class Node:
    """A JSON value together with its place in the document."""

    __slots__ = ("path", "value")

    def __init__(self, value: object, path: str = "") -> None:
        self.value = value
        self.path = path

    def fail(self, reason: str) -> NoReturn:
        raise InvalidDocument(self.path, reason)

    def has(self, name: str) -> bool:
        return name in self._object()

    def child(self, name: str) -> Node:
        members = self._object()
        if name not in members:
            self.fail(f"member {name!r} is missing")
        return Node(members[name], f"{self.path}/{name}")

    def members(self) -> list[tuple[str, Node]]:
        return [(name, Node(value, f"{self.path}/{name}")) for name, value in self._object().items()]

    def items(self, name: str) -> list[Node]:
        """The elements of a list that must have at least one."""
        child = self.child(name)
        if not isinstance(child.value, list) or not child.value:
            child.fail("must be a list with at least one element")
        return [Node(value, f"{child.path}/{index}") for index, value in enumerate(child.value)]

    def allow(self, *names: str) -> None:
        """Refuse members beyond these: a misspelt one must not pass for an absent one."""
        if unknown := sorted(self._object().keys() - set(names)):
            self.fail(f"unknown member {unknown[0]!r}; allowed are {', '.join(names)}")

    def text(self, name: str) -> str:
        return self.child(name).as_text()

    def as_text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            self.fail("must be a text that is not empty")
        return self.value

    def integer(self, name: str) -> int:
        child = self.child(name)
        if type(child.value) is not int:  # a bool is an int to isinstance
            child.fail("must be an integer")
        return child.value

    def decimal(self, name: str) -> Decimal:
        text = self.text(name)
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            self.child(name).fail('must be a decimal number in a string, like "0.125"')
        return number

    def date(self, name: str) -> date:
        text = self.text(name)
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.child(name).fail("must be a date like 2026-01-31")

    def _object(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            self.fail("must be an object")
        return self.value


def read(raw: bytes, expected_format: str) -> Node:
    """The root of a document that declares `expected_format` in its member `format`.

    Raises `InvalidDocument` for anything else: broken JSON, a repeated member, a float, a foreign format.
    """
    if len(raw) > MAX_BYTES:
        raise InvalidDocument("", f"larger than {MAX_BYTES} bytes")
    try:
        value = json.loads(
            raw, parse_float=_refuse_number, parse_constant=_refuse_number, object_pairs_hook=_object_once
        )
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidDocument("", f"not JSON: {error}") from None
    root = Node(value)
    if (found := root.text("format")) != expected_format:
        root.child("format").fail(f"is {found!r}; this reader knows {expected_format!r}")
    return root


def _refuse_number(text: str) -> NoReturn:
    raise InvalidDocument("", f"{text} is a float: write an integer, or a decimal number in a string")


def _object_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise InvalidDocument("", f"member {repeated!r} is given twice")
    return members
