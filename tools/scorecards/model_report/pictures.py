"""The pictures of a model report as SVG: lines over a square from 0 to 1, and bars of two groups side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from xml.sax.saxutils import escape, quoteattr

WIDTH: Final = 640
HEIGHT: Final = 400
LEFT, TOP, RIGHT, BOTTOM = 56, 16, 28, 52
TEXT: Final = 'font-family="sans-serif" font-size="12"'
INK: Final = "#1f2328"
QUIET: Final = "#57606a"
RULE: Final = "#d8dee4"
COLOURS: Final = ("#0b5cad", "#c0392b", "#57606a")
"""Told apart by everybody together with the shape of their marks."""
DASHES: Final = ("", "7 4", "2 4")


class Line(NamedTuple):
    """A named line through points, each within 0 and 1; `marks` draws the points too."""

    name: str
    points: Sequence[tuple[float, float]]
    marks: bool = False


def lines(told: str, across: str, up: str, drawn: Sequence[Line]) -> str:
    """A square of shares: `told` is what a reader who does not see it is told."""
    parts = [*_frame(told, across, up)]
    for tenth in range(0, 11, 2):
        share = tenth / 10
        parts += [*_across(share, f"{tenth * 10} %"), *_up(share, f"{tenth * 10} %")]
    for place, line in enumerate(drawn):
        points = " ".join(f"{_x(x):.1f},{_y(y):.1f}" for x, y in line.points)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{COLOURS[place]}" stroke-width="2" '
            f'stroke-dasharray="{DASHES[place]}"/>'
        )
        if line.marks:
            parts += [
                f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="4" fill="{COLOURS[place]}"/>' for x, y in line.points
            ]
    return "\n".join([*parts, *_legend([line.name for line in drawn]), "</svg>"])


def bars(told: str, across: str, up: str, labels: Sequence[str], groups: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Groups side by side over the same classes, as shares of each group."""
    parts = [*_frame(told, across, up)]
    most = max(share for _, shares in groups for share in shares)
    top = (int(most * 20) + 1) / 20
    for step in range(int(top * 20) + 1):
        parts += _up(step / 20 / top, f"{step * 5} %")
    slot = 1 / len(labels)
    width = slot * 0.8 / len(groups)
    for place, (_, shares) in enumerate(groups):
        for number, share in enumerate(shares):
            x = number * slot + slot * 0.1 + place * width
            parts.append(
                f'<rect x="{_x(x):.1f}" y="{_y(share / top):.1f}" width="{width * (WIDTH - LEFT - RIGHT):.1f}" '
                f'height="{_y(0) - _y(share / top):.1f}" fill="{COLOURS[place]}"/>'
            )
    for number, label in enumerate(labels):
        parts += _across((number + 0.5) * slot, label, rule=False)
    return "\n".join([*parts, *_legend([name for name, _ in groups], boxes=True), "</svg>"])


def _frame(told: str, across: str, up: str) -> list[str]:
    middle, label = (TOP + HEIGHT - BOTTOM) // 2, quoteattr(told)
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {TEXT} role="img" aria-label={label}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="{(LEFT + WIDTH - RIGHT) // 2}" y="{HEIGHT - 10}" text-anchor="middle" fill="{INK}">{escape(across)}</text>',
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})" fill="{INK}">{escape(up)}</text>',
    ]


def _across(share: float, label: str, *, rule: bool = True) -> list[str]:
    x = _x(share)
    text = (
        f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="{QUIET}" font-size="11">'
        f"{escape(label)}</text>"
    )
    line = f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="{RULE}"/>'
    return [line, text] if rule else [text]


def _up(share: float, label: str) -> list[str]:
    y = _y(share)
    return [
        f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="{RULE}"/>',
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{QUIET}" font-size="11">{label}</text>',
    ]


def _legend(names: Sequence[str], *, boxes: bool = False) -> list[str]:
    parts, right, wide = [], WIDTH - RIGHT - 8, max(len(name) for name in names) * 7 + 40
    left = right - wide if boxes else LEFT + 12
    height = 18 * len(names) + 8
    parts.append(f'<rect x="{left}" y="{TOP + 6}" width="{wide}" height="{height}" fill="#fff" opacity="0.85"/>')
    for place, name in enumerate(names):
        y = TOP + 22 + 18 * place
        parts.append(
            f'<rect x="{left + 6}" y="{y - 9}" width="18" height="10" fill="{COLOURS[place]}"/>'
            if boxes
            else f'<line x1="{left + 6}" y1="{y - 4}" x2="{left + 26}" y2="{y - 4}" stroke="{COLOURS[place]}" '
            f'stroke-width="2" stroke-dasharray="{DASHES[place]}"/>'
        )
        parts.append(f'<text x="{left + 32}" y="{y}" fill="{INK}">{escape(name)}</text>')
    return parts


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
