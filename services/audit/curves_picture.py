"""The portfolio's curves as a picture: vintages as lines, roll rates as a matrix, collection as bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from services.audit.domain.curves import STAGES, Collection, Curves, Roll, Vintage, mean_rates

WIDTH: Final = 1120
HEIGHT: Final = 860
PLOT: Final = (440, 250)
"""Width and height of a panel's plot."""
PANELS: Final = ((80, 90), (640, 90), (130, 480), (640, 480))
"""Where the plots begin: loans over 30 days, loans over 90 days, roll rates, collection."""
OLDEST, NEWEST = (0xC6, 0xDB, 0xEF), (0x08, 0x30, 0x6B)
"""Lines from pale to dark as the months of payout go on."""
GREY: Final = "#57606a"
STEPS: Final = (Fraction(1, 100), Fraction(2, 100), Fraction(5, 100), Fraction(1, 10), Fraction(1, 4), Fraction(1, 2))
TEXT: Final = 'font-family="sans-serif" font-size="12"'


def told(share: Fraction, places: str = "0.1") -> str:
    """Per cent."""
    percent = Decimal(share.numerator * 100) / Decimal(share.denominator)
    return f"{percent.quantize(Decimal(places), ROUND_HALF_UP)} %"


def picture(shown: Curves, on: date) -> str:
    """An SVG of all three; each point says its figures when it is pointed at."""
    vintages = [vintage for vintage in shown.vintages if vintage.amount]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {TEXT}>',
        f"<title>Vintages, roll rates and collection on {on}; as figures at /audit/curves</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="24" y="34" font-size="18">Vintages, roll rates and collection, {on}</text>',
        *_vintages(PANELS[0], "Ever over 30 days past due, of the amount paid out", vintages, 30),
        *_vintages(PANELS[1], "Ever over 90 days past due or written off", vintages, 90),
        *_matrix(PANELS[2], shown.rolls),
        *_bars(PANELS[3], shown.collection),
    ]
    return "\n".join([*parts, "</svg>"])


def _head(place: tuple[int, int], title: str, below: str) -> list[str]:
    x, y = place
    return [
        f'<text x="{x}" y="{y - 14}" font-size="14">{title}</text>',
        f'<text x="{x + PLOT[0] / 2:.0f}" y="{y + PLOT[1] + 36}" text-anchor="middle" fill="{GREY}">{below}</text>',
    ]


def _scale(place: tuple[int, int], top: Fraction) -> list[str]:
    """Lines across at whole steps up to the top, with their shares."""
    x, y = place
    step = next((step for step in STEPS if top / step <= 6), STEPS[-1])
    parts = []
    for number in range(int(top / step) + 1):
        at = y + PLOT[1] - int(PLOT[1] * number * step / top)
        parts.append(f'<line x1="{x}" y1="{at}" x2="{x + PLOT[0]}" y2="{at}" stroke="#d8dee4"/>')
        parts.append(
            f'<text x="{x - 8}" y="{at + 4}" text-anchor="end" fill="{GREY}">{told(number * step, "1")}</text>'
        )
    return parts


def _vintages(place: tuple[int, int], title: str, vintages: Sequence[Vintage], days: int) -> list[str]:
    x, y = place
    curves = [vintage.shares(vintage.over_30 if days == 30 else vintage.over_90) for vintage in vintages]
    top = max((max(curve) for curve in curves), default=Fraction(0)) * Fraction(11, 10) or STEPS[0]
    oldest = max((len(curve) for curve in curves), default=1) - 1
    parts = _head(place, title, "months on book; each line a month of payout, the darker the later") + _scale(
        place, top
    )

    def across(month: int) -> int:
        return x + PLOT[0] * month // max(oldest, 1)

    every = 1 + oldest // 13
    parts += [
        f'<text x="{across(month)}" y="{y + PLOT[1] + 18}" text-anchor="middle" fill="{GREY}">{month}</text>'
        for month in range(0, oldest + 1, every)
    ]
    for number, (vintage, curve) in enumerate(zip(vintages, curves, strict=True)):
        colour = _shade(number, len(vintages))
        points = [(across(month), y + PLOT[1] - int(PLOT[1] * share / top)) for month, share in enumerate(curve)]
        line = " ".join(f"{right},{up}" for right, up in points)
        what = f"{vintage.month:%Y-%m}: {vintage.loans} loans, {told(curve[-1])} after {len(curve) - 1} months"
        right, up = points[-1]
        parts += [
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"><title>{what}</title></polyline>',
            f'<circle cx="{right}" cy="{up}" r="3.5" fill="{colour}"><title>{what}</title></circle>',
        ]
    return parts


