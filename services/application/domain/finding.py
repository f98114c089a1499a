"""A rule that is not met, as an applicant is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from libs.contracts.values import Named


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is not met: a stable code, the member of the application concerned, and what to do about it."""

    code: str
    pointer: str
    text: Named


def finding(code: str, pointer: str, zh: str, en: str) -> Finding:
    """A finding whose texts are sentences without their full stops."""
    return Finding(code, pointer, Named(zh=zh + "。", en=en + "."))
