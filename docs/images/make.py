"""Draws the diagrams of the documentation: `python docs/images/make.py` writes the SVG files beside this one."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
INK, SOFT, PAPER = "#1f2937", "#64748b", "#ffffff"
BOX, EDGE = "#f8fafc", "#94a3b8"
BLUE, BLUE_SOFT = "#1d4ed8", "#dbeafe"
GREEN, GREEN_SOFT = "#15803d", "#dcfce7"
RED, RED_SOFT = "#b91c1c", "#fee2e2"
AMBER, AMBER_SOFT = "#b45309", "#fef3c7"
FONT: Final = "Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif"

Point = tuple[float, float]


class Drawing:
    """A picture of a size, made of a few kinds of parts; later parts cover earlier ones."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self._parts: list[str] = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="{FONT}">',
            f"<title>{escape(title)}</title>",
            "<defs>",
            *(
                f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
                f' orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{colour}"/></marker>'
                for name, colour in ARROWS.items()
            ),
            "</defs>",
            f'<rect width="{width}" height="{height}" rx="12" fill="{PAPER}"/>',
        ]

    def box(
        self, x: float, y: float, w: float, h: float, fill: str = BOX, edge: str = EDGE, dashed: bool = False
    ) -> None:
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{fill}" stroke="{edge}" stroke-width="1.4"{dash}/>'
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        size: float = 13,
        colour: str = INK,
        bold: bool = False,
        anchor: str = "middle",
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def lines(
        self, x: float, y: float, words: Sequence[str], size: float = 12, colour: str = SOFT, anchor: str = "middle"
    ) -> None:
        for number, line in enumerate(words):
            self.text(x, y + number * size * 1.35, line, size, colour, anchor=anchor)

    def cylinder(self, x: float, y: float, w: float, h: float) -> None:
        """A store."""
        lid = 6
        self._parts.append(
            f'<path d="M{x} {y + lid}v{h - 2 * lid}a{w / 2} {lid} 0 0 0 {w} 0v-{h - 2 * lid}" fill="{GREEN_SOFT}" stroke="{GREEN}"/>'
            f'<ellipse cx="{x + w / 2}" cy="{y + lid}" rx="{w / 2}" ry="{lid}" fill="{PAPER}" stroke="{GREEN}"/>'
        )

    def arrow(self, *points: Point, kind: str = "grey", dashed: bool = False, both: bool = False) -> None:
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        start = f' marker-start="url(#{kind})"' if both else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{ARROWS[kind]}" stroke-width="1.6"{dash}{start} marker-end="url(#{kind})"/>'
        )

    def bridge(self, x: float, y: float, r: float = 6) -> None:
        """Where one line passes over another."""
        self._parts.append(f'<rect x="{x - r}" y="{y - 2}" width="{2 * r}" height="4" fill="{PAPER}"/>')
        self._parts.append(
            f'<path d="M{x - r} {y}a{r} {r} 0 0 1 {2 * r} 0" fill="none" stroke="{AMBER}" stroke-width="1.6"/>'
        )

    def save(self, name: str) -> None:
        (HERE / name).write_text("\n".join([*self._parts, "</svg>", ""]), encoding="utf-8")


ARROWS: Final = {"grey": SOFT, "blue": BLUE, "green": GREEN, "red": RED, "amber": AMBER}

SERVICES: Final = (
    ("application", ("products, applicants,", "intake, documents")),
    ("scoring", ("score cards,", "grade and reasons")),
    ("approval", ("decision table,", "people, authority")),
    ("contract", ("template, disclosure,", "signatures")),
    ("ledger", ("loans, money, journal,", "business date")),
    ("collections", ("reminders, cases,", "contacts, promises")),
    ("partners", ("agreements, shares,", "settlement, webhooks")),
)


