"""The decider of an agreement with a partner: versions that two people approve, until notice is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from libs.contracts.partners import (
    SHARE_PARTS,
    AgreementApproved,
    AgreementEnded,
    AgreementProposed,
    BuyBack,
    ContactRole,
    FirstLoss,
    FixedFee,
    FundingTerms,
    Side,
)
from libs.contracts.problems import Rejected, refuse_unless
from libs.lending.money import Money

CURRENCY: Final = "CNY"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLossRule:
    """That this side may bear losses first, up to this many millionths of what was lent where there is a limit."""

    bearer: Side
    cap_max_ppm: int | None
    source: str
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """What rules of law leave open for shares, in millionths; the document says where they stand. Who is not named in
    `first_loss` may not bear losses first, and `first_loss_source` says why; `buy_back` is whether a partner's part of a
    late loan may be bought from it."""

    regime: str
    effective_from: date
    own_share_min_ppm: int
    partner_share_min_ppm: int
    source: str
    standing: str
    first_loss: Sequence[FirstLossRule]
    first_loss_source: str
    first_loss_standing: str
    buy_back: bool
    buy_back_source: str
    buy_back_standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposeAgreement:
    """`regimes`: those that there are on the day from which the version is to be in force; `registered`: the lenders
    there are, ourselves included."""

    agreement: str
    partner: str
    terms: FundingTerms
    effective_from: date
    regimes: Sequence[Regime]
    registered: frozenset[str]
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveAgreement:
    """`version` is the one that was read before it is approved; `roles_missing`: for what its partner has no contact person
    on the day from which it is to be in force."""

    version: int
    roles_missing: Sequence[ContactRole] = ()
    by: str
    today: date


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAgreement:
    last_day: date
    reason: str
    by: str
    today: date


@dataclass(frozen=True, slots=True)
class Agreement:
    """The versions that were approved, the one that waits for approval, and the notice."""

    proposed: AgreementProposed | None = None
    approved: tuple[AgreementApproved, ...] = ()
    ended: AgreementEnded | None = None

    @property
    def code(self) -> str:
        latest = self.proposed or (self.approved[-1] if self.approved else None)
        return latest.agreement if latest else ""

    @property
    def partner(self) -> str:
        latest = self.proposed or (self.approved[-1] if self.approved else None)
        return latest.partner if latest else ""


Command: TypeAlias = ProposeAgreement | ApproveAgreement | EndAgreement
Event: TypeAlias = AgreementProposed | AgreementApproved | AgreementEnded
INITIAL: Final = Agreement()


def decide(command: Command, state: Agreement) -> Sequence[Event]:
    match command:
        case ProposeAgreement():
            return [_proposed(command, state)]
        case ApproveAgreement():
            return [_approved(command, state)]
        case EndAgreement():
            return [_ended(command, state)]


def evolve(state: Agreement, event: Event) -> Agreement:
    match event:
        case AgreementProposed():
            return replace(state, proposed=event)
        case AgreementApproved():
            return replace(state, proposed=None, approved=(*state.approved, event))
        case AgreementEnded():
            return replace(state, ended=event)


def _proposed(command: ProposeAgreement, state: Agreement) -> AgreementProposed:
    refuse_unless(state.ended is None, "agreement-ended", "This agreement was given notice; make another one.")
    refuse_unless(
        state.partner in ("", command.partner),
        "agreement-of-another",
        "An agreement by this code is with another partner; choose another code.",
        field="/partner",
    )
    _refuse_past(command.effective_from, command.today)
    regime = next((each for each in command.regimes if each.regime == command.terms.regime), None)
    if regime is None:
        there = ", ".join(each.regime for each in command.regimes) or "none"
        raise Rejected(
            "regime-unknown", f"Name a regime that is in force then: {there}.", field="/terms/regime", status=422
        )
    for number, rule in enumerate(command.terms.rules):
        _refuse_share(rule.share_ppm, regime, f"/terms/rules/{number}/share_ppm")
    for name, cap in command.terms.caps:
        _refuse_currency(cap, f"/terms/caps/{name}/currency")
    if command.terms.first_loss is not None:
        _refuse_first_loss(command.terms.first_loss, regime)
    if command.terms.buy_back is not None:
        _refuse_buy_back(command.terms.buy_back, regime, command.registered - {command.partner})
    kinds = [rule.kind for rule in command.terms.costs]
    refuse_unless(
        len(set(kinds)) == len(kinds),
        "cost-kind-twice",
        "Say once who bears costs of a kind.",
        field="/terms/costs",
        status=422,
    )
    _refuse_fixed_fees(command.terms.fixed_fees)
    price = command.terms.price
    refuse_unless(
        price is None or (price.annual_rate is None) != (price.spread is None),
        "price-ambiguous",
        "Name the partner's own rate (`annual_rate`) or the spread that stays with us (`spread`), one of the two.",
        field="/terms/price",
        status=422,
    )
    return AgreementProposed(
        agreement=command.agreement,
        version=len(state.approved) + 1,
        partner=command.partner,
        terms=command.terms,
        effective_from=command.effective_from,
        proposed_by=command.by,
        proposed_on=command.today,
    )


def _refuse_fixed_fees(fees: Sequence[FixedFee]) -> None:
    for number, fee in enumerate(fees):
        field = f"/terms/fixed_fees/{number}"
        _refuse_currency(fee.amount, f"{field}/amount/currency")
        refuse_unless(
            fee.amount.minor > 0,
            "fixed-fee-not-positive",
            "Name an amount above zero; who pays it is `payer`.",
            field=f"{field}/amount",
            status=422,
        )
        refuse_unless(
            (fee.per, fee.payer) not in [(other.per, other.payer) for other in fees[:number]],
            "fixed-fee-twice",
            "Say once what a side pays for each loan, month or settlement.",
            field=field,
            status=422,
        )


def _refuse_currency(cap: Money | None, field: str) -> None:
    refuse_unless(
        cap is None or cap.currency == CURRENCY,
        "wrong-currency",
        f"Loans are in {CURRENCY}; name amounts in it.",
        field=field,
        status=422,
    )


def _refuse_first_loss(first_loss: FirstLoss, regime: Regime) -> None:
    _refuse_currency(first_loss.cap, "/terms/first_loss/cap/currency")
    refuse_unless(
        first_loss.cap is not None or first_loss.cap_rate is not None,
        "first-loss-without-cap",
        "Say up to what losses are borne first: an amount (`cap`), or a part of what is lent (`cap_rate`).",
        field="/terms/first_loss/cap_rate",
        status=422,
    )
    rule = next((each for each in regime.first_loss if each.bearer is first_loss.bearer), None)
    if rule is None:
        raise Rejected(
            "first-loss-forbidden",
            f"{regime.regime} does not admit that this side bears losses first ({regime.first_loss_source}).",
            field="/terms/first_loss/bearer",
            status=422,
        )
    limit = None if rule.cap_max_ppm is None else Decimal(rule.cap_max_ppm) / SHARE_PARTS
    refuse_unless(
        limit is None or (first_loss.cap_rate is not None and first_loss.cap_rate <= limit),
        "first-loss-outside-regime",
        f"{regime.regime} admits at most {limit} of what is lent as `cap_rate` ({rule.source}).",
        field="/terms/first_loss/cap_rate",
        status=422,
    )


def _refuse_buy_back(buy_back: BuyBack, regime: Regime, may_buy: frozenset[str]) -> None:
    refuse_unless(
        regime.buy_back,
        "buy-back-forbidden",
        f"{regime.regime} does not admit that a partner's part is bought from it ({regime.buy_back_source}).",
        field="/terms/buy_back",
        status=422,
    )
    refuse_unless(
        buy_back.buyer in may_buy,
        "buyer-unknown",
        f"Name who buys: `own`, or another registered lender; {buy_back.buyer} is none.",
        field="/terms/buy_back/buyer",
        status=422,
    )


def _refuse_past(effective_from: date, today: date) -> None:
    refuse_unless(
        effective_from >= today,
        "agreement-date-passed",
        f"Name a date from {today.isoformat()} on, the business date: what was decided stands.",
        field="/effective_from",
        status=422,
    )


def _refuse_share(share_ppm: int, regime: Regime, field: str) -> None:
    most = min(SHARE_PARTS - 1, SHARE_PARTS - regime.own_share_min_ppm)
    refuse_unless(
        regime.partner_share_min_ppm <= share_ppm <= most,
        "share-outside-regime",
        f"{regime.regime} admits a partner's share of {regime.partner_share_min_ppm} to {most} millionths "
        f"({regime.source}).",
        field=field,
        status=422,
    )


def _approved(command: ApproveAgreement, state: Agreement) -> AgreementApproved:
    proposed = state.proposed
    if proposed is None:
        raise Rejected("nothing-proposed", "No version of this agreement waits for approval.", status=409)
    refuse_unless(
        command.version == proposed.version,
        "version-not-proposed",
        f"Version {proposed.version} waits for approval; read it before you approve it.",
        field="/version",
    )
    refuse_unless(
        command.by != proposed.proposed_by, "four-eyes", "Another person than who proposed it approves it.", status=403
    )
    refuse_unless(state.ended is None, "agreement-ended", "This agreement was given notice; make another one.")
    refuse_unless(
        proposed.effective_from >= command.today,
        "agreement-date-passed",
        f"It was to be in force from {proposed.effective_from.isoformat()}, which has passed; propose it anew.",
    )
    refuse_unless(
        not command.roles_missing,
        "contacts-missing",
        f"Name contact persons of {proposed.partner} who are valid on {proposed.effective_from.isoformat()} for "
        f"{', '.join(command.roles_missing)} (POST /partners/partners/{proposed.partner}/contacts), then approve it.",
    )
    return AgreementApproved(
        agreement=proposed.agreement,
        version=proposed.version,
        partner=proposed.partner,
        terms=proposed.terms,
        effective_from=proposed.effective_from,
        proposed_by=proposed.proposed_by,
        approved_by=command.by,
        approved_on=command.today,
    )


def _ended(command: EndAgreement, state: Agreement) -> AgreementEnded:
    if not state.approved:
        raise Rejected("agreement-not-found", "There is no approved agreement by this code.", status=404)
    refuse_unless(state.ended is None, "agreement-ended", "Notice was given already.")
    latest = state.approved[-1]
    earliest = command.today + timedelta(latest.terms.notice_days)
    refuse_unless(
        command.last_day >= earliest,
        "notice-too-short",
        f"Notice is {latest.terms.notice_days} days: name {earliest.isoformat()} or later.",
        field="/last_day",
        status=422,
    )
    return AgreementEnded(
        agreement=latest.agreement,
        partner=latest.partner,
        versions=latest.version,
        last_day=command.last_day,
        reason=command.reason,
        ended_by=command.by,
        ended_on=command.today,
    )
