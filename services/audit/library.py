"""The rules that audit goes by, read once from its own folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from services.audit.domain.retention import RetentionPolicy

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """Every version there is; which one counts is a question of the date."""

    retention: tuple[RetentionPolicy, ...]

    def retention_on(self, day: date) -> RetentionPolicy:
        """The rules of retention in force on a date; raises `LookupError` when none are."""
        valid = [policy for policy in self.retention if policy.effective_from <= day]
        if not valid:
            raise LookupError(f"no rules of retention are in force on {day}")
        return max(valid, key=lambda policy: (policy.effective_from, policy.version))


@cache
def library() -> Library:
    retention = tuple(
        RetentionPolicy.from_json(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted((HERE / "policy").glob("retention-*.json"))
    )
    return Library(retention)
