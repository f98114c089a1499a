"""The rules under which the ledger works on a date. Values and sources are data; this is their form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol, TypeVar

from libs.contracts.contract import Agreement
from libs.contracts.ledger import Bucket, Tier
from libs.lending.delinquency import Bucket as Range
from libs.lending.money import Money


class PolicyError(ValueError):
    """A policy document that cannot be used; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class TierRule:
    """From so many days past due on (0: not overdue) a loan is at least in `tier`, with this provision rate."""

    tier: Tier
    from_days: int
    provision_rate: Decimal


@dataclass(frozen=True, slots=True)
class LprEntry:
    """The loan prime rates (贷款市场报价利率) from a day on."""

    effective_from: date
    one_year: Decimal
    five_year: Decimal


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that an agreement breaks: which one, its value, and what was found."""

    rule: str
    limit: str
    found: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One version of the policy pack. Amounts are of one borrower's loan, rates a year, terms in months."""

    name: str
    version: int
    effective_from: date
    amount_max: Money
    annual_rate_max: Decimal
    overdue_multiplier_max: Decimal
    term_months_max: int
    buckets: tuple[Range, ...]
    tiers: tuple[TierRule, ...]
    write_off_tiers: frozenset[Tier]
    disbursement_attempts_max: int
    period_open_days: int
    non_accrual_from_days: int
    waiver_limits: tuple[tuple[str, Money | None], ...]
    """What each role may let off of one loan at once (None: without limit), the smallest first."""
    lpr_table: tuple[LprEntry, ...]

    def lpr(self, tenor: str, on: date) -> Decimal:
        """The loan prime rate of a day; raises `PolicyError` before the first one known."""
        known = [entry for entry in self.lpr_table if entry.effective_from <= on]
        if not known:
            raise PolicyError(f"no LPR is known for {on}")
        return known[-1].one_year if tenor == "1Y" else known[-1].five_year

    @property
    def label(self) -> str:
        return f"{self.name} v{self.version}"

    @cached_property
    def edges(self) -> tuple[int, ...]:
        """Days past due at which a bucket or a tier begins."""
        days = {found.first_day for found in self.buckets} | {rule.from_days for rule in self.tiers}
        days.add(self.non_accrual_from_days)
        return tuple(sorted(days - {0}))

    def tier(self, days_past_due: int) -> TierRule:
        """The tier of a number of days past due, by the matrix."""
        return next(rule for rule in reversed(self.tiers) if days_past_due >= rule.from_days)

    def provision_rate(self, tier: Tier) -> Decimal:
        return next(rule.provision_rate for rule in self.tiers if rule.tier is tier)

    def first_open_date(self, today: date) -> date:
        """The first value date that an ordinary entry may have: a month is closed some days after its end."""
        this_month = today.replace(day=1)
        if today.day <= self.period_open_days:
            return (this_month - timedelta(days=1)).replace(day=1)
        return this_month

    def breach(self, agreement: Agreement) -> Breach | None:
        """The first limit on amount, rate or term that the agreement breaks (R5.1)."""
        terms, request = agreement.terms, agreement.request
        months = request.instalments * request.period_months
        if terms.principal.currency != self.amount_max.currency:
            return Breach("currency", self.amount_max.currency, terms.principal.currency)
        if terms.principal > self.amount_max:
            return Breach("amount-max", self.amount_max.amount, terms.principal.amount)
        if agreement.overdue_annual_rate > terms.annual_rate * self.overdue_multiplier_max:
            limit = terms.annual_rate * self.overdue_multiplier_max
            return Breach("overdue-rate-max", f"{limit:f}", str(agreement.overdue_annual_rate))
        if terms.annual_rate > self.annual_rate_max:
            return Breach("annual-rate-max", str(self.annual_rate_max), str(terms.annual_rate))
        if agreement.disclosure.irr_annual > self.annual_rate_max:
            return Breach("all-in-cost-max", str(self.annual_rate_max), str(agreement.disclosure.irr_annual))
        if months > self.term_months_max:
            return Breach("term-months-max", str(self.term_months_max), str(months))
        return None


class Dated(Protocol):
    """One version of a rule that holds from a date on."""

    @property
    def effective_from(self) -> date: ...

    @property
    def version(self) -> int: ...


D = TypeVar("D", bound=Dated)


def latest(versions: Iterable[D], on: date) -> D | None:
    """The version in force on a date; None before the first."""
    known = (version for version in versions if version.effective_from <= on)
    return max(known, key=lambda version: (version.effective_from, version.version), default=None)


def in_force(policies: Iterable[Policy], on: date) -> Policy:
    """The version in force on a date; raises `PolicyError` when there is none."""
    policy = latest(policies, on)
    if policy is None:
        raise PolicyError(f"no ledger policy is in force on {on}")
    return policy


def read_policy(document: dict[str, Any]) -> Policy:
    """A policy from its JSON document; raises `PolicyError` for one that contradicts itself."""
    rules = {name: entry["value"] for name, entry in document["rules"].items()}
    policy = Policy(
        name=document["name"],
        version=document["version"],
        effective_from=date.fromisoformat(document["effective_from"]),
        amount_max=Money.of(rules["amount_max"], document["currency"]),
        annual_rate_max=Decimal(rules["annual_rate_max"]),
        overdue_multiplier_max=Decimal(rules["overdue_multiplier_max"]),
        term_months_max=rules["term_months_max"],
        buckets=tuple(
            Range(Bucket(entry["bucket"]), entry["from_days"], entry["to_days"])
            for entry in rules["delinquency_buckets"]
        ),
        tiers=tuple(
            TierRule(Tier(entry["tier"]), entry["from_days"], Decimal(entry["provision_rate"]))
            for entry in rules["classification_matrix"]
        ),
        write_off_tiers=frozenset(Tier(tier) for tier in rules["write_off_tiers"]),
        disbursement_attempts_max=rules["disbursement_attempts_max"],
        period_open_days=rules["period_open_days"],
        non_accrual_from_days=rules["non_accrual_from_days"],
        waiver_limits=tuple(
            (entry["role"], Money.of(entry["limit"], document["currency"]) if entry["limit"] else None)
            for entry in rules["waiver_limits"]
        ),
        lpr_table=tuple(
            LprEntry(date.fromisoformat(entry["from"]), Decimal(entry["1Y"]), Decimal(entry["5Y"]))
            for entry in rules["lpr"]
        ),
    )
    _check(policy)
    return policy


def _check(policy: Policy) -> None:
    if [entry.effective_from for entry in policy.lpr_table] != sorted({e.effective_from for e in policy.lpr_table}):
        raise PolicyError(f"{policy.label}: LPR entries rise in date")
    days = 1
    for found in policy.buckets:
        if found.first_day != days or found.last_day < found.first_day:
            raise PolicyError(f"{policy.label}: buckets join without gap from day 1; {found.name} does not")
        days = found.last_day + 1
    starts = [rule.from_days for rule in policy.tiers]
    if starts != sorted(set(starts)) or starts[0] != 0:
        raise PolicyError(f"{policy.label}: tiers begin at 0 days and rise")
    if {rule.tier for rule in policy.tiers} != set(Tier) or policy.disbursement_attempts_max < 1:
        raise PolicyError(f"{policy.label}: every tier needs a rule, and a disbursement at least one attempt")
