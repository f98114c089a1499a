"""What the items that came in, and those that did not, say against scoring an application."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from libs.contracts.application import ConsentPurpose
from libs.contracts.scoring import (
    Advice,
    InformationMissing,
    InformationObtained,
    InformationRequested,
    RequestedItem,
    Without,
)
from services.scoring.domain.card import Card, Reason
from services.scoring.domain.indicators import Answer, Catalogue, Text
from services.scoring.domain.information import InformationPolicy, Kinds

TEXTS: Final[Mapping[Without, Text]] = {
    Without.NO_HIT: Text("查无记录", "nothing is known of the applicant"),
    Without.UNAVAILABLE: Text("无法取得", "could not be obtained"),
    Without.CONFLICTING: Text("身份信息不符", "the identity does not agree"),
    Without.NO_CONSENT: Text("未获授权或授权已撤回", "the applicant does not consent"),
    Without.LATE: Text("未按时提供", "was not brought in time"),
    Without.EXPIRED: Text("已过有效期", "is too old"),
    Without.INCOMPLETE: Text("内容不完整", "is not complete"),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What an application is assessed by: the rules in force on the day of its submission (card None: there is none).
    `challengers` score in the card's shadow."""

    card: Card | None
    challengers: tuple[Card, ...]
    catalogue: Catalogue
    kinds: Kinds
    policy: InformationPolicy


class Concern(NamedTuple):
    """Why an application is not scored, and what the policy says of it."""

    advice: Advice
    reason: Reason


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was asked for, and what became of it."""

    asked: InformationRequested
    obtained: Mapping[str, InformationObtained]
    missing: Mapping[str, InformationMissing]
    withdrawn: Collection[ConsentPurpose] = frozenset()

    @property
    def open(self) -> tuple[RequestedItem, ...]:
        """Items that may still come."""
        return tuple(
            each for each in self.asked.items if each.item not in self.obtained and each.item not in self.missing
        )

    def why_not(self, wanted: RequestedItem, on: date, facts: Collection[str]) -> Without | None:
        """Why an item does not count on a day; None: it does. `facts` must all be known."""
        if wanted.item in self.missing:
            return self.missing[wanted.item].why
        if wanted.consent in self.withdrawn:
            return Without.NO_CONSENT
        item = self.obtained[wanted.item]
        if item.valid_until < on:
            return Without.EXPIRED
        return Without.INCOMPLETE if any(item.facts.get(fact) is None for fact in facts) else None


def concerns(gathered: Gathered, rules: Rules, on: date) -> list[Concern]:
    """Everything that stands against scoring, refusals first; empty when every item came and none speaks against it."""
    return sorted(_concerns(gathered, rules, on), key=lambda concern: concern.advice is not Advice.DECLINE)


def _concerns(gathered: Gathered, rules: Rules, on: date) -> Iterator[Concern]:
    request = gathered.asked.request
    needs = {need.item: need for need in rules.policy.needed(request)}
    for wanted in gathered.asked.items:
        findings = [finding for finding in rules.policy.findings if finding.item == wanted.item]
        why = gathered.why_not(wanted, on, {finding.fact for finding in findings})
        if why is not None:
            yield Concern(needs[wanted.item].without[why], _without(rules.kinds[wanted.item].name, wanted.item, why))
            continue
        facts = gathered.obtained[wanted.item].facts
        for finding in findings:
            if finding.holds(facts[finding.fact], request):
                yield Concern(finding.advice, Reason(finding.code, finding.text))


def facts_of(gathered: Gathered, catalogue: Catalogue) -> dict[str, Answer]:
    """What sources say of indicators: it counts above what the applicant answered, where they say anything."""
    return {
        name: value
        for item in gathered.obtained.values()
        for name, value in item.facts.items()
        if name in catalogue.indicators and value is not None
    }


def _without(name: Text, item: str, why: Without) -> Reason:
    text = TEXTS[why]
    return Reason(
        f"{item}-{why.value.lower().replace('_', '-')}", Text(f"{name.zh_cn}{text.zh_cn}", f"{name.en}: {text.en}")
    )
