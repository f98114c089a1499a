"""How much one borrower, a group of connected ones, or a part of the book may owe at most: dated limits and their lines.

A line is what a limit is measured on: one borrower, one group, one product. What is approved counts on every line that
it belongs to until it lapses or is paid back: so the approval itself is the reservation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self

from libs.contracts.approval import ExposureLine
from libs.contracts.values import LoanRequest, Reason
from libs.lending.money import Money

BASIS_POINTS: Final = 10_000
WATCH_LIMIT: Final = "watch-limit"
"""The rule of a line whose limit was lowered for a borrower on the watch list."""


class Dimension(StrEnum):
    """What a limit is about: one borrower, all that are connected with him, or a part of the book."""

    BORROWER = "borrower"
    GROUP = "group"
    PRODUCT = "product"
    REGION = "region"
    PURPOSE = "purpose"


@dataclass(frozen=True, slots=True)
class Limit:
    """One rule: an amount, or a share of the net assets. `of` narrows a dimension to one of its values; the others say
    to which requests the rule applies (empty: to all)."""

    code: str
    dimension: Dimension
    effective_from: date
    source: str
    standing: str
    amount: Money | None
    share_bps: int | None
    of: str = ""
    applicant_kind: str = ""
    product_kind: str = ""
    channel: str = ""

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        amount, share = document.get("amount"), document.get("share_bps")
        if (amount is None) == (share is None):
            raise ValueError(f"{document['code']}: give an amount or a share of the net assets, not both")
        names = ("code", "source", "standing", "of", "applicant_kind", "product_kind", "channel")
        return cls(
            dimension=Dimension(document["dimension"]),
            effective_from=date.fromisoformat(document["effective_from"]),
            amount=None if amount is None else Money.of(amount),
            share_bps=share,
            **{name: document[name] for name in names if name in document},
        )

    def applies_to(self, request: LoanRequest, key: str) -> bool:
        return (
            self.of in ("", key)
            and self.applicant_kind in ("", request.applicant_kind.value)
            and self.product_kind in ("", request.product.kind)
            and self.channel in ("", request.channel.value)
        )


@dataclass(frozen=True, slots=True)
class Line:
    """What counts together, with the least limit that holds for the request at hand."""

    name: str
    limit: Money
    rule: str


@dataclass(frozen=True, slots=True)
class Referral:
    """Where an application goes that the table would approve and a limit does not allow."""

    queue: str
    four_eyes: bool
    reason: Reason


@dataclass(frozen=True, slots=True)
class ExposurePolicy:
    """All limits with the dates from which they hold. `net_assets`: amounts by the date from which they are used."""

    version: int
    referral: Referral
    net_assets: Sequence[tuple[date, Money]]
    limits: Sequence[Limit]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Raises `KeyError` or `ValueError` for a document that must not be used."""
        referral = document["referral"]
        return cls(
            version=document["version"],
            referral=Referral(referral["queue"], referral["four_eyes"], Reason.model_validate(referral["reason"])),
            net_assets=sorted(
                (date.fromisoformat(each["effective_from"]), Money.of(each["amount"]))
                for each in document["net_assets"]
            ),
            limits=tuple(map(Limit.from_json, document["limits"])),
        )

    def in_force(self, on: date) -> list[Limit]:
        """Of every rule the latest version that holds on a date."""
        latest: dict[tuple[str, str], Limit] = {}
        for limit in sorted(self.limits, key=lambda limit: limit.effective_from):
            if limit.effective_from <= on:
                latest[limit.code, limit.of] = limit
        return list(latest.values())

    def amount_of(self, limit: Limit, on: date) -> Money:
        """What a rule comes to on a date, rounded down; raises `LookupError` without net assets for that date."""
        if limit.amount is not None:
            return limit.amount
        known = [amount for effective_from, amount in self.net_assets if effective_from <= on]
        if not known:
            raise LookupError(f"no net assets are known for {on}")
        assert limit.share_bps is not None, "a limit is an amount or a share"
        return Money(known[-1].minor * limit.share_bps // BASIS_POINTS, known[-1].currency)

    def lines(self, request: LoanRequest, group: str, on: date, lowered: Money | None = None) -> list[Line]:
        """The lines that a request belongs to, each with the least of its limits in force; `group` is empty for a
        borrower who is connected with nobody, `lowered` is the limit of one who is watched."""
        if request.amount.currency != self.currency:
            nothing = Money(0, request.amount.currency)
            return [Line(line_name(Dimension.BORROWER, request.applicant_id), nothing, "no-limit-in-currency")]
        own = line_name(Dimension.BORROWER, request.applicant_id)
        found = {} if lowered is None else {own: Line(own, lowered, WATCH_LIMIT)}
        for limit in self.in_force(on):
            key = _keys(request, group)[limit.dimension]
            if not key or not limit.applies_to(request, key):
                continue
            line = Line(line_name(limit.dimension, key), self.amount_of(limit, on), limit.code)
            if line.name not in found or line.limit.minor < found[line.name].limit.minor:
                found[line.name] = line
        return sorted(found.values(), key=lambda line: line.name)

    @property
    def currency(self) -> str:
        return self.net_assets[0][1].currency

    def counted(self, request: LoanRequest, group: str) -> list[str]:
        """The lines on which an approved request counts, in order: the borrower's, his group's, and those that any
        limit is about, whether it holds today or only later, and whomever it applies to."""
        keys = _keys(request, group)
        about = {(Dimension.BORROWER, ""), (Dimension.GROUP, "")} | {(each.dimension, each.of) for each in self.limits}
        names = {
            line_name(dimension, keys[dimension])
            for dimension, of in about
            if keys[dimension] and of in ("", keys[dimension])
        }
        return sorted(names)


def _keys(request: LoanRequest, group: str) -> Mapping[Dimension, str]:
    return {
        Dimension.BORROWER: request.applicant_id,
        Dimension.GROUP: group,
        Dimension.PRODUCT: request.product.code,
        Dimension.REGION: request.region,
        Dimension.PURPOSE: request.purpose,
    }


def line_name(dimension: Dimension, key: str) -> str:
    return f"{dimension.value}:{key}"


def tightest(lines: Sequence[ExposureLine]) -> ExposureLine | None:
    """The line with the least room; None without any."""
    return min(lines, key=room, default=None)


def room(line: ExposureLine) -> int:
    """What may still be lent on a line, in minor units; below zero where a limit has come down since."""
    return line.limit.minor - line.used.minor
