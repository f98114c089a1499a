"""What a card is to be: read from a JSON file beside this module, checked against catalogue and prohibited list."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.scoring.domain.indicators import (
    Catalogue,
    Kind,
    ProhibitedAttribute,
    read_catalogue,
    read_prohibited,
    refuse_prohibited,
)

HERE = Path(__file__).parent
CATALOGUE_FOLDER = HERE.parents[1] / "services" / "scoring" / "catalogue"


@dataclass(frozen=True)
class Specification:
    """The author's choices: everything of a card that is not learned from data. Fields as in the JSON file.

    `ordered` lists qualitative indicators whose codes stand in the catalogue from worse to better: their points must
    never fall along that order. `indicators` maps each id to the reason told when points were lost.
    """

    card_id: str
    version: int
    effective_from: str
    title: dict[str, str]
    applies_to: list[str]
    author: str
    approver: str
    source: str
    target: dict[str, Any]
    seed: str
    pdo: int
    base_score: int
    base_odds: int
    cutoff_score: int
    indicators: dict[str, dict[str, str]]
    ordered: list[str]
    left_out: dict[str, str]
    grades: list[dict[str, Any]]
    limits: list[dict[str, str]]
    catalogue: Catalogue
    prohibited: tuple[ProhibitedAttribute, ...]

    @property
    def name(self) -> str:
        return f"{self.card_id}-v{self.version}"

    def is_quantitative(self, indicator_id: str) -> bool:
        return self.catalogue.indicators[indicator_id].kind is Kind.QUANTITATIVE

    def codes(self, indicator_id: str) -> list[str]:
        return list(self.catalogue.indicators[indicator_id].codes)


def read_specification(path: Path) -> Specification:
    """Raises `ProhibitedAttributeUsed` for an attribute on the list, `ValueError` for an undeclared indicator."""
    catalogue = read_catalogue((CATALOGUE_FOLDER / "indicators.json").read_bytes())
    prohibited = read_prohibited((CATALOGUE_FOLDER / "prohibited.json").read_bytes())
    specification = Specification(**json.loads(path.read_text("utf-8")), catalogue=catalogue, prohibited=prohibited)
    for indicator_id in specification.indicators:
        declared = catalogue.indicators.get(indicator_id)
        source_item = declared.source_item if declared else ""
        refuse_prohibited(indicator_id, source_item, prohibited)
        if declared is None:
            raise ValueError(f"{indicator_id} is not in the indicator catalogue")
    return specification
