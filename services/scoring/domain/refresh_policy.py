"""When sources are asked anew about a borrower whose loan runs and about who answers for it, on which consent (R3.6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple

from libs.contracts.application import ConsentPurpose
from libs.contracts.scoring import RefreshRole
from services.scoring.domain.document import Node, read
from services.scoring.domain.indicators import member
from services.scoring.domain.information import BroughtBy, Kinds

REFRESH_FORMAT: Final = "puhui.refresh-policy/1"
STANDINGS: Final = ("P", "S", "D", "M")
"""How far a source is confirmed: primary text, secondary source, draft, to be confirmed."""


class Consented(NamedTuple):
    """In which version of a text somebody agreed to be asked about, and when."""

    text: str
    on: date


@dataclass(frozen=True, slots=True)
class Interval:
    """How often somebody is asked about: where there is a watch, where the loan has one of these grades (none: any), or
    where it is of this amount at least."""

    watched: bool
    grades: tuple[str, ...]
    from_amount_minor: int
    every_days: int

    def fits(self, grade: str, amount_minor: int, watched: bool) -> bool:
        return (
            (watched or not self.watched)
            and (not self.grades or grade in self.grades)
            and amount_minor >= self.from_amount_minor
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How somebody is asked about in one role. `most_a_day` is how many are on one business date. `texts` are the versions
    of the consent's text that name, for this role, the management of a loan that runs; such a consent holds for
    `consent_days`."""

    most_a_day: int
    texts: tuple[str, ...]
    consent_days: int
    intervals: tuple[Interval, ...]

    def every_days(self, grade: str, amount_minor: int, watched: bool) -> int | None:
        """How often he is asked about for such a loan: the shortest interval that fits; None: never."""
        fitting = (each.every_days for each in self.intervals if each.fits(grade, amount_minor, watched))
        return min(fitting, default=None)

    def consent(self, given: Collection[Consented], withdrawn_on: date | None, on: date) -> Consented | None:
        """The consent on which he may be asked about on a date: the latest of those that name this purpose, are not too
        old, and were given after the last withdrawal."""
        valid = [
            each
            for each in given
            if each.text in self.texts
            and each.on <= on <= each.on + timedelta(days=self.consent_days)
            and (withdrawn_on is None or each.on > withdrawn_on)
        ]
        return max(valid, key=lambda each: each.on, default=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class RefreshPolicy(Terms):
    """One version; its own terms are the borrower's. `attempts` is how often a source that does not answer is asked in all.
    `items` are those that are asked for, by kind of applicant. Without terms for guarantors none is asked about."""

    version: int
    effective_from: date
    source: str
    attempts: int
    purpose: ConsentPurpose
    items: Mapping[str, tuple[str, ...]]
    guarantors: Terms | None
    sha256: str
    document: Mapping[str, object]

    def terms(self, role: RefreshRole) -> Terms | None:
        """How somebody is asked about in a role; None: not at all."""
        return self if role is RefreshRole.BORROWER else self.guarantors

    def needed(self, applicant_kind: str) -> tuple[str, ...]:
        return tuple(item for item, kinds in self.items.items() if applicant_kind in kinds)


def read_refresh_policy(raw: bytes, kinds: Kinds) -> RefreshPolicy:
    """Raises `InvalidDocument` with the place of the fault."""
    root = read(raw, REFRESH_FORMAT)
    root.allow(
        *("format", "version", "effective_from", "source"),
        *("attempts", "most_a_day", "consent", "items", "intervals", "guarantors"),
    )
    consent = root.child("consent")
    consent.allow("purpose", "texts", "valid_days")
    return RefreshPolicy(
        **_terms(root),
        version=root.integer("version"),
        effective_from=root.date("effective_from"),
        source=root.text("source"),
        attempts=_within(root, "attempts", 20),
        purpose=member(consent, "purpose", ConsentPurpose),
        items=dict(_item(node, member(consent, "purpose", ConsentPurpose), kinds) for node in root.items("items")),
        guarantors=_guarantors(root.child("guarantors")) if root.has("guarantors") else None,
        sha256=sha256(raw).hexdigest(),
        document={name: node.value for name, node in root.members()},
    )


def _guarantors(node: Node) -> Terms:
    """The purpose is that of the borrower's consent; the texts are a guarantor's own."""
    node.allow("most_a_day", "consent", "intervals", "source", "standing")
    node.child("consent").allow("texts", "valid_days")
    node.text("source")
    if node.text("standing") not in STANDINGS:
        node.child("standing").fail(f"must be one of {', '.join(STANDINGS)}")
    return Terms(**_terms(node))


def _terms(node: Node) -> dict[str, Any]:
    consent = node.child("consent")
    return {
        "most_a_day": _within(node, "most_a_day", 1000),
        "texts": tuple(each.as_text() for each in consent.items("texts")),
        "consent_days": _within(consent, "valid_days", 36_500),
        "intervals": tuple(_interval(each) for each in node.items("intervals")),
    }


def _within(node: Node, name: str, most: int) -> int:
    if not 1 <= node.integer(name) <= most:
        node.child(name).fail(f"must be from 1 to {most}")
    return node.integer(name)


def _item(node: Node, purpose: ConsentPurpose, kinds: Kinds) -> tuple[str, tuple[str, ...]]:
    node.allow("item", "applies_to")
    kind = kinds.get(node.text("item"))
    if kind is None or kind.brought_by is not BroughtBy.MACHINE or kind.consent not in (None, purpose):
        node.child("item").fail(f"is not one that a source is asked for, freely or on consent to {purpose}")
    return kind.id, tuple(each.as_text() for each in node.items("applies_to"))


def _interval(node: Node) -> Interval:
    tests = [name for name in ("watched", "grades", "from_amount_minor") if node.has(name)]
    node.allow("every_days", *tests)
    if node.has("watched") and node.child("watched").value is not True:
        node.child("watched").fail("is true where it is given")
    if node.integer("every_days") < 1:
        node.child("every_days").fail("is a day at least: nobody is asked about twice a day")
    return Interval(
        watched="watched" in tests,
        grades=tuple(each.as_text() for each in node.items("grades")) if "grades" in tests else (),
        from_amount_minor=node.integer("from_amount_minor") if "from_amount_minor" in tests else 0,
        every_days=node.integer("every_days"),
    )
