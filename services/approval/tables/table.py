"""One decision table: its document, what is asked of it, and the verdict it gives."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import zen

from libs.contracts.approval import DecisionBasis, Outcome
from libs.contracts.values import Named, Reason
from libs.events.canonical import canonical
from services.approval.domain.capacity import BASIS_POINTS
from services.approval.domain.commands import Verdict
from services.approval.tables.cells import Layout, layout_of
from services.approval.tables.lint import BELOW_PRODUCT, NO_ROW, TERM_MAX, faults_of
from services.approval.tables.lookup import Lookup

FORMAT: Final = "puhui.decision-table/1"
VERSION_MAX: Final = 9999


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
    term_months: int


class Answer(NamedTuple):
    """What one row says."""

    outcome: Outcome
    rule: str
    reasons: tuple[Reason, ...]
    conditions: tuple[Reason, ...]
    queue: str
    four_eyes: bool
    rate_adjust_bps: int
    term_months_max: int | None = None

    def same_as(self, said: Mapping[str, Any]) -> bool:
        """Whether the engine says the same, in every member."""
        return {**said, "queue": said.get("queue") or "standard", TERM_MAX: said.get(TERM_MAX)} == {
            "outcome": self.outcome.value,
            "rule": self.rule,
            "reasons": [reason.code for reason in self.reasons],
            "conditions": [reason.code for reason in self.conditions],
            "queue": self.queue,
            "four_eyes": self.four_eyes,
            "rate_adjust_bps": self.rate_adjust_bps,
            TERM_MAX: self.term_months_max,
        }


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
        layout = layout_of(self.content)
        self._lookup = Lookup(layout)
        self._answers = [self._answer(row) for row in self.content["rules"]]
        self._terms = [self._longest_term(row) for row in self.content["rules"]]
        self._no_row = Answer(Outcome.REFER, NO_ROW, (self.reason(NO_ROW),), (), "standard", False, 0)
        self._check_engine(layout)

    @property
    def content(self) -> Mapping[str, Any]:
        """The columns and rows inside the document."""
        nodes = self.document["decision"]["nodes"]
        found: Mapping[str, Any] = next(node["content"] for node in nodes if node["type"] == "decisionTableNode")
        return found

    @property
    def shortens_terms(self) -> bool:
        return any(answer.term_months_max is not None for answer in self._answers)

    def reason(self, code: str) -> Reason:
        return Reason(code=code, text=self._reasons[code])

    def decide(self, facts: Facts, score: int | None) -> Verdict:
        """The verdict of the first row that fits; a person must decide where none does."""
        row = self._lookup.row(facts)
        answer = self._no_row if row is None else self._answers[row]
        return Verdict(
            outcome=answer.outcome,
            basis=DecisionBasis(
                table_id=self.table_id,
                table_version=self.version,
                table_sha256=self.sha256,
                rules=(answer.rule,),
                score=score,
                grade=facts.grade,
                debt_to_income=Decimal(facts.dti_bps) / BASIS_POINTS,
                coverage=Decimal(facts.coverage_bps) / BASIS_POINTS,
                term_months_max=self.term_limit(facts),
            ),
            reasons=answer.reasons,
            conditions=answer.conditions,
            queue=answer.queue,
            four_eyes=answer.four_eyes,
            rate_adjust_bps=answer.rate_adjust_bps,
            term_months_max=answer.term_months_max,
        )

    def below_product(self, verdict: Verdict) -> Verdict:
        """The verdict where a row shortens the term below what the product has: a person must decide."""
        code = BELOW_PRODUCT if BELOW_PRODUCT in self._reasons else NO_ROW
        rules = (code, *verdict.basis.rules)
        return replace(
            verdict,
            outcome=Outcome.REFER,
            basis=verdict.basis.model_copy(update={"rules": rules}),
            reasons=(self.reason(code),),
            queue="standard",
            term_months_max=None,
        )

    def term_limit(self, facts: Facts) -> int | None:
        """The longest term in months that no row for such an application shortens or declines, whatever its amount: a
        row that refers it may come first, and whoever it is referred to may offer another amount."""
        rows = self._lookup.rows(facts, whatever=("amount_minor", "term_months"))
        return min((most for row in rows if (most := self._terms[row]) is not None), default=None)

    def _longest_term(self, row: Mapping[str, str]) -> int | None:
        """The longest term that a row leaves; None where it does not limit the term."""
        cells = {
            column["field"]: row.get(column["id"], "") for column in (*self.content["inputs"], *self.content["outputs"])
        }
        limit = re.fullmatch(r"(>=?) ([0-9]+)", cells.get("term_months", ""))
        if limit is None or (cells["outcome"] != "'DECLINE'" and cells.get(TERM_MAX, "null") == "null"):
            return None
        return int(limit[2]) - (limit[1] == ">=")

    def _answer(self, row: Mapping[str, str]) -> Answer:
        cells = {column["field"]: row[column["id"]] for column in self.content["outputs"]}
        return Answer(
            outcome=Outcome(cells["outcome"].strip("'")),
            rule=cells["rule"].strip("'"),
            reasons=tuple(self.reason(code) for code in _codes(cells["reasons"])),
            conditions=tuple(self.reason(code) for code in _codes(cells["conditions"])),
            queue=cells["queue"].strip("'") or "standard",
            four_eyes=cells["four_eyes"] == "true",
            rate_adjust_bps=int(cells["rate_adjust_bps"]),
            term_months_max=json.loads(cells.get(TERM_MAX, "null")),
        )

    def _check_engine(self, layout: Layout) -> None:
        """The engine, asked about one application of every row, must take the row that was looked up."""
        engine = zen.ZenEngine().create_decision(json.dumps(self.document["decision"]))
        seen: set[int] = set()
        for cell, fitting in zip(layout.cells(), layout.fitting(), strict=True):
            row = (fitting & -fitting).bit_length() - 1
            if row < 0 or row in seen:
                continue
            seen.add(row)
            facts = {name: _fact(value) for name, value in zip(layout.columns, cell, strict=True)}
            said: Mapping[str, Any] = engine.evaluate(facts)["result"] or {}
            if not self._answers[row].same_as(said):
                raise TableFault(f"the engine says {dict(said)} for {layout.told(cell)}, not {self._answers[row].rule}")


def _codes(cell: str) -> list[str]:
    return re.findall(r"'([^']*)'", cell)


def _fact(value: str | int) -> str | int | bool:
    return value == "true" if value in ("true", "false") else value


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
    if table.shortens_terms and BELOW_PRODUCT not in document["reasons"]:
        raise TableFault(f"a table that shortens terms has a text for the reason {BELOW_PRODUCT!r}")
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
