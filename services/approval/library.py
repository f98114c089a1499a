"""The tables and authority matrices that this service decides by, read once from its own folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from services.approval.domain import policy
from services.approval.domain.exposure import ExposurePolicy
from services.approval.domain.policy import Authority
from services.approval.tables import DecisionTable, load_tables

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """Every version there is; which one counts is a question of the date."""

    tables: Sequence[DecisionTable]
    authorities: Sequence[Authority]
    exposure: ExposurePolicy

    def authority(self, on: date) -> Authority:
        return policy.in_force(self.authorities, on)


@cache
def library() -> Library:
    authorities = [
        Authority.from_json(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted((HERE / "policy").glob("authority-*.json"))
    ]
    exposure = max(
        (
            ExposurePolicy.from_json(json.loads(path.read_text(encoding="utf-8")))
            for path in (HERE / "policy").glob("exposure-*.json")
        ),
        key=lambda policy: policy.version,
    )
    return Library(load_tables(HERE / "tables"), authorities, exposure)
