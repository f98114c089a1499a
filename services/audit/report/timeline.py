"""The picture of a loan's time line: a lane a service, a mark an event, the loan's phases as a band below."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from reportlab.graphics.shapes import Circle, Drawing, Line, Rect, String
from reportlab.lib.colors import Color, HexColor

from services.audit.steps import Told

LANES: Final = ("application", "scoring", "approval", "contract", "ledger", "collections")
COLOURS: Final = ("#4477AA", "#66CCEE", "#228833", "#CCBB44", "#EE6677", "#AA3377")
PHASES: Final[tuple[tuple[str, str, str], ...]] = (
    ("puhui.application.application-started.v1", "application", "#BBCCEE"),
    ("puhui.contract.contract-signed.v1", "contract", "#EEEEBB"),
    ("puhui.ledger.loan-disbursed.v1", "loan", "#CCDDAA"),
    ("puhui.ledger.loan-settled.v1", "settled", "#DDDDDD"),
    ("puhui.ledger.loan-written-off.v1", "written off", "#FFCCCC"),
)
LEFT: Final = 66
LANE_HEIGHT: Final = 22
TICKS: Final = 6


def day_of(told: Told) -> date:
    """The date on which an event counts: its value date, else its effective date, else that of its recording."""
    text = told.data.get("value_date") or told.stored.circumstances.effective_date
    return date.fromisoformat(text or told.stored.circumstances.recorded_at[:10])


def timeline(told: Sequence[Told], width: float) -> Drawing:
    """The picture, in points."""
    height = LANE_HEIGHT * (len(LANES) + 2) + 20
    drawing = Drawing(width, height)
    days = [day_of(each) for each in told]
    first, last = min(days), max(*days, min(days) + timedelta(days=1))
    span, room = (last - first).days, width - LEFT - 14

    def across(day: date) -> float:
        return LEFT + 6 + room * (day - first).days / span

    _axis(drawing, first, last, across, height)
    for lane, service in enumerate(LANES):
        y = height - LANE_HEIGHT * (lane + 0.7)
        drawing.add(String(0, y - 3, service, fontSize=8, fontName="Helvetica"))
        drawing.add(Line(LEFT, y, width - 8, y, strokeColor=HexColor("#DDDDDD"), strokeWidth=0.5))
        seen: dict[date, int] = {}
        for each, day in zip(told, days, strict=True):
            if each.service == service:
                stacked = seen[day] = seen.get(day, -1) + 1
                colour = HexColor(COLOURS[lane])
                drawing.add(
                    Circle(
                        across(day) + min(stacked, 6) * 1.6,
                        y,
                        2.6,
                        fillColor=colour,
                        strokeColor=Color(1, 1, 1),
                        strokeWidth=0.4,
                    )
                )
    _phases(drawing, told, days, across, last)
    return drawing


def _axis(drawing: Drawing, first: date, last: date, across: object, height: float) -> None:
    assert callable(across)
    for tick in range(TICKS + 1):
        day = first + timedelta(days=(last - first).days * tick // TICKS)
        x = across(day)
        drawing.add(Line(x, 34, x, height - 4, strokeColor=HexColor("#EEEEEE"), strokeWidth=0.5))
        drawing.add(String(x, 2, day.isoformat(), fontSize=6.5, fontName="Helvetica", textAnchor="middle"))


def _phases(drawing: Drawing, told: Sequence[Told], days: Sequence[date], across: object, last: date) -> None:
    assert callable(across)
    begun = []
    for type_name, name, colour in PHASES:
        of_type = [day for each, day in zip(told, days, strict=True) if each.stored.type == type_name]
        if of_type:
            begun.append((min(of_type), name, colour))
    begun.sort(key=lambda phase: phase[0])
    for number, (begin, name, colour) in enumerate(begun):
        end = begun[number + 1][0] if number + 1 < len(begun) else last
        x, right = across(begin), max(across(end), across(begin) + 4)
        drawing.add(Rect(x, 14, right - x, 14, fillColor=HexColor(colour), strokeColor=None))
        if right - x > 24:
            drawing.add(String(x + 3, 18, name, fontSize=7, fontName="Helvetica"))
