"""Whether a schema may take the place of one that was published: what would break a reader, a sentence each.

Two kinds of readers count. Ours of tomorrow must read every event that was ever stored, so nothing that was admitted may
be refused. Others' of yesterday must read what we publish tomorrow, so nothing that was always there may go. What is
left is: new members that may be missing, new codes, wider bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = Mapping[str, Any]

ADVICE: Final = (
    "publish a new version of the event instead, with an upcaster from this one (docs/howto/add-an-event.md, "
    '"To change a published event")'
)
LOWER_BOUNDS: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
EXACT: Final = ("type", "format", "pattern", "const")


def incompatible(published: Schema, now: Schema, needed_now: Schema | None = None) -> list[str]:
    """What breaks when `now` takes the place of `published`, each as "where: what"; empty when nothing does.

    Both are schemas of what is written. `needed_now` is the schema of what is read, whose `required` members are those
    without a default (as written, every member is required).
    """
    return list(_Comparison(published, now, needed_now or now).differences("data", published, now, needed_now or now))


class _Comparison:
    def __init__(self, published: Schema, now: Schema, needed: Schema) -> None:
        self._published, self._now, self._needed = published, now, needed
        self._seen: set[tuple[str, str]] = set()

    def differences(self, where: str, before: Schema, after: Schema, needed: Schema) -> Iterator[str]:
        pair = str(before.get("$ref", id(before))), str(after.get("$ref", id(after)))
        if pair in self._seen:  # a type that contains itself
            return
        if "$ref" in before or "$ref" in after:
            self._seen.add(pair)
        before, after = _resolved(before, self._published), _resolved(after, self._now)
        needed = _resolved(needed, self._needed)
        for choice in ("anyOf", "oneOf"):
            if choice in before or choice in after:
                yield from self._choices(where, _options(before), _options(after), needed)
                return
        yield from _exact(where, before, after)
        yield from _codes(where, before, after)
        yield from _bounds(where, before, after)
        yield from self._members(where, before, after, needed)
        for inner in ("items", "additionalProperties"):
            if isinstance(before.get(inner), dict) and isinstance(after.get(inner), dict):
                of_needed = needed.get(inner)
                below = of_needed if isinstance(of_needed, dict) else after[inner]
                yield from self.differences(f"{where}[]", before[inner], after[inner], below)

    def _choices(self, where: str, before: list[Schema], after: list[Schema], needed: Schema) -> Iterator[str]:
        """Each alternative of before must be one of after; what is new there, old readers do not know."""
        open_needed = _options(needed)

        def fits(old: Schema, new: Schema, index: int) -> bool:
            below = open_needed[index] if index < len(open_needed) else new
            comparison = _Comparison(self._published, self._now, self._needed)
            return not list(comparison.differences(where, old, new, below))

        pairs = [[fits(old, new, index) for index, new in enumerate(after)] for old in before]
        for old, row in zip(before, pairs, strict=True):
            if not any(row):
                yield f"{where}: {_named(old)} is no longer admitted as it was"
        for index, new in enumerate(after):
            if not any(row[index] for row in pairs):
                yield f"{where}: {_named(new)} is new, and readers do not know it"

    def _members(self, where: str, before: Schema, after: Schema, needed: Schema) -> Iterator[str]:
        old, new = before.get("properties", {}), after.get("properties", {})
        read = needed.get("properties", {})
        for name in old.keys() - new.keys():
            yield f"{where}.{name}: was removed or renamed, and readers rely on it"
        for name in sorted(new.keys() - old.keys()):
            if name in needed.get("required", ()):
                yield f"{where}.{name}: is new and has no default, so stored events without it cannot be read"
        for name in sorted(old.keys() & new.keys()):
            if name in before.get("required", ()) and name not in after.get("required", ()):
                yield f"{where}.{name}: was always there, and may be missing now"
            if name in needed.get("required", ()) and name not in before.get("required", ()):
                yield f"{where}.{name}: may be missing in stored events, and is needed now"
            yield from self.differences(f"{where}.{name}", old[name], new[name], read.get(name, new[name]))


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = {**found, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _options(schema: Schema) -> list[Schema]:
    options: list[Schema] = schema.get("anyOf") or schema.get("oneOf") or [schema]
    return options


def _named(schema: Schema) -> str:
    return str(schema.get("$ref", "").rpartition("/")[2] or schema.get("type") or schema.get("const") or "a choice")


def _exact(where: str, before: Schema, after: Schema) -> Iterator[str]:
    for key in EXACT:
        if before.get(key) != after.get(key) and not (key == "pattern" and after.get(key) is None):
            yield f"{where}: {key} was {before.get(key)!r} and is {after.get(key)!r}"


def _codes(where: str, before: Schema, after: Schema) -> Iterator[str]:
    if "enum" not in after:
        return
    if "enum" not in before:
        yield f"{where}: any value was admitted, only codes are now"
        return
    for code in before["enum"]:
        if code not in after["enum"]:
            yield f"{where}: the code {code!r} was removed, and stored events have it"


def _bounds(where: str, before: Schema, after: Schema) -> Iterator[str]:
    for key in LOWER_BOUNDS:
        if key in after and (key not in before or after[key] > before[key]):
            yield f"{where}: {key} was {before.get(key)} and is {after[key]}, so stored events may be refused"
    for key in UPPER_BOUNDS:
        if key in after and (key not in before or after[key] < before[key]):
            yield f"{where}: {key} was {before.get(key)} and is {after[key]}, so stored events may be refused"
