"""Reading a card from its document; everything that would make a score wrong or unfair is refused here, once."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import Final

from services.scoring.domain.card import (
    Bin,
    BinKind,
    Card,
    CardIndicator,
    Grade,
    Meaning,
    Reason,
    Segment,
    probability_table,
)
from services.scoring.domain.document import Node, read
from services.scoring.domain.indicators import Answer, Kind, text_of

CARD_FORMAT: Final = "puhui.scorecard/1"

WIDEST_RANGE: Final = 10_000
"""Scores between the lowest and the highest: the table of probabilities has one entry for each."""


def read_card(raw: bytes) -> Card:
    """The card in a document of format `puhui.scorecard/1`; raises `InvalidDocument` with the place of the fault."""
    root = read(raw, CARD_FORMAT)
    root.allow(
        *("format", "card_id", "version", "effective_from", "effective_to", "title", "author", "approver", "source"),
        *(
            "applies_to",
            "segment",
            "target",
            "scaling",
            "calibration",
            "reference",
            "indicators",
            "grades",
            "build",
            "metrics",
        ),
    )
    for described in ("target", "reference", "build", "metrics"):
        root.child(described).members()
    for required in ("author", "approver", "source"):
        root.text(required)
    base_points = root.child("scaling").integer("base_points")
    indicators = tuple(_indicator(node) for node in root.items("indicators"))
    ids = [each.id for each in indicators]
    if len(set(ids)) != len(ids):
        root.child("indicators").fail("an indicator is listed twice")
    lowest = base_points + sum(min(bin.points for bin in _all_bins(each)) for each in indicators)
    highest = base_points + sum(max(bin.points for bin in _all_bins(each)) for each in indicators)
    if highest - lowest > WIDEST_RANGE:
        root.child("indicators").fail(f"scores from {lowest} to {highest} are more than {WIDEST_RANGE} apart")
    calibration = root.child("calibration")
    slope = calibration.decimal("slope")
    if slope <= 0:
        calibration.child("slope").fail("must be positive: a higher score means a lower probability of default")
    effective_from = root.date("effective_from")
    effective_to = root.date("effective_to") if root.has("effective_to") else None
    if effective_to is not None and effective_to < effective_from:
        root.child("effective_to").fail("is before effective_from")
    grades = _grades(root, lowest)
    return Card(
        card_id=root.text("card_id"),
        version=root.integer("version"),
        title=text_of(root, "title"),
        effective_from=effective_from,
        effective_to=effective_to,
        applies_to=tuple(node.as_text() for node in root.items("applies_to")),
        segment=_segment(root.child("segment")) if root.has("segment") else Segment(),
        base_points=base_points,
        indicators=indicators,
        grades=grades,
        meanings=tuple(
            Meaning(probability, next(band.grade for band in grades if score >= band.minimum_score))
            for score, probability in enumerate(
                probability_table(calibration.decimal("intercept"), slope, lowest, highest), start=lowest
            )
        ),
        lowest_score=lowest,
        sha256=sha256(raw).hexdigest(),
        document={name: node.value for name, node in root.members()},
    )


def _segment(node: Node) -> Segment:
    node.allow("products", "regions")
    if not node.members():
        node.fail("names products or regions; leave it out for all")
    products, regions = (
        tuple(each.as_text() for each in node.items(name)) if node.has(name) else () for name in ("products", "regions")
    )
    return Segment(products, regions)


def _indicator(node: Node) -> CardIndicator:
    common = ("id", "kind", "coefficient", "information_value", "reference_points", "bins", "missing", "unusable")
    if node.text("kind") not in list(Kind):
        node.child("kind").fail(f"must be one of {', '.join(Kind)}")
    kind = Kind(node.text("kind"))
    node.allow(*common, "reasons", *(("min", "max") if kind is Kind.QUANTITATIVE else ()))
    for figure in ("coefficient", "information_value"):
        node.decimal(figure)
    nodes = node.items("bins")
    bins = tuple(_bin(node, each, BinKind.REGULAR) for each in nodes)
    missing, unusable = (_bin(node, node.child(kind), kind) for kind in (BinKind.MISSING, BinKind.UNUSABLE))
    worst = min(bin.points for bin in bins)
    for name, bin in (("missing", missing), ("unusable", unusable)):
        if bin.points > worst:
            node.child(name).fail(f"has {bin.points} points, more than the worst answer with {worst}")
    quantitative = kind is Kind.QUANTITATIVE
    return CardIndicator(
        id=node.text("id"),
        kind=kind,
        reference_points=node.integer("reference_points"),
        bins=bins,
        named={None: missing, "": missing, **({} if quantitative else _codes(nodes, bins))},
        bounds=_bounds(node, nodes) if quantitative else (),
        minimum=node.integer("min") if quantitative else 1,
        maximum=node.integer("max") if quantitative else 0,
        missing=missing,
        unusable=unusable,
    )


def _bin(indicator: Node, node: Node, kind: BinKind) -> Bin:
    regular = kind is BinKind.REGULAR
    node.allow("label", "points", *(("below", "codes", "woe", "applicants", "defaults") if regular else ()))
    indicator_id, points = indicator.text("id"), node.integer("points")
    code = indicator_id.replace("_", "-") + ("" if regular else f"-{kind}")
    return Bin(
        indicator_id=indicator_id,
        label=node.text("label"),
        kind=kind,
        points=points,
        loss=max(0, indicator.integer("reference_points") - points),
        reason=Reason(code, text_of(indicator.child("reasons"), "low" if regular else kind)),
    )


def _bounds(indicator: Node, nodes: list[Node]) -> tuple[int, ...]:
    *inner, last = nodes
    if last.has("below"):
        last.fail("the last bin is open above: it takes everything up to max")
    bounds = (indicator.integer("min"), *(node.integer("below") for node in inner), indicator.integer("max") + 1)
    for lower, upper in pairwise(bounds):
        if lower >= upper:
            indicator.child("bins").fail(f"bins must rise from min to max; {upper} does not follow {lower}")
    return bounds[1:-1]


def _codes(nodes: list[Node], bins: tuple[Bin, ...]) -> dict[Answer, Bin]:
    codes: dict[Answer, Bin] = {}
    for node, bin in zip(nodes, bins, strict=True):
        for each in node.items("codes"):
            code = each.as_text()
            if code in codes:
                each.fail(f"code {code!r} is in two bins")
            codes[code] = bin
    return codes


def _grades(root: Node, lowest: int) -> tuple[Grade, ...]:
    nodes = root.items("grades")
    grades = []
    for node in nodes:
        node.allow("grade", "min_score", "name", "observed_default_rate", "applicants")
        grades.append(Grade(node.text("grade"), node.integer("min_score"), text_of(node, "name")))
    for upper, lower in pairwise(grades):
        if upper.minimum_score <= lower.minimum_score:
            root.child("grades").fail(f"grades must fall; {lower.grade} does not begin below {upper.grade}")
    if grades[-1].minimum_score > lowest:
        nodes[-1].fail(f"the last grade must begin at {lowest} or below, so that every score has a grade")
    return tuple(grades)


def _all_bins(indicator: CardIndicator) -> tuple[Bin, ...]:
    return (*indicator.bins, indicator.missing, indicator.unusable)
