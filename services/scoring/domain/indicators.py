"""What an assessment looks at: indicators declared as data (R3.3), and the attributes it must not look at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeVar

from services.scoring.domain.document import InvalidDocument, Node, read

CATALOGUE_FORMAT = "puhui.indicators/1"
PROHIBITED_FORMAT = "puhui.prohibited-attributes/1"

E = TypeVar("E", bound=StrEnum)

Answer = int | str | None
"""What is known of an indicator: a whole number in its unit, a code, or nothing."""


class Text(NamedTuple):
    """A text for people, in the languages of the house."""

    zh_cn: str
    en: str


class Kind(StrEnum):
    QUANTITATIVE = "quantitative"
    QUALITATIVE = "qualitative"


class Category(StrEnum):
    FINANCIAL = "financial"
    NON_FINANCIAL = "non_financial"
    CREDIT_HISTORY = "credit_history"


class Standing(StrEnum):
    """Whether an answer can be used. Neither of the last two may ever count as a good answer."""

    ANSWERED = "answered"
    MISSING = "missing"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One thing that is asked or observed of an applicant.

    A quantitative one has a `unit` and whole-number values in `minimum..maximum`; a qualitative one has `codes`.
    `source_item` names where the value comes from.
    """

    id: str
    name: Text
    kind: Kind
    category: Category
    source_item: str
    unit: str | None
    minimum: int
    maximum: int
    codes: Mapping[str, Text]

    def standing(self, answer: Answer) -> Standing:
        if is_missing(answer):
            return Standing.MISSING
        if self.kind is Kind.QUALITATIVE:
            usable = isinstance(answer, str) and answer in self.codes
        else:
            usable = type(answer) is int and self.minimum <= answer <= self.maximum
        return Standing.ANSWERED if usable else Standing.UNUSABLE


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every indicator that a card may use, by id."""

    version: str
    indicators: Mapping[str, Indicator]


@dataclass(frozen=True, slots=True)
class ProhibitedAttribute:
    """An attribute that no decision may rest on, directly or through a stand-in; `aliases` are other names of it."""

    id: str
    aliases: tuple[str, ...]
    standing: str
    basis: str
    reason: str


class ProhibitedAttributeUsed(ValueError):
    """An indicator is, or is taken from, an attribute that may not be used."""

    def __init__(self, indicator_id: str, attribute: ProhibitedAttribute) -> None:
        super().__init__(f"{indicator_id} uses {attribute.id}: {attribute.reason} ({attribute.basis})")
        self.indicator_id = indicator_id
        self.attribute = attribute


def is_missing(answer: Answer) -> bool:
    return answer is None or answer == ""


def refuse_prohibited(indicator_id: str, source_item: str, attributes: tuple[ProhibitedAttribute, ...]) -> None:
    """Raise `ProhibitedAttributeUsed` when the id or the source item names such an attribute as whole words.

    `applicant_age_band` names `age`; `average_balance` does not.
    """
    places = (_words(indicator_id), _words(source_item))
    for attribute in attributes:
        for name in (attribute.id, *attribute.aliases):
            if any(_words(name) in place for place in places):
                raise ProhibitedAttributeUsed(indicator_id, attribute)


def read_catalogue(raw: bytes) -> Catalogue:
    """The catalogue in a document of format `puhui.indicators/1`; raises `InvalidDocument`."""
    root = read(raw, CATALOGUE_FORMAT)
    root.allow("format", "version", "indicators")
    indicators: dict[str, Indicator] = {}
    for node in root.items("indicators"):
        indicator = read_indicator(node)
        if indicator.id in indicators:
            node.fail(f"indicator {indicator.id!r} is declared twice")
        indicators[indicator.id] = indicator
    return Catalogue(root.text("version"), indicators)


def read_prohibited(raw: bytes) -> tuple[ProhibitedAttribute, ...]:
    """The list in a document of format `puhui.prohibited-attributes/1`; raises `InvalidDocument`."""
    root = read(raw, PROHIBITED_FORMAT)
    root.allow("format", "version", "attributes")
    return tuple(_prohibited(node) for node in root.items("attributes"))


def text_of(node: Node, name: str) -> Text:
    child = node.child(name)
    child.allow("zh-CN", "en")
    return Text(child.text("zh-CN"), child.text("en"))


def read_indicator(node: Node) -> Indicator:
    """One indicator's declaration; raises `InvalidDocument`."""
    kind = member(node, "kind", Kind)
    quantitative = kind is Kind.QUANTITATIVE
    common = ("id", "name", "kind", "category", "source_item")
    node.allow(*common, *(("unit", "min", "max") if quantitative else ("codes",)))
    minimum, maximum = (node.integer("min"), node.integer("max")) if quantitative else (0, 0)
    if minimum > maximum:
        node.fail("min is above max")
    codes = (
        {} if quantitative else {code: text_of(node.child("codes"), code) for code, _ in node.child("codes").members()}
    )
    if not quantitative and len(codes) < 2:
        node.child("codes").fail("needs at least two codes to tell applicants apart")
    return Indicator(
        id=node.text("id"),
        name=text_of(node, "name"),
        kind=kind,
        category=member(node, "category", Category),
        source_item=node.text("source_item"),
        unit=node.text("unit") if quantitative else None,
        minimum=minimum,
        maximum=maximum,
        codes=codes,
    )


def _prohibited(node: Node) -> ProhibitedAttribute:
    node.allow("id", "aliases", "standing", "basis", "reason")
    aliases = node.child("aliases").value
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise InvalidDocument(f"{node.path}/aliases", "must be a list of texts")
    if node.text("standing") not in ("prohibited", "proxy"):
        node.child("standing").fail("must be 'prohibited' or 'proxy'")
    return ProhibitedAttribute(
        node.text("id"), tuple(aliases), node.text("standing"), node.text("basis"), node.text("reason")
    )


def member(node: Node, name: str, kind: type[E]) -> E:
    """A member that is one of an enumeration's values; raises `InvalidDocument`."""
    text = node.text(name)
    if text not in list(kind):
        node.child(name).fail(f"must be one of {', '.join(kind)}")
    return kind(text)


def _words(name: str) -> str:
    """Its words between underscores, so that a substring test compares whole words."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return "_" + re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_") + "_"
