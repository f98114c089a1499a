"""Rules of early warning beside those over behaviour: over what sources tell anew, and over those who are linked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from libs.contracts.collections import Severity
from libs.contracts.values import Named, Reason

WHOLE_BPS: Final = 10_000
Fact = int | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningRule:
    """What every rule has. `until_cured`: its warning stands until the arrears of the loan are made good."""

    code: str
    severity: Severity
    until_cured: bool
    text: Named

    @property
    def reason(self) -> Reason:
        return Reason(code=self.code, text=self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRule(WarningRule):
    """A fact of an item that is above a value now, fell or rose by so much (`rose_bps`: ten-thousandths of what it was), or
    is one of these codes; and was not before."""

    item: str
    fact: str
    above: int | None = None
    fell_by: int | None = None
    rose_by: int | None = None
    rose_bps: int | None = None
    codes: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, each: Mapping[str, Any]) -> Self:
        named = {name: value for name, value in each.items() if name != "is"}
        codes = frozenset(each.get("is", ()))
        known = {"severity": Severity(each["severity"]), "text": Named(**each["text"]), "until_cured": False}
        return cls(**{**named, **known, "codes": codes})

    def met(self, before: Fact, after: Fact) -> bool:
        """Whether a fact that was known so, and is told so now, is a warning. Without a value before, nothing fell or rose."""
        if self.codes:
            return after in self.codes and before not in self.codes
        if not isinstance(after, int):
            return False
        was = before if isinstance(before, int) else None
        if self.above is not None:
            return after > self.above and (was is None or was <= self.above)
        if was is None:
            return False
        if self.fell_by is not None:
            return was - after >= self.fell_by
        enough = self.rose_by is None or after - was >= self.rose_by
        return after > was and enough and after * WHOLE_BPS >= was * (WHOLE_BPS + (self.rose_bps or 0))

    def faults(self) -> list[str]:
        """What would make the rule look at nothing, or at two things."""
        rose = self.rose_by is not None or self.rose_bps is not None
        tests = [self.above is not None, self.fell_by is not None, rose, bool(self.codes)]
        least = [each for each in (self.fell_by, self.rose_by, self.rose_bps) if each is not None]
        if sum(tests) == 1 and all(each >= 1 for each in least):
            return []
        return [f"{self.code} needs one of above, fell_by, rose_by or rose_bps, is; by 1 or more"]


class Link(StrEnum):
    """How somebody is linked with a borrower."""

    GUARANTOR = "GUARANTOR"
    """He answers for the borrower's loan, and agreed to it in writing."""
    CONNECTED = "CONNECTED"
    """Both count as one risk."""


class News(StrEnum):
    """What befalls somebody that others are warned of."""

    OVERDUE = "OVERDUE"
    """He fell behind on a loan of his own."""
    WATCHED = "WATCHED"
    """He was put on the watch list, for a reason of his own."""
    ADVERSE_ITEM = "ADVERSE_ITEM"
    """A source tells of him what a rule over facts warns of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRule(WarningRule):
    """News of somebody who is so linked."""

    link: Link
    news: News

    @classmethod
    def from_json(cls, each: Mapping[str, Any]) -> Self:
        known = {"severity": Severity(each["severity"]), "text": Named(**each["text"]), "until_cured": False}
        return cls(**{**each, **known, "link": Link(each["link"]), "news": News(each["news"])})
