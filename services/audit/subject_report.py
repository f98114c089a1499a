"""Everything that is held about a person, for the person (PIPL 45, 48): as JSON, and as a PDF that he can read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from libs.contracts.approval import ApplicationApproved, ApplicationDeclined
from libs.contracts.audit import PersonalDataRead
from libs.contracts.base import EVENT_TYPES
from libs.contracts.catalogue import service_of
from libs.events.codec import Recorded
from libs.events.envelope import StoredEvent
from libs.service.runtime import Runtime
from services.audit.domain.person import Person
from services.audit.history import EVENTS
from services.audit.library import library
from services.audit.persons import relationship_of

SEQUENCES: Final = """
    select sequence from trail_subject where kind in ('applicant', 'contact') and id = $1
    union
    select t.sequence from security_page s join trail_subject t on t.kind = 'security' and t.id = s.security_id
    where s.provider_id = $1
    order by sequence"""
SECURITIES: Final = """
    select security_id, application_id, kind, offered_on, consented_on, released_on
    from security_page where provider_id = $1 order by offered_on, security_id"""
FONT: Final = "STSong-Light"
"""A font that every PDF reader has or replaces for Chinese; nothing is embedded."""
RECIPIENTS: Final = {
    "puhui.contract.contract-signed.v1": ("银行（放款账户）", "The bank, to pay the loan out to the account"),
}


async def report_of(runtime: Runtime, applicant_id: str, state: Person, asked: PersonalDataRead) -> dict[str, Any]:
    """The report, from the archived events alone. Restricted data are opened: who asked may read them, by the record."""
    history = await _opened(runtime, applicant_id)
    relationship = await relationship_of(runtime, applicant_id)
    rule = library().retention_on(runtime.today).rule(relationship.standing)
    return {
        "report_id": asked.report_id,
        "applicant_id": applicant_id,
        "made_on": runtime.today.isoformat(),
        "purpose": asked.purpose,
        "status": state.status.value,
        "kept_until": state.until.isoformat() if state.until else None,
        "retention_rule": {"code": rule.code, "years": rule.keep_years, "source": rule.source},
        "personal_data": [entry for recorded in history if (entry := _personal(recorded))],
        "recipients": _recipients(history),
        "automated_decisions": [decision for recorded in history if (decision := _decision(recorded))],
        "securities_given": await _securities(runtime, applicant_id),
        "dealings_running": list(relationship.running),
        "history": [_entry(recorded) for recorded in history],
        "read_before": [read.model_dump(mode="json") for read in state.reports.values() if read != asked],
    }


async def _opened(runtime: Runtime, applicant_id: str) -> list[Recorded[Any]]:
    """All archived events that name the person, with restricted values opened."""
    sequences = [row[0] for row in await runtime.store.pool.fetch(SEQUENCES, applicant_id)]
    stored = [StoredEvent(*row) for row in await runtime.store.pool.fetch(EVENTS, sequences)]
    keys = await runtime.persons.to_open([applicant_id], held=True)
    return [runtime.codec.recorded(event, f"/puhui/{service_of(event.type)}", keys) for event in stored]


async def _securities(runtime: Runtime, applicant_id: str) -> list[dict[str, str | None]]:
    """For what he answers, or gave a thing: the application by its identifier alone, since it is somebody else's."""
    rows = await runtime.store.pool.fetch(SECURITIES, applicant_id)
    return [
        {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()} for row in rows
    ]


def _personal(recorded: Recorded[Any]) -> dict[str, Any] | None:
    """The personal values of one event, by their place."""
    payload = recorded.event.payload()
    values = {}
    for place, _ in EVENT_TYPES[type(recorded.event).type_name].personal(payload):
        value = payload
        for step in place:
            value = value[step]
        if value not in (None, ""):
            values["/".join(map(str, place))] = value
    return _entry(recorded) | {"values": values} if values else None


def _entry(recorded: Recorded[Any]) -> dict[str, Any]:
    return {
        "type": recorded.type,
        "source": recorded.source.rpartition("/")[2],
        "recorded_at": recorded.metadata.recorded_at,
        "effective_date": recorded.metadata.effective_date or None,
        "event_id": str(recorded.event_id),
    }


