"""A card document with a fault is refused, and the fault is named by its place."""

from collections.abc import Callable

import pytest

from services.scoring.domain.card_document import read_card
from services.scoring.domain.document import MAX_BYTES, InvalidDocument
from services.scoring.tests.documents import Document, card_document, to_bytes

Change = Callable[[Document], object]


def _first(document: Document) -> Document:
    found: Document = document["indicators"][0]
    return found


def _second(document: Document) -> Document:
    found: Document = document["indicators"][1]
    return found


FAULTS: dict[str, tuple[Change, str, str]] = {
    "foreign format": (lambda d: d.update(format="other/1"), "/format", "this reader knows"),
    "unknown member": (lambda d: d.update(effectiv_to="2027-01-01"), "", "unknown member 'effectiv_to'"),
    "missing member": (lambda d: d.pop("version"), "", "member 'version' is missing"),
    "version is a text": (lambda d: d.update(version="1"), "/version", "must be an integer"),
    "version is true": (lambda d: d.update(version=True), "/version", "must be an integer"),
    "empty author": (lambda d: d.update(author=" "), "/author", "must be a text"),
    "no such day": (lambda d: d.update(effective_from="2026-02-30"), "/effective_from", "must be a date"),
    "ends before it begins": (lambda d: d.update(effective_to="2025-12-31"), "/effective_to", "before effective_from"),
    "target is a text": (lambda d: d.update(target="bad"), "/target", "must be an object"),
    "for nobody": (lambda d: d.update(applies_to=[]), "/applies_to", "at least one element"),
    "for a number": (lambda d: d.update(applies_to=[1]), "/applies_to/0", "must be a text"),
    "no indicators": (lambda d: d.update(indicators=[]), "/indicators", "at least one element"),
    "indicator twice": (lambda d: d["indicators"].append(_first(d)), "/indicators", "listed twice"),
    "scores too far apart": (
        lambda d: _first(d)["bins"][0].update(points=20_000),
        "/indicators",
        "more than 10000 apart",
    ),
    "slope of nothing": (lambda d: d["calibration"].update(slope="0"), "/calibration/slope", "must be positive"),
    "slope is no number": (lambda d: d["calibration"].update(slope="x"), "/calibration/slope", "decimal number"),
    "slope is infinite": (lambda d: d["calibration"].update(slope="Infinity"), "/calibration/slope", "decimal number"),
    "unknown kind": (lambda d: _first(d).update(kind="vague"), "/indicators/0/kind", "must be one of"),
    "range on a qualitative one": (lambda d: _second(d).update(min=1), "/indicators/1", "unknown member 'min'"),
    "missing beats the worst": (
        lambda d: _first(d)["missing"].update(points=11),
        "/indicators/0/missing",
        "more than the worst answer with 10",
    ),
    "unusable beats the worst": (
        lambda d: _second(d)["unusable"].update(points=11),
        "/indicators/1/unusable",
        "more than the worst answer with 10",
    ),
    "last bin closed": (lambda d: _first(d)["bins"][2].update(below=99), "/indicators/0/bins/2", "open above"),
    "bins fall": (lambda d: _first(d)["bins"][1].update(below=12), "/indicators/0/bins", "12 does not follow 12"),
    "first bin empty": (lambda d: _first(d)["bins"][0].update(below=1), "/indicators/0/bins", "1 does not follow 1"),
    "last bin empty": (lambda d: _first(d).update(max=23), "/indicators/0/bins", "24 does not follow 24"),
    "code in two bins": (
        lambda d: _second(d)["bins"][1]["codes"].append("new"),
        "/indicators/1/bins/1/codes/1",
        "in two bins",
    ),
    "code is a number": (
        lambda d: _second(d)["bins"][1]["codes"].append(7),
        "/indicators/1/bins/1/codes/1",
        "must be a text",
    ),
    "no English reason": (
        lambda d: _first(d)["reasons"]["low"].pop("en"),
        "/indicators/0/reasons/low",
        "member 'en' is missing",
    ),
    "grades rise": (lambda d: d["grades"][1].update(min_score=260), "/grades", "B does not begin below A"),
    "scores without a grade": (lambda d: d["grades"][2].update(min_score=111), "/grades/2", "begin at 110 or below"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_and_named(fault: str) -> None:
    change, path, reason = FAULTS[fault]
    document = card_document()
    change(document)
    with pytest.raises(InvalidDocument) as caught:
        read_card(to_bytes(document))
    assert caught.value.path == path
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be an object"),
        (b'{"format": 1.5}', "1.5 is a float"),
        (b'{"format": NaN}', "NaN is a float"),
        (b'{"format": "a", "format": "b"}', "'format' is given twice"),
        (b" " * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_document_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason):
        read_card(raw)


def test_the_hash_is_that_of_the_bytes() -> None:
    raw = to_bytes(card_document())
    assert read_card(raw).sha256 != read_card(raw + b"\n").sha256
    assert len(read_card(raw).sha256) == 64
