"""The first day past due of a loan that kept to its plan until then, read off its row and its coming instalments: what
`ObserveDay` decides on such a loan, without its events. Of every other loan nothing is said here; it is folded and asked.

This is what keeps a close as cheap for old loans as for young ones: a fold is as long as the loan is old.
"""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from libs.contracts.base import DomainEvent
from libs.contracts.ledger import Bucket, DelinquencyChanged, LoanClassified, LoanPosition
from libs.lending.money import Money
from services.ledger.columns import Columns, F, Kind
from services.ledger.domain.account import NOTHING, Amounts
from services.ledger.domain.meter import Piece
from services.ledger.domain.policy import Policy
from services.ledger.domain.position import bucket, components
from services.ledger.plans import unpack
from services.ledger.portfolio import TIERS

FIRST: Final = 1
"""Days past due on the day after a due date."""
STRAIGHT: Final = {F.KIND: Kind.LINE, F.ACTIVE: 1, F.PLAIN: 1, F.CREDIT: 0, F.HELD: 0, F.SUSPENDED: 0}
"""What the columns of a loan say of which this module speaks."""


def may_be(columns: Columns, n: int, day: date) -> bool:
    """Whether `day` may be a loan's first past due: one instalment is late, since yesterday."""
    late = columns.late.get(n, ())
    is_straight = all(columns.data[column, n] == value for column, value in STRAIGHT.items())
    return is_straight and len(late) == 1 and late[0].origin == day.toordinal() - FIRST


def first_day_late(
    columns: Columns, n: int, plan: bytes, currency: str, day: date, policy: Policy
) -> list[DomainEvent] | None:
    """The events of a loan that `may_be` on its first day past due; None where the loan has to be asked."""
    if not plan or policy.non_accrual_from_days <= FIRST:
        return None
    ahead, on = unpack(plan), day.toordinal()
    missed = next((row for row in ahead.rows if row.due == on - FIRST), None)
    if missed is None or not missed.principal:
        return None
    column = [int(value) for value in columns.data[:, n]]
    running = Piece(column[F.ORIGIN], 0, column[F.SLOPE], column[F.DENOMINATOR], column[F.CAP], column[F.ORIGIN])
    overdue = Amounts(missed.principal, missed.interest, missed.fee, columns.late[n][0].value(on))
    owed = overdue._replace(principal=column[F.PRINCIPAL], interest=missed.interest + running.value(on))
    coming = next((row for row in ahead.rows if row.due > on and row.principal + row.interest + row.fee), None)
    loan_id, tier, was = columns.loan_id(n), policy.tier(FIRST).tier, TIERS[column[F.TIER]]
    delinquent = DelinquencyChanged(
        loan_id=loan_id,
        application_id=str(UUID(bytes=ahead.parties[:16])),
        applicant_id=str(UUID(bytes=ahead.parties[16:])),
        previous=Bucket.CURRENT,
        position=LoanPosition.model_construct(
            as_of=day,
            outstanding=components(owed, currency),
            due=components(overdue, currency),
            overdue=components(overdue, currency),
            days_past_due=FIRST,
            bucket=bucket(policy.buckets, FIRST),
            credit=Money(NOTHING.total, currency),
            next_due=date.fromordinal(coming.due) if coming else None,
            next_amount=Money(coming.principal + coming.interest + coming.fee, currency) if coming else None,
        ),
        changed_on=day,
    )
    if tier is was:
        return [delinquent]
    classified = LoanClassified(
        loan_id=loan_id,
        previous=was,
        tier=tier,
        days_past_due=FIRST,
        provision_rate=f"{policy.provision_rate(tier):f}",
        rule=policy.label,
        classified_on=day,
    )
    return [delinquent, classified]
