"""Which indicators stand in for what may not be used: `python -m tools.scorecards.proxies`.

The score never sees the attributes in `catalogue/prohibited.json`; the public data hold some of them, so it can be
looked at how far the admitted indicators tell them all the same, and how the groups fare. Writes docs/results/proxies.md.
An indicator whose association is `association_refused` or more makes it exit with 1. Needs the standard library alone.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt
from pathlib import Path
from typing import Final

from data.german_credit import CSV_PATH, applicants
from services.scoring.domain.card import assess
from services.scoring.domain.document import read
from services.scoring.library import HERE, library

RESULT: Final = Path(__file__).parents[2] / "docs" / "results" / "proxies.md"
FORMAT: Final = "puhui.proxy-check/1"
COLUMNS: Final[Mapping[str, str]] = {
    "personal status and sex": "personal_status_and_sex",
    "foreign worker": "foreign_worker",
    "age": "age_in_years",
    "dependants": "number_of_people_being_liable_to_provide_maintenance_for",
    "job": "job",
    "telephone": "telephone",
}
AGES: Final = (25, 35, 50)
PASSING: Final = ("A", "B", "C")
"""Grades that the example's decision table approves up to an amount."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is reported and what is refused, as data."""

    association_reported: Decimal
    association_refused: Decimal
    impact_ratio_reported: Decimal
    smallest_group: int


def read_limits(raw: bytes) -> Limits:
    """Raises `InvalidDocument` with the place of the fault."""
    root = read(raw, FORMAT)
    names = ("association_reported", "association_refused", "impact_ratio_reported")
    root.allow("format", "version", *names, "smallest_group", "source")
    reported, refused, impact_ratio = (root.decimal(name) for name in names)
    limits = Limits(reported, refused, impact_ratio, root.integer("smallest_group"))
    if not 0 < limits.association_reported <= limits.association_refused <= 1:
        root.child("association_refused").fail("must be from association_reported to 1")
    return limits


def association(one: Sequence[str], other: Sequence[str]) -> float:
    """Cramér's V, corrected for what chance alone makes of it (Bergsma, J. Korean Stat. Soc. 42 (2013) 323): 0 for
    independent classes, 1 where each tells the other."""
    n = len(one)
    rows, columns, cells = Counter(one), Counter(other), Counter(zip(one, other, strict=True))
    if min(len(rows), len(columns)) < 2 or n < 2:
        return 0.0
    expected = {(a, b): rows[a] * columns[b] / n for a in rows for b in columns}
    phi = sum((cells[pair] - e) ** 2 / e for pair, e in expected.items()) / n
    corrected = max(0.0, phi - (len(rows) - 1) * (len(columns) - 1) / (n - 1))
    fewer = min(len(each) - (len(each) - 1) ** 2 / (n - 1) for each in (rows, columns))
    return min(1.0, sqrt(corrected / (fewer - 1))) if fewer > 1 else 0.0


def impact(groups: Sequence[str], passed: Sequence[bool], smallest: int) -> Mapping[str, tuple[int, float, float]]:
    """Of every group large enough: how many, what share passes, and that beside the best group's."""
    sizes = Counter(groups)
    passing = Counter(group for group, does in zip(groups, passed, strict=True) if does)
    shares = {group: passing[group] / size for group, size in sizes.items() if size >= smallest}
    best = max(shares.values(), default=0.0)
    return {group: (sizes[group], share, share / best if best else 1.0) for group, share in sorted(shares.items())}


def attributes() -> Mapping[str, list[str]]:
    """The attributes that no score sees, one value an application, in the order of the file."""
    with CSV_PATH.open(encoding="utf-8", newline="") as file:
        rows = list(DictReader(file))
    found = {name: [row[column] for row in rows] for name, column in COLUMNS.items()}
    found["age"] = [_age_band(int(age)) for age in found["age"]]
    return found


def _age_band(age: int) -> str:
    below = next((limit for limit in AGES if age <= limit), None)
    return f"over {AGES[-1]}" if below is None else f"up to {below}"


def main() -> int:
    limits = read_limits((HERE / "catalogue" / "proxies.json").read_bytes())
    card = library().cards[0]
    assessed = [assess(card, each.answers) for each in applicants()]
    bins = {
        indicator.id: [each.contributions[place].bin.label for each in assessed]
        for place, indicator in enumerate(card.indicators)
    }
    grades = [each.grade for each in assessed]
    hidden = attributes()
    found = {
        (name, attribute): association(labels, values)
        for name, labels in {**bins, "grade": grades}.items()
        for attribute, values in hidden.items()
    }
    passed = [grade in PASSING for grade in grades]
    impacts = {name: impact(values, passed, limits.smallest_group) for name, values in hidden.items()}
    text = page(card.name, found, impacts, limits)
    RESULT.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if any(strength >= limits.association_refused for strength in found.values()) else 0


def page(
    card: str,
    found: Mapping[tuple[str, str], float],
    impacts: Mapping[str, Mapping[str, tuple[int, float, float]]],
    limits: Limits,
) -> str:
    """The report: associations with the strong ones in bold, and how groups fare."""
    names, hidden = list(dict.fromkeys(a for a, _ in found)), list(dict.fromkeys(b for _, b in found))
    rows = []
    for name in names:
        cells = [_bold(f"{found[name, b]:.2f}", found[name, b] >= limits.association_reported) for b in hidden]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    groups = [
        f"| {attribute} | {group} | {size} | {share:.1%} | {_bold(f'{ratio:.2f}', ratio < limits.impact_ratio_reported)} |"
        for attribute, each in impacts.items()
        for group, (size, share, ratio) in each.items()
    ]
    return "\n".join(
        [
            "# Proxies",
            "",
            f"Made by `python -m tools.scorecards.proxies` of {card} on the 1,000 German credit applications. No score sees",
            "these attributes. Bold: to be explained by who approves the card; the limits are data",
            "(`services/scoring/catalogue/proxies.json`).",
            "",
            "## How far each indicator tells what may not be used",
            "",
            (
                f"Cramér's V, corrected for chance: 0 tells nothing, 1 everything; reported from {limits.association_reported}, "
                f"refused from {limits.association_refused}."
            ),
            "",
            f"| indicator | {' | '.join(hidden)} |",
            f"| --- |{' --- |' * len(hidden)}",
            *rows,
            "",
            "## How groups fare",
            "",
            (
                f"Share in the grades {', '.join(PASSING)}, and that beside the best group's; reported below "
                f"{limits.impact_ratio_reported}; groups of at least {limits.smallest_group}."
            ),
            "",
            "| attribute | group | applications | passing | ratio |",
            "| --- | --- | --- | --- | --- |",
            *groups,
            "",
            "Labels are those of the published file; some of them are known to be wrong ([data](../../data/README.md)), the",
            "groups are not. A difference between groups is no proof of a proxy: their repayment differs in the data too.",
            "",
        ]
    )


def _bold(text: str, is_bold: bool) -> str:
    return f"**{text}**" if is_bold else text


if __name__ == "__main__":
    sys.exit(main())
