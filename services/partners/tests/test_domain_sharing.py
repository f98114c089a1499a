"""Given what happened, when a command comes, then this follows."""

from __future__ import annotations

from datetime import date

from libs.contracts import examples as ex
from libs.contracts import ledger
from libs.contracts.partners import LoanShared, MovementSplit, SharingProposed
from libs.events.testing import Scenario
from services.partners.domain.movements import MOVING, movement_of
from services.partners.domain.sharing import ApproveSharing, ProposeSharing, SplitMovement
from services.partners.domain.split import Book
from services.partners.handlers import SHARE

DAY = date(2026, 2, 2)
SHARES = (("harbour-bank", 700_000), ("own", 300_000))
PROPOSED = SharingProposed.model_validate(SharingProposed.example)
SHARED = LoanShared.model_validate(LoanShared.example)
PROPOSE = ProposeSharing(
    loan_id=ex.LOAN,
    shares=SHARES,
    effective_from=DAY,
    registered=frozenset({"own", "harbour-bank"}),
    by="finance-2",
    today=DAY,
)
REPAID = ledger.RepaymentReceived.model_validate(ledger.RepaymentReceived.example)
REVERSED = ledger.RepaymentReversed.model_validate(ledger.RepaymentReversed.example)


def split(event: object) -> SplitMovement:
    assert isinstance(event, MOVING)
    return SplitMovement(movement_id="event-1", movement_type=event.type_name, movement=movement_of(event))


def test_two_people_share_a_loan() -> None:
    Scenario(SHARE).when(PROPOSE).then(PROPOSED)
    Scenario(SHARE).given(PROPOSED).when(ApproveSharing(by="finance-2", today=DAY)).refused("four-eyes")
    Scenario(SHARE).given(PROPOSED).when(ApproveSharing(by="finance-1", today=DAY)).then(SHARED)
    Scenario(SHARE).when(ApproveSharing(by="finance-1", today=DAY)).refused("nothing-proposed")


def test_shares_are_of_a_whole_and_of_lenders_that_there_are() -> None:
    half = ProposeSharing(**{**_fields(PROPOSE), "shares": (("own", 500_000),)})
    Scenario(SHARE).when(half).refused("shares-not-whole")
    stranger = ProposeSharing(**{**_fields(PROPOSE), "registered": frozenset({"own"})})
    Scenario(SHARE).when(stranger).refused("lender-unknown")
    Scenario(SHARE).given(PROPOSED, SHARED).when(PROPOSE).refused("shares-changed-later")


def test_a_reversal_counts_on_the_date_of_what_it_reverses_and_takes_it_back_to_the_fen() -> None:
    given = [PROPOSED, SHARED]
    (first,) = SHARE.decide(split(REPAID), SHARE.replay(given))
    (second,) = SHARE.decide(split(REVERSED), SHARE.replay([*given, first]))
    assert isinstance(first, MovementSplit)
    assert isinstance(second, MovementSplit)
    assert second.effective_on == first.effective_on == date(2026, 3, 2)
    assert [-part.amounts.principal for part in second.parts] == [part.amounts.principal for part in first.parts]
    assert sum(part.amounts.principal.minor for part in first.parts) == REPAID.allocated.principal.minor


def test_a_loan_that_nobody_shares_is_not_split() -> None:
    Scenario(SHARE).when(split(REPAID)).then()


def test_cash_of_a_payout_with_a_financed_fee_is_what_left() -> None:
    event = ledger.LoanDisbursed.model_validate(ledger.LoanDisbursed.example)
    principal = sum(row.principal.minor for row in event.plan)
    amounts = movement_of(event).amounts
    assert amounts["disbursed"] == principal
    assert amounts["fee"] - amounts["disbursed"] == -event.amount.minor


def test_every_event_that_moves_money_of_a_loan_has_a_movement() -> None:
    for kind in MOVING:
        movement = movement_of(kind.model_validate(kind.example))
        assert Book.begin(ex.LOAN, SHARES, DAY).move(movement.on, movement.amounts).holdings()


def _fields(command: ProposeSharing) -> dict[str, object]:
    return {name: getattr(command, name) for name in command.__slots__}
