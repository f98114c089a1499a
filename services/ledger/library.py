"""The published rule documents of this service: policy versions and the chart of accounts. Changed by a release only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from services.ledger.domain.chart import Chart, read_chart
from services.ledger.domain.checks import Checks, read_checks
from services.ledger.domain.policy import Policy, in_force, latest, read_policy

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    policies: tuple[Policy, ...]
    checks_known: tuple[Checks, ...]
    chart: Chart

    @property
    def first_policy_from(self) -> date:
        return min(policy.effective_from for policy in self.policies)

    def policy(self, on: date) -> Policy:
        return in_force(self.policies, on)

    def checks(self, on: date) -> Checks | None:
        """To which acts a second person must agree; None before the first version, when one was enough for all."""
        return latest(self.checks_known, on)


@cache
def library() -> Library:
    """Raises `PolicyError` or `ValueError` for a document that must not be used: the service will not start."""
    return Library(
        policies=tuple(map(read_policy, _documents("cn-*.json"))),
        checks_known=tuple(map(read_checks, _documents("checks-*.json"))),
        chart=read_chart(json.loads((HERE / "chart" / "accounts.json").read_text())),
    )


def _documents(pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted((HERE / "policy").glob(pattern)):
        yield json.loads(path.read_text())
