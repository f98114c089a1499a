"""One decision table: its document, what is asked of it, and the verdict it gives."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import zen

from libs.contracts.approval import DecisionBasis, Outcome
from libs.contracts.values import Named, Reason
from libs.events.canonical import canonical
from services.approval.domain.capacity import BASIS_POINTS
from services.approval.domain.commands import Verdict
from services.approval.tables.lint import faults_of

FORMAT: Final = "puhui.decision-table/1"
VERSION_MAX: Final = 9999
NO_ROW: Final = "no-row-matched"


class TableFault(ValueError):
    """A table that must not decide: what is wrong with it, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a table is asked with: whole numbers and codes, nothing else. `grade` is "" when nothing was scored."""

    grade: str
    scored: bool
    dti_bps: int
    amount_minor: int
    coverage_bps: int
    guarantee: str


class DecisionTable:
    """A version of a table, immutable under its hash."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        faults = faults_of(document)
        if faults:
            raise TableFault("\n".join(faults))
        self.document = document
        self.table_id: str = document["table_id"]
        self.version: int = document["version"]
        self.effective_from = date.fromisoformat(document["effective_from"])
        self.sha256 = sha256(canonical(document)).hexdigest()
        self._reasons = {code: Named(**text) for code, text in document["reasons"].items()}
        self._decision = zen.ZenEngine().create_decision(json.dumps(document["decision"]))

    @property
    def content(self) -> Mapping[str, Any]:
        """The columns and rows inside the document."""
        found: Mapping[str, Any] = next(
            node["content"] for node in self.document["decision"]["nodes"] if "content" in node
        )
        return found

    def reason(self, code: str) -> Reason:
        return Reason(code=code, text=self._reasons[code])

    def decide(self, facts: Facts, score: int | None) -> Verdict:
        """The verdict of the first row that fits; a person must decide where none does."""
        result: Mapping[str, Any] = self._decision.evaluate(asdict(facts))["result"] or {}
        rule = result.get("rule", "")
        outcome = Outcome(result["outcome"]) if rule else Outcome.REFER
        return Verdict(
            outcome=outcome,
            basis=DecisionBasis(
                table_id=self.table_id,
                table_version=self.version,
                table_sha256=self.sha256,
                rules=(rule or NO_ROW,),
                score=score,
                grade=facts.grade,
                debt_to_income=Decimal(facts.dti_bps) / BASIS_POINTS,
                coverage=Decimal(facts.coverage_bps) / BASIS_POINTS,
            ),
            reasons=tuple(self.reason(code) for code in (result["reasons"] if rule else [NO_ROW])),
            conditions=tuple(self.reason(code) for code in result.get("conditions", ())),
            queue=result.get("queue") or "standard",
            four_eyes=bool(result.get("four_eyes", False)),
            rate_adjust_bps=int(result.get("rate_adjust_bps", 0)),
        )


def propose(document: Mapping[str, Any], table_id: str) -> DecisionTable:
    """A table from a document that came from outside; raises `TableFault`, whatever is wrong with it."""
    try:
        table = DecisionTable(document)
        table.effective_from.isoformat()
        for text in (document["title"], *document["reasons"].values()):
            Named(**text)
    except TableFault:
        raise
    except Exception as error:  # noqa: BLE001  # a document may be wrong in any way, and none is our fault
        raise TableFault(f"the document is not of the form of a table: {error!r}"[:500]) from None
    if table.table_id != table_id or type(table.version) is not int or not 1 <= table.version <= VERSION_MAX:
        raise TableFault(f"a version of the table {table_id} has table_id {table_id!r} and a version from 1 to 9999")
    if not isinstance(document["source"], str) or not document["source"]:
        raise TableFault("the source of a table is a text")
    return table


def load_tables(directory: Path) -> Sequence[DecisionTable]:
    """Every table of a directory, by id and version; raises `TableFault` naming the file."""
    tables = []
    for path in sorted(directory.glob("*.json")):
        try:
            tables.append(DecisionTable(json.loads(path.read_text(encoding="utf-8"))))
        except TableFault as fault:
            raise TableFault(f"{path.name}: {fault}") from None
    return tables


def in_force(tables: Collection[DecisionTable], on: date) -> DecisionTable:
    """The table in force on a date; raises `LookupError` when none is."""
    valid = [table for table in tables if table.effective_from <= on]
    if not valid:
        raise LookupError(f"no decision table is in force on {on}")
    return max(valid, key=lambda table: (table.effective_from, table.version))
