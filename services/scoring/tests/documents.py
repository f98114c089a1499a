"""A small card for tests, as a document to bend, and the way to read it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from services.scoring.domain.card import Card
from services.scoring.domain.card_document import read_card

Document = dict[str, Any]


def _text(text: str) -> Document:
    return {"zh-CN": f"中文：{text}", "en": text}


def _reasons(name: str) -> Document:
    return {"low": _text(f"{name} low"), "missing": _text(f"{name} missing"), "unusable": _text(f"{name} unusable")}


_CARD: Document = {
    "format": "puhui.scorecard/1",
    "card_id": "test",
    "version": 1,
    "effective_from": "2026-01-01",
    "title": _text("Test"),
    "applies_to": ["PERSON"],
    "author": "a person",
    "approver": "another person",
    "source": "made up",
    "target": {},
    "scaling": {"base_points": 100},
    "calibration": {"intercept": "-4", "slope": "0.02"},
    "reference": {},
    "build": {},
    "metrics": {},
    "indicators": [
        {
            "id": "term_months",
            "kind": "quantitative",
            "coefficient": "-1",
            "information_value": "0.5",
            "min": 1,
            "max": 120,
            "reference_points": 40,
            "bins": [
                {"label": "short", "below": 12, "points": 80},
                {"label": "middle", "below": 24, "points": 40},
                {"label": "long", "points": 10},
            ],
            "missing": {"label": "missing", "points": 5},
            "unusable": {"label": "unusable", "points": 0},
            "reasons": _reasons("term"),
        },
        {
            "id": "history",
            "kind": "qualitative",
            "coefficient": "-1",
            "information_value": "0.5",
            "reference_points": 40,
            "bins": [
                {"label": "clean", "codes": ["clean", "new"], "points": 90},
                {"label": "delays", "codes": ["delays"], "points": 10},
            ],
            "missing": {"label": "missing", "points": 10},
            "unusable": {"label": "unusable", "points": 10},
            "reasons": _reasons("history"),
        },
    ],
    "grades": [
        {"grade": "A", "min_score": 250, "name": _text("good")},
        {"grade": "B", "min_score": 180, "name": _text("fair")},
        {"grade": "C", "min_score": 0, "name": _text("poor")},
    ],
}


def card_document() -> Document:
    return deepcopy(_CARD)


def to_bytes(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


def card(**changes: object) -> Card:
    return read_card(to_bytes({**card_document(), **changes}))
