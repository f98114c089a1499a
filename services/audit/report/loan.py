"""The report of one loan as PDF."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from libs.evidence.notes import Head
from libs.lending.money import Money
from services.audit.domain.sources import sources
from services.audit.report.timeline import timeline
from services.audit.steps import Told, steps

MARGIN: Final = 36
WIDTH: Final = landscape(A4)[0] - 2 * MARGIN
STYLES: Final = getSampleStyleSheet()
SMALL: Final = ParagraphStyle("small", parent=STYLES["Normal"], fontSize=6.5, leading=8)
GRID: Final = TableStyle(
    [
        ("FONTSIZE", (0, 0), (-1, -1), 7),
        ("GRID", (0, 0), (-1, -1), 0.25, HexColor("#CCCCCC")),
        ("BACKGROUND", (0, 0), (-1, 0), HexColor("#EEEEEE")),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def loan_report(
    identifier: str,
    told: Sequence[Told],
    heads: Mapping[str, Head],
    made_at: str,
    effective: date | None,
    known: datetime | None,
) -> bytes:
    """The PDF; deterministic but for the time of its making."""
    target = io.BytesIO()
    document = SimpleDocTemplate(
        target, pagesize=landscape(A4), margins=MARGIN, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN,
        bottomMargin=MARGIN, title=f"Loan {identifier}", author="Puhui audit", invariant=1,
    )  # fmt: skip
    document.build(
        [*_head(identifier, told, made_at, effective, known), *_parts(told, heads)],
        onLaterPages=_numbered,
        onFirstPage=_numbered,
    )
    return target.getvalue()


def _numbered(canvas: Any, document: Any) -> None:
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(landscape(A4)[0] - MARGIN, 20, f"page {document.page}")


def _head(
    identifier: str, told: Sequence[Told], made_at: str, effective: date | None, known: datetime | None
) -> Iterator[Any]:
    yield Paragraph(f"Loan {escape(identifier)}", STYLES["Title"])
    asof = f"counting on {effective or 'every date'}, as known {known.isoformat() if known else 'now'}"
    yield Paragraph(f"{len(told)} events, {asof}. Made {escape(made_at)}.", STYLES["Normal"])
    yield Spacer(1, 8)


def _parts(told: Sequence[Told], heads: Mapping[str, Head]) -> Iterator[Any]:
    if not told:
        yield Paragraph("Nothing was known then that counts then.", STYLES["Normal"])
        return
    replayed = list(steps(told))
    yield timeline(told, WIDTH)
    yield Paragraph("State", STYLES["Heading2"])
    yield _state(replayed[-1].after)
    yield Paragraph("Decisions", STYLES["Heading2"])
    yield LongTable(
        [["", "outcome", "table", "rows that matched", "reasons"], *_decisions(replayed)],
        colWidths=[22, 92, 90, 200, WIDTH - 404], style=GRID, repeatRows=1,
    )  # fmt: skip
    yield Paragraph("What happened", STYLES["Heading2"])
    rows = [["", "counts on", "recorded", "event", "who", "rules", "changed"]]
    rows += [[_cell(value) for value in _row(step)] for step in replayed]
    yield LongTable(rows, colWidths=[22, 46, 92, 150, 110, 90, WIDTH - 510], style=GRID, repeatRows=1)
    yield Paragraph("From which data", STYLES["Heading2"])
    rows = [["event", "member", "SHA-256", "about it"]]
    for step in replayed:
        for source in sources(step.told.data):
            about = ", ".join(f"{name} {value}" for name, value in source.items() if name not in ("member", "sha256"))
            rows.append([_cell(each) for each in (step.number, source["member"], source["sha256"], about)])
    yield LongTable(rows, colWidths=[40, 150, 270, WIDTH - 460], style=GRID, repeatRows=1)
    yield Paragraph("Heads under which this is proved", STYLES["Heading2"])
    rows = [["log", "events", "root", "signed"]]
    rows += [[name, str(head.size), head.root.hex(), head.signed_at] for name, head in heads.items()]
    yield LongTable(rows, colWidths=[80, 60, 320, WIDTH - 460], style=GRID, repeatRows=1)


def _decisions(replayed: Sequence[Any]) -> Iterator[list[Any]]:
    """What has a table's answer for its basis: all rows that matched, and the reasons as they were told."""
    for step in replayed:
        basis = step.told.data.get("basis")
        if isinstance(basis, dict) and "table_id" in basis:
            outcome = step.told.stored.type.removeprefix("puhui.approval.")
            reasons = "; ".join(f"{reason['text']['en']} ({reason['code']})" for reason in step.told.data["reasons"])
            table = f"{basis['table_id']} v{basis['table_version']}"
            yield [_cell(each) for each in (step.number, outcome, table, ", ".join(basis["rules"]), reasons)]


def _state(state: Mapping[str, Any]) -> LongTable:
    rows = [["", "", "", ""]]
    members = [
        (f"{part}: {name.removesuffix('_minor').replace('_', ' ')}", _shown(name, value, row))
        for part, row in (
            ("application", state["application"]),
            ("loan", state["loan"]),
            *(("case", each) for each in state["cases"].values()),
        )
        for name, value in (row or {}).items()
        if value not in (None, "")
    ]
    half = -(-len(members) // 2)
    for number in range(half):
        left, right = members[number], members[number + half] if number + half < len(members) else ("", "")
        rows.append([_cell(each) for each in (*left, *right)])
    return LongTable(rows[1:] or rows, colWidths=[150, WIDTH / 2 - 150] * 2, style=GRID)


def _shown(name: str, value: Any, row: Mapping[str, Any]) -> str:
    return (
        f"{Money(value, row.get('currency') or 'CNY').amount} {row.get('currency') or 'CNY'}"
        if name.endswith("_minor")
        else str(value)
    )


def _row(step: Any) -> Iterator[Any]:
    meta = step.told.stored.circumstances
    yield step.number
    yield meta.effective_date
    yield meta.recorded_at
    yield f"{step.told.stored.type.removeprefix('puhui.')} ({step.told.stored.event_id})"
    yield " / ".join(filter(None, (meta.actor.subject, meta.actor.role, meta.actor.authority)))
    yield ", ".join(f"{name} {version}" for name, version in meta.rules.items())
    yield ", ".join(
        f"{path}: {'-' if old is None else old} > {'-' if new is None else new}"
        for path, (old, new) in list(step.difference.items())[:8]
    )


def _cell(value: Any) -> Paragraph:
    return Paragraph(escape(str(value)), SMALL)
