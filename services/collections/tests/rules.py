"""The rules in force, and variations of them."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any, Final

from services.collections.domain.policy import Policy

DOCUMENT: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "policy" / "cn-small-loan-company-v1.json").read_text("utf-8")
)
POLICY: Final = Policy.from_json(DOCUMENT)
TODAY: Final = date(2026, 4, 4)


def document(**values: Any) -> dict[str, Any]:
    """The document with other values of some rules."""
    changed = copy.deepcopy(DOCUMENT)
    for rule, value in values.items():
        changed["rules"][rule]["value"] = value
    return changed


def policy(**values: Any) -> Policy:
    return Policy.from_json(document(**values))
