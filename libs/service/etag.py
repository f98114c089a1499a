"""Entity tags from stream versions, and conditional requests (RFC 9110 section 13, RFC 6585 section 3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from libs.service.headers import reads_header
from libs.service.problems import MALFORMED_REQUEST, PRECONDITION_FAILED, PRECONDITION_REQUIRED, Problem

_HEADER_CHARS_MAX: Final = 1024
_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_VERSION: Final = re.compile(r"v(0|[1-9][0-9]{0,17})")


def etag(version: int) -> str:
    """The strong entity tag of a resource whose stream is at `version`: `"v12"`."""
    return f'"v{version}"'


@dataclass(frozen=True, slots=True)
class EntityTags:
    """The tags of an If-Match or If-None-Match header, without their quotes."""

    any: bool = False
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    def matches_strongly(self, tag: str) -> bool:
        return self.any or tag in self.strong

    def matches_weakly(self, tag: str) -> bool:
        return self.any or tag in self.strong or tag in self.weak


def parse_tags(value: str, header: str) -> EntityTags:
    """The tags of a header's value; raises `Problem` 400."""
    value = value.strip()
    if value == "*":
        return EntityTags(any=True)
    strong: set[str] = set()
    weak: set[str] = set()
    position = 0
    while len(value) <= _HEADER_CHARS_MAX:
        while position < len(value) and value[position] in " \t,":
            position += 1
        if position >= len(value):
            if not strong and not weak:
                break
            return EntityTags(strong=frozenset(strong), weak=frozenset(weak))
        found = _TAG.match(value, position)
        if found is None or (found.end() < len(value) and value[found.end()] not in " \t,"):
            break
        (weak if found[1] else strong).add(found[2])
        position = found.end()
    raise Problem(MALFORMED_REQUEST, f'Send {header} as the ETag you were given, with its quotes: "v12", or *.')


@dataclass(frozen=True, slots=True)
class Precondition:
    """What If-Match (and If-None-Match on a command) demand of the resource before a command may change it."""

    if_match: EntityTags | None = None
    if_none_match: EntityTags | None = None

    @property
    def expected_version(self) -> int | None:
        """The one version the client names, for an append with that expected version; None when it names no one."""
        if self.if_match is None or self.if_match.any or len(self.if_match.strong) != 1:
            return None
        (tag,) = self.if_match.strong
        found = _VERSION.fullmatch(tag)
        return int(found[1]) if found else None

    def check(self, version: int | None) -> None:
        """Raise `Problem` 412 unless the resource at `version` (None: there is none) is what the client expects."""
        tag = None if version is None else f"v{version}"
        if self.if_match is not None and (tag is None or not self.if_match.matches_strongly(tag)):
            raise Problem(PRECONDITION_FAILED, headers={} if version is None else {"etag": etag(version)})
        if self.if_none_match is not None and tag is not None and self.if_none_match.matches_weakly(tag):
            raise Problem(PRECONDITION_FAILED, "This exists already; leave If-None-Match out to change it.")


_IF_MATCH_MEANING: Final = "The ETag of the version this command builds on; 412 when the resource has changed since."


def _joined(request: Request, name: str) -> EntityTags | None:
    values = request.headers.getlist(name)
    return parse_tags(",".join(values), name) if values else None


@reads_header("If-Match", _IF_MATCH_MEANING, example='"v12"')
@reads_header("If-None-Match", "`*`: only when the resource does not exist yet.", example="*")
async def precondition(request: Request) -> Precondition:
    """A dependency that gives the command's precondition, which may be empty."""
    return Precondition(_joined(request, "If-Match"), _joined(request, "If-None-Match"))


@reads_header("If-Match", _IF_MATCH_MEANING, example='"v12"', required=True)
async def required_precondition(request: Request) -> Precondition:
    """A dependency for commands that must name the version they build on; raises `Problem` 428."""
    tags = _joined(request, "If-Match")
    if tags is None:
        raise Problem(PRECONDITION_REQUIRED)
    return Precondition(if_match=tags)


def not_modified(request: Request, version: int) -> Response | None:
    """The 304 answer to a query whose If-None-Match names this version, else None."""
    tags = _joined(request, "If-None-Match")
    if tags is None or not tags.matches_weakly(f"v{version}"):
        return None
    return Response(status_code=304, headers={"etag": etag(version)})
