"""Whether an approved application falls under an agreement, with which share, and what of it the partner is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from libs.contracts.approval import ApplicationApproved
from libs.contracts.contract import CoLender
from libs.contracts.partners import OWN, SHARE_PARTS, Caps, DataItem, FundingTerms, PartnerRegistered, ShareRule
from libs.contracts.types import plain
from libs.lending.money import Money
from services.partners.domain.split import Shares, apportion, phase_of


@dataclass(frozen=True, slots=True)
class Used:
    """How much of its caps an agreement has used, in minor units: the partner's parts."""

    open_minor: int
    month_minor: int
    borrower_minor: int


def share_for(terms: FundingTerms, approval: ApplicationApproved) -> int | None:
    """The partner's share in millionths by the first rule that fits; None where none does."""
    return next((rule.share_ppm for rule in terms.rules if _fits(rule, approval)), None)


def _fits(rule: ShareRule, approval: ApplicationApproved) -> bool:
    request = approval.request
    return (
        (not rule.products or request.product.code in rule.products)
        and (not rule.grades or approval.basis.grade in rule.grades)
        and (not rule.regions or any(request.region.startswith(region) for region in rule.regions))
    )


def within_caps(caps: Caps, used: Used, amount: Money) -> bool:
    """Whether so much more may be lent under an agreement."""
    limits = (
        (caps.open_max, used.open_minor),
        (caps.month_max, used.month_minor),
        (caps.borrower_max, used.borrower_minor),
    )
    return all(limit is None or before + amount.minor <= limit.minor for limit, before in limits)


def shares_with(partner: str, share_ppm: int) -> Shares:
    return ((partner, share_ppm), (OWN, SHARE_PARTS - share_ppm))


def parts_of(principal: Money, shares: Shares, loan_id: str) -> list[Money]:
    """Each lender's part of the principal, as the sub-ledger will have it to the fen."""
    parts = apportion(principal.minor, shares, phase_of(loan_id))
    return [Money(part, principal.currency) for part in parts]


def co_lenders(
    principal: Money, shares: Shares, loan_id: str, partner: PartnerRegistered, data: Sequence[DataItem]
) -> Sequence[CoLender]:
    """Everybody who lends, as the contract names him: the partner, whose agreement names `data`, and ourselves."""
    result = []
    for (funder, share_ppm), part in zip(shares, parts_of(principal, shares, loan_id), strict=True):
        lender = CoLender(funder=funder, share_ppm=share_ppm, amount=part)
        if funder == partner.partner:
            lender = lender.model_copy(
                update={
                    "legal_name": partner.legal_name,
                    "licence": partner.licence,
                    "subject": partner.subject,
                    "reads_contract": DataItem.CONTRACT in data,
                }
            )
        result.append(lender)
    return tuple(result)


def data_for(items: Sequence[DataItem], approval: ApplicationApproved) -> dict[str, str | int | None]:
    """What the agreement names, and nothing else. There is no contract yet: it is read once it is signed."""
    request, offer, basis = approval.request, approval.offer, approval.basis
    known: dict[DataItem, str | int | None] = {
        DataItem.PRODUCT: request.product.code,
        DataItem.AMOUNT: offer.amount.amount,
        DataItem.INSTALMENTS: offer.instalments,
        DataItem.METHOD: offer.method.value,
        DataItem.ANNUAL_RATE: plain(offer.annual_rate),
        DataItem.PURPOSE: request.purpose,
        DataItem.REGION: request.region,
        DataItem.APPLICANT_KIND: request.applicant_kind.value,
        DataItem.GUARANTEE: request.guarantee.kind.value,
        DataItem.GRADE: basis.grade,
        DataItem.SCORE: basis.score,
        DataItem.MONTHLY_INCOME: request.monthly_income.amount,
        DataItem.MONTHLY_DEBT_SERVICE: request.monthly_debt_service.amount,
    }
    return {item.value: known[item] for item in items if item is not DataItem.CONTRACT}