def _recipients(history: Sequence[Recorded[Any]]) -> list[dict[str, str]]:
    types = {recorded.type for recorded in history}
    return [{"zh": zh, "en": en} for type_name, (zh, en) in RECIPIENTS.items() if type_name in types]


def _decision(recorded: Recorded[Any]) -> dict[str, Any] | None:
    """A decision made by machine alone, with its reasons (PIPL 24)."""
    event = recorded.event
    if not isinstance(event, ApplicationApproved | ApplicationDeclined) or event.decided_by:
        return None
    return {
        "application_id": event.application_id,
        "outcome": "APPROVED" if isinstance(event, ApplicationApproved) else "DECLINED",
        "decision_table": f"{event.basis.table_id} v{event.basis.table_version}",
        "rules": list(event.basis.rules),
        "reasons": [reason.model_dump(mode="json") for reason in event.reasons],
    }


async def report_pdf(report: dict[str, Any]) -> bytes:
    """The report as a PDF in both languages, made in a thread."""
    return await asyncio.to_thread(_pdf, report)


def _pdf(report: dict[str, Any]) -> bytes:
    registerFont(UnicodeCIDFont(FONT))
    title = ParagraphStyle("title", fontName=FONT, fontSize=15, leading=20)
    heading = ParagraphStyle("heading", fontName=FONT, fontSize=11, leading=18, spaceBefore=8)
    text = ParagraphStyle("text", fontName=FONT, fontSize=8.5, leading=12, wordWrap="CJK")
    parts: list[Flowable] = [Paragraph("个人信息查阅报告 · Subject access report", title), Spacer(1, 4 * mm)]

    def table(rows: list[tuple[Any, ...]], widths: list[float]) -> None:
        cells = [[Paragraph(_escaped(cell), text) for cell in row] for row in rows]
        lines = [("LINEBELOW", (0, 0), (-1, -1), 0.25, "#999999"), ("VALIGN", (0, 0), (-1, -1), "TOP")]
        parts.append(Table(cells, colWidths=[width * mm for width in widths], style=lines))

    names = ("applicant_id", "made_on", "purpose", "status", "kept_until", "report_id")
    table([(name.replace("_", " "), report[name] or "-") for name in names], [40, 130])
    rule = report["retention_rule"]
    parts.append(Paragraph("保存期限 · How long it is kept", heading))
    table([(rule["code"], f"{rule['years']} 年 / years", rule["source"])], [50, 30, 90])
    parts.append(Paragraph("个人信息 · Personal data", heading))
    for entry in report["personal_data"]:
        rows = [(name, value) for name, value in entry["values"].items()]
        parts.append(Paragraph(_escaped(f"{entry['source']} · {entry['recorded_at'][:10]} · {entry['type']}"), text))
        table(rows, [60, 110])
    parts.append(Paragraph("提供的担保 · Security given", heading))
    given = [(each["security_id"], each["kind"], _dates(each)) for each in report["securities_given"]]
    table(given or [("无", "none", "")], [60, 30, 80])
    parts.append(Paragraph("接收方 · Recipients", heading))
    table([(each["zh"], each["en"]) for each in report["recipients"]] or [("无", "none")], [60, 110])
    parts.append(Paragraph("自动化决策 · Decisions made by machine", heading))
    for decision in report["automated_decisions"]:
        reasons = "; ".join(f"{reason['text']['zh']} / {reason['text']['en']}" for reason in decision["reasons"])
        table([(decision["outcome"], decision["decision_table"], reasons)], [30, 40, 100])
    out = BytesIO()
    SimpleDocTemplate(out, pagesize=A4, title="Subject access report", margins=20 * mm, invariant=1).build(parts)
    return out.getvalue()


def _dates(given: dict[str, str | None]) -> str:
    named = (("提供 offered", "offered_on"), ("同意 consented", "consented_on"), ("解除 released", "released_on"))
    return ", ".join(f"{label} {given[name]}" for label, name in named if given[name])


def _escaped(value: Any) -> str:
    return str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