def platform() -> None:
    """Services, topics and stores."""
    d = Drawing(1240, 720, "Services, topics and stores of Puhui")
    left, width, gap, number = 40.0, 133.0, 10.0, len(SERVICES)
    right = left + number * width + (number - 1) * gap
    d.box(left, 24, right - left, 46)
    d.text((left + right) / 2, 52, "Front ends · officers · partners · finance · auditors", 15, bold=True)
    d.arrow(((left + right) / 2, 70), ((left + right) / 2, 104))
    d.text((left + right) / 2 + 12, 92, "HTTP: commands and queries", 12, SOFT, anchor="start")
    d.box(left, 106, right - left, 36, BLUE_SOFT, BLUE)
    d.text((left + right) / 2, 129, "one port · bearer token and role · Idempotency-Key · ETag · problem+json", 13)

    top, height, lane = 182.0, 196.0, 164.0
    centres = [left + n * (width + gap) + width / 2 for n in range(number)]
    bank_x = right + 34
    d.arrow((centres[4] + 44, top), (centres[4] + 44, lane), (bank_x + 63, lane), (bank_x + 63, top), kind="amber")
    for (name, owns), centre in zip(SERVICES, centres, strict=True):
        d.arrow((centre, 142), (centre, top))
        _service(d, centre - width / 2, top, width, height, name, owns)
    for centre in centres[5:]:
        d.bridge(centre, lane)
    d.box(bank_x, top, 126, height, AMBER_SOFT, AMBER)
    d.text(bank_x + 63, top + 26, "bank", 15, AMBER, bold=True)
    d.lines(
        bank_x + 63,
        top + 50,
        ("simulated:", "a process and", "a record of its", "own; delays,", "failures, doubles,", "returns, by seed"),
    )
    d.text(bank_x + 63, top - 24, "outside world", 12, AMBER)

    bus = 452.0
    for centre in centres:
        d.arrow((centre - 30, top + height), (centre - 30, bus), kind="blue")
        d.arrow((centre + 30, bus), (centre + 30, top + height), kind="blue")
    d.text(centres[0] - 36, 418, "relay", 12, BLUE, anchor="end")
    d.text(centres[0] + 36, 418, "consumer", 12, BLUE, anchor="start")
    d.box(left, bus, right - left, 76, BLUE_SOFT, BLUE)
    d.text(
        (left + right) / 2,
        bus + 24,
        "Kafka: one topic a service, record key = stream, CloudEvents headers",
        14,
        bold=True,
    )
    for (name, _), centre in zip(SERVICES, centres, strict=True):
        d.box(centre - 62, bus + 38, 124, 26, PAPER, BLUE)
        d.text(centre, bus + 55, f"puhui.{name}", 12, BLUE)

    d.arrow(((left + right) / 2, bus + 76), ((left + right) / 2, 566), kind="blue")
    d.text((left + right) / 2 + 12, 552, "every topic", 12, BLUE, anchor="start")
    d.box(left, 568, right - left, 66)
    d.cylinder(left + 22, 580, 44, 42)
    d.text(left + 92, 596, "audit", 15, bold=True, anchor="start")
    d.text(left + 92, 618, "an archive of every event, byte for byte", 12, SOFT, anchor="start")
    d.text(right - 24, 596, "the page of a loan as of any moment · the trail of who did what", 12, SOFT, anchor="end")
    d.text(
        right - 24,
        618,
        "rebuild of every read model, and the check that it equals the live one",
        12,
        SOFT,
        anchor="end",
    )

    d.cylinder(left, 662, 30, 34)
    d.text(left + 42, 684, "PostgreSQL database of one service: the record", 12, anchor="start")
    d.arrow((430, 680), (474, 680), kind="blue")
    d.text(484, 684, "events; a wiped broker is refilled from the stores", 12, anchor="start")
    d.arrow((840, 680), (884, 680), kind="amber")
    d.text(894, 684, "effects, with a key derived from the event", 12, anchor="start")
    d.save("platform.svg")


def _service(d: Drawing, x: float, y: float, w: float, h: float, name: str, owns: Sequence[str]) -> None:
    d.box(x, y, w, h)
    d.text(x + w / 2, y + 26, name, 15, bold=True)
    d.lines(x + w / 2, y + 48, owns)
    d.box(x + 14, y + 78, w - 28, 26, PAPER)
    d.text(x + w / 2, y + 95, "decide · evolve", 12)
    d.arrow((x + w / 2, y + 104), (x + w / 2, y + 122))
    d.cylinder(x + 20, y + 124, w - 40, 62)
    d.text(x + w / 2, y + 156, "events", 12, GREEN, bold=True)
    d.text(x + w / 2, y + 173, "read models", 12, GREEN)


LANES: Final = ("application", "scoring", "approval", "contract", "ledger", "collections")
LANE_W, PITCH, HEAD, BOX_W, BOX_H = 200.0, 58.0, 96.0, 172.0, 34.0


def life() -> None:
    """One loan's events, from application to settlement or write-off."""
    d = Drawing(1240, 1000, "The events of one loan")
    for n, name in enumerate(LANES):
        x = 20 + n * LANE_W
        if n % 2 == 0:
            d.box(x, 20, LANE_W, 890, "#f8fafc", "#f1f5f9")
        d.text(x + LANE_W / 2, 52, name, 15, bold=True)
    _way_in(d)
    _money(d)
    _arrears(d)
    _legend(d)
    d.box(20, 926, 1200, 54, BLUE_SOFT, BLUE)
    d.text(620, 948, "audit copies each of these, under the same stream, version, identifier and bytes", 14, bold=True)
    d.text(620, 968, "what an event needs of an earlier step travels with it: no service asks another", 12, SOFT)
    d.save("loan.svg")


