"""Looks a decision table over before it may decide: every cell is of the form its column admits, every reason known,
every application fitted by a row, and every row reached by some application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from services.approval.tables.cells import NUMBERS
from services.approval.tables.coverage import coverage_of

INPUTS: Final[Mapping[str, re.Pattern[str]]] = {
    "grade": re.compile(r"('[A-Z][0-9]?'(, )?)+"),
    "scored": re.compile(r"true|false"),
    **dict.fromkeys(NUMBERS, re.compile(r"(<|<=|>|>=) [0-9]+|\[[0-9]+\.\.[0-9]+\]")),
    "guarantee": re.compile(r"('(UNSECURED|SURETY|MORTGAGE|PLEDGE)'(, )?)+"),
}
"""What a condition may look like: codes in quotes, whole numbers in basis points, fen and months, no arithmetic, no
floats."""
OUTPUTS: Final[Mapping[str, re.Pattern[str]]] = {
    "outcome": re.compile(r"'(APPROVE|DECLINE|REFER)'"),
    "rule": re.compile(r"'[a-z][a-z0-9-]*'"),
    "reasons": re.compile(r"\['[a-z][a-z0-9-]*'(, '[a-z][a-z0-9-]*')*\]"),
    "queue": re.compile(r"'[a-z-]*'"),
    "four_eyes": re.compile(r"true|false"),
    "rate_adjust_bps": re.compile(r"-?[0-9]{1,4}"),
    "conditions": re.compile(r"\[('[a-z][a-z0-9-]*'(, )?)*\]"),
}
TERM_MAX: Final = "term_months_max"
OPTIONAL: Final[Mapping[str, re.Pattern[str]]] = {
    TERM_MAX: re.compile(r"null|1[2-9]|[2-9][0-9]|[1-3][0-9]{2}"),
}
"""Answers that a table may leave out. A term is never cut below a year, so that an instalment of any period fits in."""
ANSWERS: Final = {**OUTPUTS, **OPTIONAL}
NO_ROW: Final = "no-row-matched"
"""Why a person decides where no row fits: every table has its text."""
BELOW_PRODUCT: Final = "term-below-product"
"""Why a person decides where the longest term of a grade is shorter than any of the product: a table that shortens terms
and is put on record has its text; one from before has `NO_ROW` for it."""
REQUIRED: Final = (
    "format",
    "table_id",
    "version",
    "effective_from",
    "title",
    "author",
    "approver",
    "source",
    "reasons",
)


def faults_of(document: Mapping[str, Any]) -> list[str]:
    """What is wrong with a table, a sentence each; empty when it may decide."""
    missing = [f"member {name} is missing" for name in (*REQUIRED, "decision") if name not in document]
    if missing:
        return missing
    if document["format"] != "puhui.decision-table/1":
        return [f"format {document['format']!r} is not known"]
    tables = [node for node in document["decision"]["nodes"] if node["type"] == "decisionTableNode"]
    if len(tables) != 1:
        return ["a document holds exactly one table"]
    faults = list(_table_faults(tables[0]["content"], document["reasons"]))
    return faults or list(coverage_of(tables[0]["content"]).faults())


def _table_faults(content: Mapping[str, Any], reasons: Mapping[str, Any]) -> Iterator[str]:
    if NO_ROW not in reasons:
        yield f"reason {NO_ROW!r} has no text"
    if content["hitPolicy"] != "first":
        yield "the hit policy is not `first`: two rows could both decide"
    columns = {column["id"]: (column["field"], INPUTS) for column in content["inputs"]}
    columns |= {column["id"]: (column["field"], ANSWERS) for column in content["outputs"]}
    for field, known in columns.values():
        if field not in known:
            yield f"column {field} is not one that a table may have"
    if {field for field, known in columns.values() if known is ANSWERS} - OPTIONAL.keys() != OUTPUTS.keys():
        yield f"a table answers with {', '.join(OUTPUTS)}"
        return
    seen: dict[tuple[str, ...], str] = {}
    names: set[str] = set()
    for number, row in enumerate(content["rules"], 1):
        conditions = tuple(row.get(column["id"], "") for column in content["inputs"])
        yield from _row_faults(f"row {number}", row, columns, reasons)
        cells = {field: row.get(column, "") for column, (field, _) in columns.items()}
        yield from _term_faults(f"row {number}", cells)
        if conditions in seen:
            yield f"row {number} can never be reached: {seen[conditions]} has the same conditions"
        if not any(conditions) and number < len(content["rules"]):
            yield f"row {number} has no condition: the rows after it can never be reached"
        seen[conditions] = f"row {number}"
        rule = row.get("out_rule", "")
        if rule in names:
            yield f"row {number}: the name {rule} is taken"
        names.add(rule)


def _row_faults(
    name: str, row: Mapping[str, str], columns: Mapping[str, tuple[str, Any]], reasons: Mapping[str, Any]
) -> Iterator[str]:
    for column, (field, known) in columns.items():
        cell = row.get(column, "")
        if known is INPUTS and cell == "":
            continue
        if field in known and not known[field].fullmatch(cell):
            yield f"{name}, {field}: {cell!r} is not of a form that this column admits"
        if field in ("reasons", "conditions"):
            for code in re.findall(r"'([^']*)'", cell):
                if code not in reasons:
                    yield f"{name}, {field}: reason {code!r} has no text"


def _term_faults(name: str, cells: Mapping[str, str]) -> Iterator[str]:
    """A row that shortens the term leaves all else to the row that fits the shorter one."""
    most = cells.get(TERM_MAX, "null")
    if most == "null":
        return
    alone = {"outcome": "'APPROVE'", "term_months": f"> {most}", "rate_adjust_bps": "0", "conditions": "[]"}
    if any(cells.get(field) != cell for field, cell in alone.items()):
        yield (
            f"{name}, {TERM_MAX}: a row that shortens the term is an approval of term_months > {most} without price and "
            "conditions; the row that fits the shorter term gives them"
        )
