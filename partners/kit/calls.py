"""A call as a value: what is asked, and how the answer is read. Clients send it, synchronously or not.

A command carries a key that is derived from the partner's own reference for it. So a command that is repeated, by the
kit after a lost answer or by a program that was restarted, is done once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar
from uuid import UUID, uuid5

from pydantic import TypeAdapter

from partners.kit.models import Page

T = TypeVar("T")
KEYS: Final = UUID("5f0f8a35-9a4c-5c38-8c7c-3d8f6b0c2e71")
PAGE_ITEMS: Final = 200
REFERENCE_CHARS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """`key`: of a command, empty for what only reads. `signed`: known by a signature instead of a token."""

    method: str
    path: str
    read: Callable[[bytes], T] = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    key: str = ""
    signed: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Pages(Generic[T]):
    """A list that comes page by page; `every` of a client walks through it."""

    first: Call[Page[T]]

    def after(self, cursor: str) -> Call[Page[T]]:
        return replace(self.first, query={**self.first.query, "cursor": cursor})


def reading(kind: type[T]) -> Callable[[bytes], T]:
    """Reads an answer as JSON; numbers in it are never floats, since money comes as strings."""
    return TypeAdapter(kind).validate_json


def get(path: str, kind: type[T], **query: Any) -> Call[T]:
    return Call("GET", path, reading(kind), query={name: str(each) for name, each in query.items() if each is not None})


def listed(path: str, kind: type[T], **query: Any) -> Pages[T]:
    page: type[Page[T]] = Page[kind]  # type: ignore[valid-type]  # pydantic makes the type when it is asked for
    return Pages(get(path, page, limit=PAGE_ITEMS, **query))


def post(path: str, kind: type[T], body: Mapping[str, Any] | None, *, partner: str, reference: str) -> Call[T]:
    """A command under the partner's own reference."""
    if not 1 <= len(reference) <= REFERENCE_CHARS_MAX:
        raise ValueError(f"a reference has 1 to {REFERENCE_CHARS_MAX} characters: your own name for this intent")
    content = json.dumps(body or {}, ensure_ascii=False, separators=(",", ":")).encode()
    return Call("POST", path, reading(kind), body=content, key=key_of(partner, path, reference))


def key_of(partner: str, path: str, reference: str) -> str:
    """The same for the same command under the same reference, always and on every machine."""
    return str(uuid5(KEYS, f"{partner} {path} {reference}"))
