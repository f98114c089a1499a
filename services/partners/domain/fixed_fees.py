"""Fixed fees of an agreement: what one side pays the other for a loan, a month or a settlement, however much moved.

For a loan it is due when that is paid out, by the version under which it is funded, and given back when the payout comes
back. For a month it is due once the month is over, by the version in force on its last day; for a settlement on its date,
by the version in force then. Where notice was given, nothing is due for what is after the last day. All amounts here are
what the partner pays us; negative where we pay the partner.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from libs.contracts.ledger import DisbursementReturned, LoanDisbursed
from libs.contracts.partners import AgreementApproved, FeeEvery, FixedFeeCharged, FundingTerms, Side
from services.partners.domain.agreement import Agreement

TIMES: Final = {LoanDisbursed.type_name: 1, DisbursementReturned.type_name: -1}


def of_loan(terms: FundingTerms, movement_type: str) -> int:
    """What is due, or given back, when this has happened to a loan; minor units."""
    fees = [fee for fee in terms.fixed_fees if fee.per is FeeEvery.LOAN]
    return TIMES.get(movement_type, 0) * sum(
        fee.amount.minor if fee.payer is Side.PARTNER else -fee.amount.minor for fee in fees
    )


def of_months(agreement: Agreement, charged: date | None, today: date) -> Sequence[FixedFeeCharged]:
    """Of months that are over, after the one whose last day is `charged`."""
    if not agreement.approved:
        return []
    found: list[FixedFeeCharged] = []
    end = _end_of_month(charged + timedelta(1) if charged else min(each.effective_from for each in agreement.approved))
    while end < today:
        found += _charged(agreement, FeeEvery.MONTH, end)
        end = _end_of_month(end + timedelta(1))
    return found


def of_settlement(agreement: Agreement, today: date) -> Sequence[FixedFeeCharged]:
    return _charged(agreement, FeeEvery.SETTLEMENT, today)


def _charged(agreement: Agreement, per: FeeEvery, on: date) -> list[FixedFeeCharged]:
    version = _version_on(agreement, on)
    if version is None:
        return []
    return [
        FixedFeeCharged(
            agreement=version.agreement,
            version=version.version,
            per=per,
            charged_on=on,
            amount=fee.amount if fee.payer is Side.PARTNER else -fee.amount,
        )
        for fee in version.terms.fixed_fees
        if fee.per is per
    ]


def _version_on(agreement: Agreement, day: date) -> AgreementApproved | None:
    if agreement.ended is not None and day > agreement.ended.last_day:
        return None
    return next((each for each in reversed(agreement.approved) if each.effective_from <= day), None)


def _end_of_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(31)).replace(day=1) - timedelta(1)