def _at(lane: int, row: float) -> Point:
    """The middle of a place."""
    return 20 + lane * LANE_W + LANE_W / 2, HEAD + row * PITCH


STYLES: Final = {
    "main": (BLUE_SOFT, BLUE),
    "other": (PAPER, EDGE),
    "good": (GREEN_SOFT, GREEN),
    "bad": (RED_SOFT, RED),
    "bank": (AMBER_SOFT, AMBER),
}


def _event(d: Drawing, lane: int, row: float, name: str, style: str = "main") -> None:
    x, y = _at(lane, row)
    fill, edge = STYLES[style]
    d.box(x - BOX_W / 2, y - BOX_H / 2, BOX_W, BOX_H, fill, edge, dashed=style == "other")
    d.text(x, y + 4.5, name, 12.5)


def _down(
    d: Drawing, lane: int, start: float, end: float, kind: str = "blue", dashed: bool = False, dx: float = 0
) -> None:
    x, y = _at(lane, start)
    _, to = _at(lane, end)
    sign = 1 if to > y else -1
    d.arrow((x + dx, y + sign * BOX_H / 2), (x + dx, to - sign * BOX_H / 2), kind=kind, dashed=dashed)


def _across(d: Drawing, a: tuple[int, float], b: tuple[int, float], kind: str = "blue", dashed: bool = False) -> None:
    """To the side; where the rows differ, with one step in the gap before the target."""
    (x, y), (to_x, to_y) = _at(*a), _at(*b)
    sign = 1 if to_x > x else -1
    start, end = x + sign * BOX_W / 2, to_x - sign * BOX_W / 2
    bend = end - sign * 14
    d.arrow((start, y), (bend, y), (bend, to_y), (end, to_y), kind=kind, dashed=dashed)


def _way_in(d: Drawing) -> None:
    _event(d, 0, 0, "ApplicationStarted")
    _event(d, 0, 1, "ApplicationSubmitted")
    _event(d, 0, 2, "…Withdrawn, …Expired", "other")
    _event(d, 1, 1, "ApplicationScored")
    _event(d, 1, 2, "ScoringFailed", "other")
    _event(d, 2, 0, "ApplicationDeclined", "bad")
    _event(d, 2, 1, "ApplicationApproved")
    _event(d, 2, 2, "ApplicationReferred", "other")
    _event(d, 2, 3, "DecisionRecommended", "other")
    _event(d, 3, 1, "ContractOffered")
    _event(d, 3, 2, "ContractViewed")
    _event(d, 3, 3, "ContractAccepted")
    _event(d, 3, 4, "ContractSigned")
    _event(d, 3, 0, "…Expired, …Cancelled", "other")
    _event(d, 2, 4, "OfferAccepted")
    _event(d, 0, 4, "ApplicationConcluded")
    _down(d, 0, 0, 1)
    _down(d, 0, 1, 2, "grey", dashed=True)
    _across(d, (0, 1), (1, 1))
    _across(d, (1, 1), (2, 1))
    _across(d, (1, 1), (2, 0))
    _across(d, (1, 1), (2, 2))
    _across(d, (1, 2), (2, 2), "grey", dashed=True)
    _down(d, 2, 2, 1, "grey", dashed=True)
    _down(d, 2, 2, 3, "grey", dashed=True)
    _across(d, (2, 1), (3, 1))
    _down(d, 3, 1, 0, "grey", dashed=True)
    _down(d, 3, 1, 2)
    _down(d, 3, 2, 3)
    _down(d, 3, 3, 4)
    _across(d, (3, 4), (2, 4))
    _across(d, (2, 4), (0, 4))