def _shade(number: int, of: int) -> str:
    """The last of so many is the darkest, also where it is the only one."""
    mixed = (
        high - (high - low) * (of - 1 - number) // max(of - 1, 1) for low, high in zip(OLDEST, NEWEST, strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _matrix(place: tuple[int, int], moved: Sequence[Roll]) -> list[str]:
    """From the bucket at the left to the stage above it, a month later."""
    x, y = place
    rates = mean_rates(moved)
    rows = [stage for stage in STAGES if any(before == stage for before, _ in rates)]
    columns = [stage for stage in STAGES if any(after == stage for _, after in rates)]
    parts = _head(
        place,
        "A month later, of the principal in a bucket (all months shown)",
        "from the bucket of the row to that of the column",
    )
    if not rates:
        return [*parts, f'<text x="{x}" y="{y + 30}" fill="{GREY}">No loan was there for a whole month.</text>']
    wide, high = min(PLOT[0] // len(columns), 90), min((PLOT[1] - 24) // len(rows), 40)
    size = min(11, wide // 4)
    for number, stage in enumerate(columns):
        middle = x + wide * number + wide // 2
        parts.append(
            f'<text x="{middle}" y="{y + 14}" text-anchor="middle" font-size="{min(10, wide // 4)}">{_short(stage)}</text>'
        )
    for row, before in enumerate(rows):
        above = y + 22 + high * row
        parts.append(f'<text x="{x - 8}" y="{above + high // 2 + 4}" text-anchor="end">{_short(before)}</text>')
        for number, after in enumerate(columns):
            share = rates.get((before, after), Fraction(0))
            red = 255 - int(200 * share)
            dark = "#fff" if share > Fraction(1, 2) else "#24292f"
            parts.append(
                f'<rect x="{x + wide * number}" y="{above}" width="{wide - 2}" height="{high - 2}" '
                f'fill="rgb({red},{min(255, red + 20)},255)"><title>{before} to {after}: {told(share)}</title></rect>'
            )
            if share:
                middle = x + wide * number + wide // 2 - 1
                parts.append(
                    f'<text x="{middle}" y="{above + high // 2 + 3}" text-anchor="middle" font-size="{size}" '
                    f'fill="{dark}">{told(share, "1")}</text>'
                )
    return parts


def _short(stage: str) -> str:
    return stage.replace("_", " ").lower() if len(stage) > 2 else stage


def _bars(place: tuple[int, int], collection: Sequence[Collection]) -> list[str]:
    x, y = place
    months = list(reversed(collection))
    parts = _head(place, "Collected of what was past due at the month's beginning", "month") + _scale(
        place, Fraction(1)
    )
    wide = PLOT[0] // max(len(months), 1)
    every = 1 + len(months) // 9
    for number, month in enumerate(months):
        left = x + wide * number
        if number % every == 0:
            parts.append(
                f'<text x="{left + wide // 2}" y="{y + PLOT[1] + 18}" text-anchor="middle" font-size="10" '
                f'fill="{GREY}">{month.on:%y-%m}</text>'
            )
        if month.share is not None:
            high = int(PLOT[1] * month.share)
            parts.append(
                f'<rect x="{left + 2}" y="{y + PLOT[1] - high}" width="{max(wide - 4, 1)}" height="{high}" '
                f'fill="#2e86c1"><title>{month.on:%Y-%m}: {told(month.share)}</title></rect>'
            )
    return parts
