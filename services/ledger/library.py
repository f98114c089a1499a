"""The published rule documents of this service: policy versions and the chart of accounts. Changed by a release only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from services.ledger.domain.chart import Chart, read_chart
from services.ledger.domain.policy import Policy, in_force, read_policy

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    policies: tuple[Policy, ...]
    chart: Chart

    @property
    def first_policy_from(self) -> date:
        return min(policy.effective_from for policy in self.policies)

    def policy(self, on: date) -> Policy:
        return in_force(self.policies, on)


@cache
def library() -> Library:
    """Raises `PolicyError` or `ValueError` for a document that must not be used: the service will not start."""
    policies = tuple(read_policy(json.loads(path.read_text())) for path in sorted((HERE / "policy").glob("*.json")))
    return Library(policies, read_chart(json.loads((HERE / "chart" / "accounts.json").read_text())))
