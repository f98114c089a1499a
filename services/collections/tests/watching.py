"""The rules of early warning in force, and commands and events of a borrower's watch."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any, Final

from libs.contracts.collections import MeasureKind, Severity, WarningRaised, WatchEntered, WatchReviewed
from services.collections.domain.watch_commands import DecideMeasure, Found, ProposeMeasure, RaiseWarnings
from services.collections.domain.watch_policy import SignalRule, WatchPolicy

DOCUMENT: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "policy" / "early-warning-v1.json").read_text("utf-8")
)
POLICY: Final = WatchPolicy.from_json(DOCUMENT)
LATEST: Final = WatchPolicy.from_json(
    json.loads((Path(__file__).parent.parent / "policy" / "early-warning-v3.json").read_text("utf-8"))
)
"""With rules over facts and links, dates of demands, and clauses."""
TODAY: Final = date(2026, 3, 3)
BORROWER: Final = "borrower-1"


def document(**values: Any) -> dict[str, Any]:
    """The document with other values of some rules."""
    changed = copy.deepcopy(DOCUMENT)
    for rule, value in values.items():
        changed["rules"][rule]["value"] = value
    return changed


def rule(code: str) -> SignalRule:
    return next(each for each in POLICY.signals if each.code == code)


def raising(*codes: str, loan: str = "loan-1", on: date = TODAY, thing: str = "1") -> RaiseWarnings:
    found = tuple(Found(f"{code}-{loan}-{thing}", rule(code)) for code in codes)
    return RaiseWarnings(applicant_id=BORROWER, loan_id=loan, found=found, policy=POLICY, today=on)


def raised(code: str, loan: str = "loan-1", on: date = TODAY, thing: str = "1", **more: Any) -> WarningRaised:
    known = rule(code)
    return WarningRaised(
        applicant_id=BORROWER,
        warning_id=f"{code}-{loan}-{thing}",
        rule=code,
        severity=known.severity,
        loan_id=loan,
        reason=known.reason,
        policy="early-warning v1",
        until_cured=known.until_cured,
        raised_on=on,
        **more,
    )


def entered(reason: str, severity: Severity, due: date, on: date = TODAY, by: str = "") -> WatchEntered:
    return WatchEntered(
        applicant_id=BORROWER,
        severity=severity,
        reason=reason,
        entered_by=by,
        policy="early-warning v1",
        review_due=due,
        entered_on=on,
    )


def reviewed(by: str = "manager", *, leave: bool = True, on: date = TODAY, due: date = date(2026, 4, 2)) -> Any:
    return WatchReviewed(
        applicant_id=BORROWER, findings="Looked at", leave=leave, reviewed_by=by, review_due=due, reviewed_on=on
    )


def propose(kind: MeasureKind = MeasureKind.FREEZE, by: str = "manager", **more: Any) -> ProposeMeasure:
    known: dict[str, Any] = {"measure_id": "measure-1", "loan_id": "", "limit": None, "clause": "", "reason": "Careful"}
    return ProposeMeasure(**known | {"kind": kind, "by": by, "today": TODAY} | {"policy": POLICY} | more)


def settle(
    take: bool = True, by: str = "risk", measure_id: str = "measure-1", policy: WatchPolicy = POLICY
) -> DecideMeasure:
    return DecideMeasure(measure_id=measure_id, take=take, reason="Agreed", by=by, policy=policy, today=TODAY)
