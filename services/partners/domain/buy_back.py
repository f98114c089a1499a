"""Buying a partner's part of a late loan from it, as the agreement under which it lends allows.

One proposes it, the ledger says how late the loan was when the date began and what it had earned, and another approves
it at the price that follows. Principal is worth its face value; interest is what the part had earned and nobody had met.
Both follow from the loan's running totals (`split`), so what is recorded late corrects the price to the fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from libs.contracts.partners import (
    BuyBack,
    BuyBackPriced,
    BuyBackProposed,
    BuyBackRefused,
    FunderShare,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money
from services.partners.domain.split import (
    TRANSFERRED,
    TRANSFERRED_INTEREST,
    Amounts,
    Book,
    Shares,
    changes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeBuyBack:
    """`terms`: what the version of the agreement allows; None where it allows nothing of the kind."""

    loan_id: str
    proposal_id: str
    agreement: str
    version: int
    partner: str
    terms: BuyBack | None
    effective_from: date
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBuyBack:
    """The ledger's word on the loan when the date began, in minor units."""

    proposal_id: str
    days_past_due: int
    interest_earned_minor: int
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveBuyBack:
    """`proposal_id` is the one that was read before it is approved."""

    proposal_id: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Proposal:
    """The last buy-back that was proposed, and what came of it."""

    proposed: BuyBackProposed
    priced: BuyBackPriced | None = None
    refused: BuyBackRefused | None = None
    done: bool = False


def shares_after(shares: Shares, seller: str, buyer: str) -> Shares:
    """The buyer holds the seller's share beside his own; the others' places stay."""
    sold = dict(shares)[seller]
    if buyer not in dict(shares):
        return tuple((buyer if funder == seller else funder, share) for funder, share in shares)
    kept = ((funder, share) for funder, share in shares if funder != seller)
    return tuple((funder, share + sold if funder == buyer else share) for funder, share in kept)


def proposed(command: ProposeBuyBack, book: Book, last_moved: date) -> BuyBackProposed:
    if command.terms is None:
        raise Rejected(
            "buy-back-not-agreed",
            f"Version {command.version} of {command.agreement} does not allow it; its partner keeps its part.",
        )
    shares = book.epochs[-1].shares
    refuse_unless(
        command.partner in dict(shares), "share-not-held", f"{command.partner} holds no part of this loan any more."
    )
    refuse_unless(
        command.effective_from <= command.today,
        "buy-back-date-later",
        f"Name a date up to {command.today.isoformat()}, the business date: how late the loan is then is not known before.",
        field="/effective_from",
        status=422,
    )
    last = book.epochs[-1].since
    refuse_unless(
        command.effective_from > last,
        "shares-changed-later",
        f"The shares last changed on {last.isoformat()}; name a later date.",
        field="/effective_from",
        status=422,
    )
    _refuse_moved(command.effective_from, last_moved, status=422)
    _refuse_lost(book)
    return BuyBackProposed(
        loan_id=command.loan_id,
        proposal_id=command.proposal_id,
        agreement=command.agreement,
        version=command.version,
        partner=command.partner,
        terms=command.terms,
        shares=tuple(
            FunderShare(funder=funder, share_ppm=share)
            for funder, share in shares_after(shares, command.partner, command.terms.buyer)
        ),
        effective_from=command.effective_from,
        proposed_by=command.by,
        proposed_on=command.today,
    )


def priced(command: PriceBuyBack, book: Book, asked: BuyBackProposed) -> BuyBackPriced | BuyBackRefused:
    """Whether the agreement's condition is met, and what the partner's part costs as far as is known."""
    earned = command.interest_earned_minor if asked.terms.with_interest else None
    principal, interest = _price(after(book, asked, earned), asked.partner)
    late = command.days_past_due >= asked.terms.days_past_due_min
    if not late or principal <= 0:
        return BuyBackRefused(
            loan_id=asked.loan_id,
            proposal_id=asked.proposal_id,
            reason="nothing-owed" if late else "not-late-enough",
            days_past_due=command.days_past_due,
            refused_on=command.on,
        )
    return BuyBackPriced(
        loan_id=asked.loan_id,
        proposal_id=asked.proposal_id,
        days_past_due=command.days_past_due,
        interest_earned=None if earned is None else Money(earned),
        principal=Money(principal),
        interest=Money(interest),
        priced_on=command.on,
    )


def approved(command: ApproveBuyBack, book: Book, last_moved: date, proposal: Proposal | None) -> Mapping[str, Amounts]:
    """What each lender's accounts change by; raises `Rejected`."""
    if proposal is None or proposal.done:
        raise Rejected("nothing-proposed", "No buy-back of this loan waits for approval; propose it first.")
    asked = proposal.proposed
    refuse_unless(
        command.proposal_id == asked.proposal_id,
        "proposal-not-current",
        f"{asked.proposal_id} waits for approval; read it before you approve it.",
        field="/proposal_id",
    )
    refuse_unless(
        command.by != asked.proposed_by, "four-eyes", "Another person than who proposed it approves it.", status=403
    )
    if proposal.refused is not None:
        raise Rejected(
            "buy-back-refused",
            f"It was {proposal.refused.days_past_due} days past due, and the agreement asks for "
            f"{asked.terms.days_past_due_min}, and for something owed; propose it again when that is so.",
        )
    if proposal.priced is None:
        raise Rejected("not-priced", "The ledger has not said yet how late the loan was; ask again in a moment.")
    _refuse_moved(asked.effective_from, last_moved)
    _refuse_lost(book)
    moved = after(book, asked, earned_minor(proposal.priced))
    price = proposal.priced.principal.minor, proposal.priced.interest.minor
    refuse_unless(
        _price(moved, asked.partner) == price,
        "price-outdated",
        "Something before that date was recorded since; propose it again, at the price that it has now.",
    )
    return moved


def after(book: Book, asked: BuyBackProposed, interest_earned_minor: int | None) -> Mapping[str, Amounts]:
    shares = tuple((share.funder, share.share_ppm) for share in asked.shares)
    return changes(book, book.transfer(asked.effective_from, shares, interest_earned_minor))


def earned_minor(priced: BuyBackPriced) -> int | None:
    return None if priced.interest_earned is None else priced.interest_earned.minor


def evolve(proposal: Proposal | None, event: BuyBackProposed | BuyBackPriced | BuyBackRefused) -> Proposal:
    match event:
        case BuyBackProposed():
            return Proposal(event)
        case BuyBackPriced():
            assert proposal is not None, "proposed before it is priced"
            return replace(proposal, priced=event)
        case BuyBackRefused():
            assert proposal is not None, "proposed before it is refused"
            return replace(proposal, refused=event)


def _price(moved: Mapping[str, Amounts], seller: str) -> tuple[int, int]:
    row = moved.get(seller, {})
    return -row.get(TRANSFERRED, 0), -row.get(TRANSFERRED_INTEREST, 0)


def _refuse_moved(effective_from: date, last_moved: date, status: int = 409) -> None:
    refuse_unless(
        effective_from > last_moved,
        "moved-since",
        f"What counts on {last_moved.isoformat()} was split by the shares before; name "
        f"{(last_moved + timedelta(days=1)).isoformat()} or later.",
        field="/effective_from" if status == 422 else None,
        status=status,
    )


def _refuse_lost(book: Book) -> None:
    refuse_unless(
        book.total.get("written_off", 0) == 0,
        "loan-written-off",
        "This loan was written off: who held it then has borne the loss.",
    )