def _money(d: Drawing) -> None:
    _event(d, 4, 4, "LoanBooked")
    _event(d, 4, 5, "DisbursementRequested")
    _event(d, 4, 6.4, "LoanDisbursed")
    _event(d, 4, 7.6, "RepaymentReceived")
    _event(d, 4, 8.8, "DelinquencyChanged", "other")
    _event(d, 4, 9.8, "LoanClassified", "other")
    _event(d, 4, 11, "LoanWrittenOff", "bad")
    _event(d, 4, 12, "RecoveryReceived", "other")
    _event(d, 4, 13, "LoanSettled", "good")
    area_x, area_y = _at(3, 5.7)
    d.box(area_x - LANE_W / 2 + 4, area_y - 46, LANE_W - 8, 268, PAPER, "#e2e8f0")
    d.text(area_x - 8, area_y - 27, "ledger: the payout", 12, SOFT)
    _event(d, 3, 5.7, "the bank", "bank")
    _event(d, 3, 6.8, "…Unresolved", "other")
    _event(d, 3, 7.8, "…Failed, …Returned", "other")
    _event(d, 3, 8.8, "LoanCancelled", "bad")
    _across(d, (3, 4), (4, 4))
    _down(d, 4, 4, 5)
    bank_x, bank_y = _at(3, 5.7)
    ask_x, ask_y = _at(4, 5)
    told_x, told_y = _at(4, 6.4)
    side = bank_x + BOX_W / 2
    d.arrow((ask_x - BOX_W / 2, ask_y), (side - 12, ask_y), (side - 12, bank_y - BOX_H / 2), kind="amber")
    d.arrow(
        (side, bank_y),
        (told_x - BOX_W / 2 - 14, bank_y),
        (told_x - BOX_W / 2 - 14, told_y),
        (told_x - BOX_W / 2, told_y),
        kind="amber",
    )
    near, (_, later_y) = bank_x - BOX_W / 2, _at(3, 7.8)
    _, asked_y = _at(3, 6.8)
    d.arrow((bank_x + 20, bank_y + BOX_H / 2), (bank_x + 20, asked_y - BOX_H / 2), kind="amber", dashed=True, both=True)
    d.arrow((near, bank_y), (near - 6, bank_y), (near - 6, later_y), (near, later_y), kind="amber", dashed=True)
    _down(d, 3, 7.8, 8.8, "grey", dashed=True)
    _down(d, 4, 6.4, 7.6)
    _down(d, 4, 7.6, 8.8, "grey", dashed=True)
    _down(d, 4, 8.8, 9.8, "grey", dashed=True)
    _down(d, 4, 9.8, 11, "red")
    _down(d, 4, 11, 12, "grey", dashed=True)
    paid_x, paid_y = _at(4, 7.6)
    _, settled_y = _at(4, 13)
    edge = paid_x - BOX_W / 2
    d.arrow((edge, paid_y), (edge - 12, paid_y), (edge - 12, settled_y), (edge, settled_y), kind="green")


def _arrears(d: Drawing) -> None:
    _event(d, 5, 6.4, "ReminderSent")
    _event(d, 5, 8.8, "CollectionCaseOpened", "other")
    _event(d, 5, 9.8, "ContactLogged", "other")
    _event(d, 5, 10.8, "PromiseMade", "other")
    _event(d, 5, 11.8, "PromiseKept, …Broken", "other")
    _event(d, 5, 13, "CollectionCaseClosed", "good")
    _across(d, (4, 6.4), (5, 6.4))
    _across(d, (4, 8.8), (5, 8.8), "grey", dashed=True)
    for start, end in ((8.8, 9.8), (9.8, 10.8), (10.8, 11.8), (11.8, 13)):
        _down(d, 5, start, end, "grey", dashed=True)
    _across(d, (4, 11), (5, 13), "red")
    _across(d, (4, 13), (5, 13), "green")


def _legend(d: Drawing) -> None:
    x, y = 52.0, 424.0
    d.box(x - 16, y - 34, 568, 236, PAPER)
    d.text(x, y - 6, "How to read it", 14, bold=True, anchor="start")
    rows = (
        ("main", "the way of a loan that goes well"),
        ("other", "what may happen besides, or happens to some loans"),
        ("bank", "work on the outside world: a task with a derived key, done until it is answered"),
        ("good", "an end at which nothing is owed"),
        ("bad", "declined, cancelled, or written off (the claim stays)"),
    )
    for n, (style, words) in enumerate(rows):
        fill, edge = STYLES[style]
        d.box(x, y + 10 + n * 32, 34, 20, fill, edge, dashed=style == "other")
        d.text(x + 48, y + 25 + n * 32, words, 12, anchor="start")
    d.text(
        x,
        y + 188,
        "Arrows lead from a cause to what follows. People decide what is referred.",
        12,
        SOFT,
        anchor="start",
    )
    _note(
        d,
        676,
        "Every business day",
        "DayClosed says what accrued, in aggregate, the detail of each loan under a hash;",
        "BusinessDayOpened moves the date. By that event, and by no clock, every service",
        "knows the day: drafts and offers expire, reminders go out, arrears move on.",
    )
    _note(
        d,
        802,
        "A late truth",
        "RepaymentReversed, DisbursementReturned, a repayment with an earlier value date:",
        "new events. The account is worked out again from its facts by value date, and the",
        "difference is posted; what was known before stays on record.",
    )


def _note(d: Drawing, y: float, heading: str, *words: str) -> None:
    d.box(36, y - 26, 568, 108, PAPER)
    d.text(52, y - 2, heading, 14, bold=True, anchor="start")
    d.lines(52, y + 22, words, 12, INK, anchor="start")


if __name__ == "__main__":
    platform()
    life()
