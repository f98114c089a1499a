"""What must be known of an applicant beside his own answers (R3.2): the kinds of items, and the policy that asks for them.

An item that is needed and does not come leads to a person or to a refusal, as the policy says; to nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Final, NamedTuple

from libs.contracts.application import ConsentPurpose
from libs.contracts.scoring import Advice, Without
from libs.contracts.values import LoanRequest
from services.scoring.domain.document import Node, read
from services.scoring.domain.indicators import (
    Answer,
    Catalogue,
    Indicator,
    ProhibitedAttribute,
    Standing,
    Text,
    member,
    read_indicator,
    refuse_prohibited,
    text_of,
)

ITEMS_FORMAT: Final = "puhui.information-items/1"
POLICY_FORMAT: Final = "puhui.information-policy/1"
WHOLE_BPS: Final = 10_000


class BroughtBy(StrEnum):
    """Whether a machine asks a source, or a person brings the item."""

    MACHINE = "machine"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class ItemKind:
    """A kind of item: from which source, on which consent (none: public records), for how many days it counts, and the
    facts in it, each declared as an indicator is. `basis` is the law that it rests on."""

    id: str
    name: Text
    source: str
    brought_by: BroughtBy
    consent: ConsentPurpose | None
    valid_days: int
    basis: str
    facts: Mapping[str, Indicator]

    def taken(self, told: Mapping[str, object]) -> dict[str, Answer]:
        """Every declared fact as it was told; one that is not there or cannot be used is nothing."""
        facts: dict[str, Answer] = {}
        for name, fact in self.facts.items():
            value = told.get(name)
            usable = isinstance(value, (int, str)) and fact.standing(value) is Standing.ANSWERED
            facts[name] = value if usable else None  # type: ignore[assignment]  # `usable` says what it is
        return facts


Kinds = Mapping[str, ItemKind]


class Need(NamedTuple):
    """An item that applications of these kinds of applicant need from an amount on, and what follows without it."""

    item: str
    applies_to: tuple[str, ...]
    from_amount_minor: int
    wait_days: int
    without: Mapping[Without, Advice]


class Finding(NamedTuple):
    """What speaks against an applicant: a number above a limit, or above so many ten-thousandths of what he declared to
    owe a month; or one of these codes."""

    item: str
    fact: str
    above: int | None
    above_declared_bps: int | None
    codes: tuple[str, ...]
    advice: Advice
    code: str
    text: Text

    def holds(self, value: Answer, request: LoanRequest) -> bool:
        """Whether a fact that is known speaks against him."""
        if not isinstance(value, int):
            return value in self.codes
        if self.above is not None:
            return value > self.above
        declared = request.monthly_debt_service.minor
        return value * WHOLE_BPS > declared * (self.above_declared_bps or 0)


@dataclass(frozen=True, slots=True)
class InformationPolicy:
    """One version: what is needed of whom, what follows without it, and which facts speak against an applicant.

    `attempts` is how often a source that does not answer is asked in all.
    """

    version: int
    effective_from: date
    source: str
    attempts: int
    needs: tuple[Need, ...]
    findings: tuple[Finding, ...]
    sha256: str
    document: Mapping[str, object]

    def needed(self, request: LoanRequest) -> tuple[Need, ...]:
        """An amount in another currency than the policy speaks of needs everything."""
        minor = request.amount.minor if request.amount.currency == "CNY" else None
        return tuple(
            need
            for need in self.needs
            if request.applicant_kind.value in need.applies_to and (minor is None or minor >= need.from_amount_minor)
        )


def read_items(raw: bytes, catalogue: Catalogue, prohibited: tuple[ProhibitedAttribute, ...]) -> Kinds:
    """Raises `InvalidDocument`, and `ProhibitedAttributeUsed` for a fact that no decision may rest on."""
    root = read(raw, ITEMS_FORMAT)
    root.allow("format", "version", "items")
    kinds: dict[str, ItemKind] = {}
    for node in root.items("items"):
        kind = _kind(node, catalogue)
        if kind.id in kinds:
            node.fail(f"item {kind.id!r} is declared twice")
        for fact in kind.facts.values():
            refuse_prohibited(fact.id, fact.source_item, prohibited)
        kinds[kind.id] = kind
    return kinds


def _kind(node: Node, catalogue: Catalogue) -> ItemKind:
    node.allow("id", "name", "source", "brought_by", "consent", "valid_days", "basis", "facts")
    consent = node.child("consent").value
    facts = {fact.id: fact for fact in (_fact(each, catalogue) for each in node.items("facts"))}
    if node.integer("valid_days") < 1:
        node.child("valid_days").fail("an item counts for a day at least")
    return ItemKind(
        id=node.text("id"),
        name=text_of(node, "name"),
        source=node.text("source"),
        brought_by=member(node, "brought_by", BroughtBy),
        consent=None if consent is None else member(node, "consent", ConsentPurpose),
        valid_days=node.integer("valid_days"),
        basis=node.text("basis"),
        facts=facts,
    )


def _fact(node: Node, catalogue: Catalogue) -> Indicator:
    """An indicator of the catalogue by its id, or one of this item alone."""
    if not isinstance(node.value, str):
        return read_indicator(node)
    if node.value not in catalogue.indicators:
        node.fail(f"{node.value} is not in the indicator catalogue")
    return catalogue.indicators[node.value]


def read_policy(raw: bytes, kinds: Kinds) -> InformationPolicy:
    """Raises `InvalidDocument` with the place of the fault."""
    root = read(raw, POLICY_FORMAT)
    root.allow("format", "version", "effective_from", "source", "attempts", "needs", "findings")
    if not 1 <= root.integer("attempts") <= 20:
        root.child("attempts").fail("must be from 1 to 20")
    return InformationPolicy(
        version=root.integer("version"),
        effective_from=root.date("effective_from"),
        source=root.text("source"),
        attempts=root.integer("attempts"),
        needs=tuple(_need(node, kinds) for node in root.items("needs")),
        findings=tuple(_finding(node, kinds) for node in root.items("findings")),
        sha256=sha256(raw).hexdigest(),
        document={name: node.value for name, node in root.members()},
    )


def _need(node: Node, kinds: Kinds) -> Need:
    node.allow("item", "applies_to", "from_amount_minor", "wait_days", "without")
    _known(node, kinds)
    without = node.child("without")
    without.allow(*Without)
    if node.integer("from_amount_minor") < 0 or node.integer("wait_days") < 0:
        node.fail("amounts and days are not negative")
    return Need(
        node.text("item"),
        tuple(each.as_text() for each in node.items("applies_to")),
        node.integer("from_amount_minor"),
        node.integer("wait_days"),
        {why: member(without, why, Advice) for why in Without},
    )


def _finding(node: Node, kinds: Kinds) -> Finding:
    tests = [name for name in ("above", "above_declared_bps", "is") if node.has(name)]
    if len(tests) != 1:
        node.fail("needs one of above, above_declared_bps, is")
    node.allow("item", "fact", "advice", "reason", *tests)
    fact = _known(node, kinds).facts.get(node.text("fact"))
    if fact is None:
        node.child("fact").fail("is not declared for this item")
    codes = tuple(each.as_text() for each in node.items("is")) if "is" in tests else ()
    if bool(codes) != bool(fact.codes) or not set(codes) <= set(fact.codes):
        node.fail(f"{fact.id} is {fact.kind}: ask for numbers with above, for its own codes with is")
    reason = node.child("reason")
    reason.allow("code", "text")
    return Finding(
        node.text("item"),
        fact.id,
        node.integer("above") if "above" in tests else None,
        node.integer("above_declared_bps") if "above_declared_bps" in tests else None,
        codes,
        member(node, "advice", Advice),
        reason.text("code"),
        text_of(reason, "text"),
    )


def _known(node: Node, kinds: Kinds) -> ItemKind:
    if node.text("item") not in kinds:
        node.child("item").fail(f"is not one of {', '.join(kinds)}")
    return kinds[node.text("item")]
