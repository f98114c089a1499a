"""The tables and authority matrices that this service decides by, read once from its own folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from services.approval.domain import policy
from services.approval.domain.casework_policy import CaseworkPolicy
from services.approval.domain.exposure import ExposurePolicy
from services.approval.domain.policy import Authority
from services.approval.domain.security_policy import SecurityPolicy
from services.approval.tables import DecisionTable, load_tables

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """Every version there is; which one counts is a question of the date."""

    tables: Sequence[DecisionTable]
    authorities: Sequence[Authority]
    exposure: ExposurePolicy
    securities: Sequence[SecurityPolicy]
    caseworks: Sequence[CaseworkPolicy]

    def authority(self, on: date) -> Authority:
        return policy.in_force(self.authorities, on)

    def security(self, on: date) -> SecurityPolicy:
        return policy.in_force(self.securities, on)

    def casework(self, on: date) -> CaseworkPolicy:
        return policy.in_force(self.caseworks, on)


@cache
def library() -> Library:
    """Raises `ValueError` or `KeyError` for a policy that must not be used: the service will not start."""
    exposures = map(ExposurePolicy.from_json, _documents("exposure-*.json"))
    return Library(
        tables=load_tables(HERE / "tables"),
        authorities=list(map(Authority.from_json, _documents("authority-*.json"))),
        exposure=max(exposures, key=lambda version: version.version),
        securities=list(map(SecurityPolicy.from_json, _documents("security-*.json"))),
        caseworks=list(map(CaseworkPolicy.from_json, _documents("casework-*.json"))),
    )


def _documents(pattern: str) -> Iterator[Any]:
    for path in sorted((HERE / "policy").glob(pattern)):
        yield json.loads(path.read_text(encoding="utf-8"))
