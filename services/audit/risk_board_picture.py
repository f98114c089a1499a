"""The risk board as a picture: a row an indicator, its colour, its value against warning and limit, and its months."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final
from xml.sax.saxutils import escape

from services.audit.domain.risk_board import Colour, Trend, Unit
from services.audit.risk_board import Shown

WIDTH: Final = 980
TOP: Final = 84
ROW: Final = 44
FILL: Final = {Colour.GREEN: "#2e7d32", Colour.AMBER: "#e69f00", Colour.RED: "#c0392b", Colour.GREY: "#9aa4ae"}
ARROW: Final = {Trend.RISING: "▲", Trend.FALLING: "▼", Trend.STEADY: "=", Trend.UNKNOWN: ""}
TEXT: Final = 'font-family="sans-serif" font-size="12"'
LINE: Final = (800, 150, 28)
"""Where the months' line begins, its width and its height."""


def told(value: Fraction | None, unit: Unit) -> str:
    """A share in per cent with two decimals, a count whole."""
    if value is None:
        return "–"
    if unit is Unit.COUNT:
        return str(int(value))
    percent = Decimal(value.numerator * 100) / Decimal(value.denominator)
    return f"{percent.quantize(Decimal('0.01'), ROUND_HALF_UP)} %"


def picture(board: Sequence[Shown], on: date) -> str:
    """An SVG of the board; the colour is told in words too."""
    height = TOP + ROW * len(board) + 16
    heads = ((24, "indicator"), (470, "value"), (570, "warning"), (660, "limit"), (734, "trend"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {TEXT}>',
        f"<title>Risk board, {on}; as figures at /audit/risk-board</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="24" y="34" font-size="18">Risk board, {on}</text>',
        *(f'<text x="{x}" y="66" fill="#57606a">{head}</text>' for x, head in heads),
        f'<text x="{LINE[0]}" y="66" fill="#57606a">months, limit dashed</text>',
    ]
    for place, shown in enumerate(board):
        parts += _row(shown, TOP + ROW * place)
    return "\n".join([*parts, "</svg>"])


def _row(shown: Shown, y: int) -> list[str]:
    indicator, colour = shown.indicator, shown.colour
    value = told(shown.values[0], indicator.unit)
    below = f"{escape(indicator.name.zh)} · {indicator.field.lower()} · {colour.lower()}"
    cells = ((470, value, "15"), (570, told(indicator.warning, indicator.unit), "12"))
    return [
        f'<line x1="24" y1="{y}" x2="{WIDTH - 24}" y2="{y}" stroke="#d8dee4"/>',
        f'<circle cx="34" cy="{y + 22}" r="9" fill="{FILL[colour]}"><title>{colour}</title></circle>',
        f'<text x="54" y="{y + 19}">{escape(indicator.name.en)}</text>',
        f'<text x="54" y="{y + 35}" fill="#57606a">{below}</text>',
        *(f'<text x="{x}" y="{y + 27}" font-size="{size}">{text}</text>' for x, text, size in cells),
        f'<text x="660" y="{y + 27}">{told(indicator.limit, indicator.unit)}</text>',
        f'<text x="738" y="{y + 27}">{ARROW[shown.trend]}</text>',
        _months(shown, y + 8),
    ]


def _months(shown: Shown, y: int) -> str:
    """The values as a line, oldest first, from zero (or less) to the greatest of them and the limit; the last is
    marked."""
    left, width, height = LINE
    known = list(reversed(shown.values))
    most = max([shown.indicator.limit, *(value for value in known if value is not None)])
    step = Fraction(width, max(len(known) - 1, 1))

    def up(value: Fraction) -> int:
        return y + height - (int(height * max(value, Fraction(0)) / most) if most else 0)

    points = [(left + int(step * place), up(value)) for place, value in enumerate(known) if value is not None]
    line = " ".join(f"{across},{above}" for across, above in points)
    colour, limit = FILL[shown.colour], up(shown.indicator.limit)
    parts = [
        f'<line x1="{left}" y1="{limit}" x2="{left + width}" y2="{limit}" stroke="#57606a" stroke-dasharray="3 3"/>',
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *(f'<rect x="{x - 3}" y="{above - 3}" width="6" height="6" fill="{colour}"/>' for x, above in points[-1:]),
    ]
    return "".join(parts)
