"""The service's rules and texts as data: limits, the lender's particulars, templates. Read and checked once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final

from libs.contracts.values import Named
from services.contract.document.parties import Lender
from services.contract.document.template import Template, read_template
from services.contract.domain.limits import LimitRecord, Limits, limits_on

HERE: Final = Path(__file__).parent
LIMITS_FORMAT: Final = "puhui.contract-limits/1"
LENDER_FORMAT: Final = "puhui.lender/1"


@dataclass(frozen=True, slots=True)
class Library:
    """Everything that a contract is made from, beside the approved request."""

    limits: Sequence[LimitRecord]
    limits_version: int
    lenders: Sequence[Lender]
    templates: Sequence[Template]

    def limits_on(self, day: date) -> Limits:
        return limits_on(self.limits, day)

    def lender_on(self, day: date) -> Lender:
        return max((lender for lender in self.lenders if lender.effective_from <= day), key=_effective_from)

    def template_on(self, day: date) -> Template:
        """The version of the template for contracts that are made out on a day."""
        return max((template for template in self.templates if template.effective_from <= day), key=_version)

    def template(self, template_id: str, version: int) -> Template | None:
        found = (t for t in self.templates if (t.template_id, t.version) == (template_id, version))
        return next(found, None)


def _effective_from(lender: Lender) -> date:
    return lender.effective_from


def _version(template: Template) -> tuple[date, int]:
    return template.effective_from, template.version


@cache
def library() -> Library:
    """The files of this service. Raises `ValueError` when one of them is not of its form."""
    return read_library(HERE / "policy" / "limits.json", HERE / "policy" / "lender.json", HERE / "templates")


def read_library(limits: Path, lender: Path, templates: Path) -> Library:
    rules, particulars = _document(limits, LIMITS_FORMAT), _document(lender, LENDER_FORMAT)
    return Library(
        limits=[_limit(_dated(record)) for record in rules["records"]],
        limits_version=rules["version"],
        lenders=[_lender(_dated(record)) for record in particulars["records"]],
        templates=[read_template(path) for path in sorted(templates.glob("*/template.toml"))],
    )


def _document(path: Path, expected: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if document.get("format") != expected:
        raise ValueError(f"{path.name} is not of the format {expected}")
    return document


def _dated(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"effective_from": date.fromisoformat(record["effective_from"])}


def _limit(record: dict[str, Any]) -> LimitRecord:
    limit = LimitRecord(**record)
    limits_of_kind = {
        "all_in_annual_cost_max": str,
        "overdue_rate_multiplier_max": str,
        "fee_timings_forbidden": list,
        "reading_seconds_min": int,
    }
    if not isinstance(limit.value, limits_of_kind[limit.key]):
        raise ValueError(f"{limit.key}: {limit.value!r} is not of the kind that this limit has")
    return limit


def _lender(record: dict[str, Any]) -> Lender:
    return Lender(**record | {"name": Named(**record["name"]), "address": Named(**record["address"])})
