"""From which data something was decided or done: documents, reports, tables and cards, by the hash an event names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

SUFFIX: Final = "sha256"
ABOUT: Final = ("source", "document_type", "template_id", "table_id", "card_id", "media_type")
VERSIONS: Final = ("table_version", "card_version", "template_version", "version")


def sources(data: Any) -> list[dict[str, str]]:
    """What an event's data name by hash, each once: the member, the hash, and what stands beside it about it."""
    return list(_found(data, ""))


def _found(value: Any, path: str) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            where = f"{path}.{name}" if path else name
            if name.endswith(SUFFIX) and isinstance(member, str) and member:
                yield {"member": where, "sha256": member, **_about(value, name.removesuffix(SUFFIX))}
            else:
                yield from _found(member, where)
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _found(member, f"{path}.{number}")


def _about(beside: dict[str, Any], prefix: str) -> dict[str, str]:
    """What is said of the thing with the hash: members of the same prefix (`table_`), else all that speak of sources."""
    named = {name: value for name, value in beside.items() if prefix and name.startswith(prefix)}
    wanted = (*ABOUT, *VERSIONS)
    return {
        name: str(value)
        for name, value in (named or beside).items()
        if name in wanted and isinstance(value, (str, int)) and value != ""
    }
