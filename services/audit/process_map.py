"""The process as a picture: steps as boxes, what happened between them as arrows with their times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from xml.sax.saxutils import escape

from services.audit.domain.service_levels import STEPS
from services.audit.stages import Edge

WIDTH: Final = 1100
HEIGHT: Final = 1170
BOX: Final = (150, 34)
PLACES: Final[Mapping[str, tuple[int, int]]] = {
    "submitted": (260, 130),
    "not scored": (640, 150),
    "scored": (260, 250),
    "referred": (640, 350),
    "released": (990, 390),
    "claimed": (640, 530),
    "recommended": (960, 700),
    "declined": (520, 830),
    "approved": (140, 690),
    "contract offered": (140, 800),
    "contract signed": (140, 910),
    "booked": (140, 1020),
    "paid out": (140, 1130),
}
"""Where each step stands, in pixels: the way to the money on the left, work by people on the right."""
assert set(PLACES) == set(STEPS), "every step has its place"
UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))
BOTTLENECK: Final = "#c0392b"
WORK: Final = "#2e86c1"
WAITING: Final = "#768390"
BEND: Final = 0.22
"""How far an arrow bends to its left, of its length: so that there and back are two arrows."""
LINE_MAX: Final = 9


def told(ms: int) -> str:
    """A duration as people say it: 3.5 h, 240 ms."""
    for size, unit in UNITS:
        if ms >= size:
            return f"{ms / size:.1f} {unit}"
    return f"{ms} ms"


def process_map(edges: Sequence[Edge]) -> str:
    """An SVG: the wider an arrow, the more of all time went there; most time in red, an officer's work in blue."""
    most = max((edge.total_ms for edge in edges), default=0)
    seen = {step for edge in edges for step in (edge.before, edge.after)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        '<text x="24" y="30" font-size="16">From step to step: how many, median, 90th percentile</text>',
        *_legend(),
    ]
    drawn = [_edge(edge, most) for edge in sorted(edges, key=lambda edge: edge.total_ms)]
    parts += [arrow for arrow, _ in drawn]
    parts += [_box(step) for step in STEPS if step in seen]
    parts += [label for _, label in drawn]
    return "\n".join([*parts, "</svg>"])


def _legend() -> list[str]:
    lines = [(WAITING, "waiting"), (WORK, "an officer works on it"), (BOTTLENECK, "most time of all")]
    return [
        f'<rect x="24" y="{46 + 20 * row}" width="26" height="5" fill="{colour}"/>'
        f'<text x="58" y="{52 + 20 * row}">{text}</text>'
        for row, (colour, text) in enumerate(lines)
    ]


def _box(step: str) -> str:
    (x, y), (width, height) = PLACES[step], BOX
    return (
        f'<rect x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="6" fill="#f6f8fa" '
        f'stroke="#444c56"/><text x="{x}" y="{y + 5}" text-anchor="middle" font-size="13">{escape(step)}</text>'
    )


def _edge(edge: Edge, most: int) -> tuple[str, str]:
    """The arrow and its label; over a late share, how many were later than they should be."""
    start, end = _ends(PLACES[edge.before], PLACES[edge.after])
    bend = ((start[1] - end[1]) * BEND, (end[0] - start[0]) * BEND)
    turn = ((start[0] + end[0]) / 2 - bend[0], (start[1] + end[1]) / 2 - bend[1])
    colour = BOTTLENECK if most and edge.total_ms == most else WORK if edge.worked else WAITING
    width = 1 + (LINE_MAX * edge.total_ms / most if most else 0)
    path = f"M{start[0]:.0f},{start[1]:.0f} Q{turn[0]:.0f},{turn[1]:.0f} {end[0]:.0f},{end[1]:.0f}"
    arrow = f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:.1f}" stroke-opacity=".75"/>'
    arrow += _head(turn, end, colour)
    x, y = (start[0] + 2 * turn[0] + end[0]) / 4, (start[1] + 2 * turn[1] + end[1]) / 4
    lines = [f"{edge.applications:,} × {told(edge.median_ms)}", f"90 % {told(edge.p90_ms)}"]
    if edge.breaches:
        lines.append(f"{edge.breaches:,} late")
    half = 3 * max(map(len, lines)) + 6
    label = f'<rect x="{x - half:.0f}" y="{y - 15:.0f}" width="{2 * half}" height="{14 * len(lines) + 5}" rx="3" '
    label += 'fill="#fff" fill-opacity=".88"/>'
    for row, line in enumerate(lines):
        label += (
            f'<text x="{x:.0f}" y="{y - 3 + 14 * row:.0f}" text-anchor="middle" fill="{colour}">{escape(line)}</text>'
        )
    return arrow, label


def _ends(before: tuple[int, int], after: tuple[int, int]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Where an arrow leaves one box and meets the other, on the line between their middles."""
    (x0, y0), (x1, y1) = before, after
    dx, dy = x1 - x0, y1 - y0
    reach = min(BOX[0] / 2 / abs(dx) if dx else 1, (BOX[1] / 2 + 3) / abs(dy) if dy else 1)
    return (x0 + dx * reach, y0 + dy * reach), (x1 - dx * reach, y1 - dy * reach)


def _head(turn: tuple[float, float], end: tuple[float, float], colour: str) -> str:
    dx, dy = end[0] - turn[0], end[1] - turn[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length, dy / length
    left = (end[0] - 11 * ux - 5 * uy, end[1] - 11 * uy + 5 * ux)
    right = (end[0] - 11 * ux + 5 * uy, end[1] - 11 * uy - 5 * ux)
    points = " ".join(f"{x:.0f},{y:.0f}" for x, y in (end, left, right))
    return f'<polygon points="{points}" fill="{colour}"/>'
