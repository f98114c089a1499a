"""Settling with partners: every movement of their parts as a row, once a cycle netted into one payment, with a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, TypeAlias

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Index, Numeric, String, Table, Text

from libs.contracts.ledger import BusinessDayOpened
from libs.contracts.partners import (
    OWN,
    AgreementApproved,
    CostRepaid,
    CostRepaymentReversed,
    CostReversed,
    CostShared,
    FirstLoss,
    FixedFeeCharged,
    FundedAmounts,
    FunderPart,
    FundingTerms,
    FundsUsed,
    MovementSplit,
    SettlementDue,
    SharesTransferred,
    nothing,
)
from libs.events.codec import Recorded
from libs.events.ids import derive_id
from libs.events.store import Session
from libs.events.subscribers import Reaction
from libs.lending.money import Money
from services.partners import commitments
from services.partners.domain import fixed_fees
from services.partners.domain.agreement import Agreement
from services.partners.domain.cut_off import cut_off_of
from services.partners.domain.losses import Pool
from services.partners.domain.pricing import margin_rate, servicing_rate
from services.partners.domain.settlement import Settle
from services.partners.domain.split import ACCOUNTS, CHANGES_HANDS, TRANSFERRED, TRANSFERRED_INTEREST
from services.partners.handlers import AGREEMENT, FUNDING, SETTLEMENT, SETTLEMENT_DAY, SETTLEMENT_DAY_STREAM
from services.partners.records import RECORDS

BetweenLenders: TypeAlias = SharesTransferred | CostShared | CostReversed | CostRepaid | CostRepaymentReversed
AMOUNTS: Final = (*ACCOUNTS, *CHANGES_HANDS, "funded")
FILED_ALWAYS: Final = (
    *("disbursed", "principal", "interest", "fee", "penalty", "waived", "written_off", "recovered"),
    *(TRANSFERRED, "funded"),
)
"""Columns of every settlement's file, in their order; of the others those come after them on which anything moved."""
FIXED_FEE: Final = "fixed_fee"
ALSO_FILED: Final = (*(name for name in AMOUNTS if name not in FILED_ALWAYS), FIXED_FEE)
MOVEMENT: Final = Table(
    "movement",
    RECORDS,
    Column("sequence", BigInteger, primary_key=True),
    Column("partner", String(64), primary_key=True),
    Column("loan_id", String(80), nullable=False),
    Column("type", Text, nullable=False),
    Column("effective_on", Date, nullable=False),
    *(Column(f"{name}_minor", BigInteger, nullable=False) for name in AMOUNTS),
    Column("fee_rate", Numeric(24, 20), nullable=False),
    Column("pool", String(80), nullable=False),
    Column("lent_minor", BigInteger, nullable=False),
    Column("lost_minor", BigInteger, nullable=False),
    Column("price_rate", Numeric(24, 20), nullable=False),
    Column("fixed_fee_minor", BigInteger, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("cut_off", String(11), nullable=False),
    Column("settlement_id", String(80)),
    Index("movement_open", "partner", postgresql_where="settlement_id is null"),
    Index("movement_of_settlement", "settlement_id", "sequence"),
)
"""A partner's part of a movement, by the place of its event in this service's sequence; settled once. `funded` is what of
a payout the partner had paid before. `pool` is the version of an agreement under which losses are borne otherwise than pro
rata, with what all lenders lent and lost; `price_rate` is what of the income is ours by the partner's price, and
`fixed_fee` what the partner pays us for a loan that was paid out, negative where we pay it or give it back. It was
recorded before the agreement's `cut_off` of a business day, or counts for the next one's settlement."""

SETTLEMENT_MARK: Final = Table("settlement_mark", RECORDS, Column("open", Boolean, primary_key=True))
"""One row while anything is to be settled when the next business day opens."""

DAY_OPENED: Final = Table(
    "day_opened",
    RECORDS,
    Column("business_date", Date, primary_key=True),
    Column("opened_at", DateTime(timezone=True), nullable=False),
)
"""When business days opened, by the clock: cut-off times go by it."""

COLUMNS: Final = tuple(column.name for column in MOVEMENT.c if column.name != "settlement_id")
NOTE: Final = (
    f"insert into movement ({', '.join(COLUMNS)}) values ({', '.join(f'${n + 1}' for n in range(len(COLUMNS)))})"
)
MARK: Final = "insert into settlement_mark (open) values (true) on conflict do nothing"
TAKE_MARK: Final = "delete from settlement_mark returning open"
OPEN: Final = """
    select partner, array_agg(distinct cut_off) as cut_offs from movement
    where settlement_id is null group by partner order by partner"""
TAKE: Final = f"""
    update movement set settlement_id = $2
    where partner = $1 and settlement_id is null and cut_off = $3 and ($4::timestamptz is null or recorded_at < $4)
    returning {", ".join(COLUMNS)}"""
LEFT: Final = "select exists (select from movement where partner = $1 and settlement_id is null)"
OPENED: Final = "insert into day_opened (business_date, opened_at) values ($1, $2) on conflict do nothing"
WITH_FEES: Final = """
    select distinct agreement from agreement_v1
    where partner = $1 and status = 'APPROVED' and terms::jsonb -> 'fixed_fees' <> '[]' order by agreement"""
WITH_MONTHLY_FEES: Final = """
    select distinct partner from agreement_v1
    where status = 'APPROVED' and terms::jsonb -> 'fixed_fees' @> '[{"per": "MONTH"}]' order by partner"""
DAY_BEFORE: Final = "select max(business_date) from day_opened where business_date < $1"
OPENED_BEFORE: Final = "select opened_at from day_opened where business_date < $1 order by business_date desc limit 1"
LINES: Final = f"select {', '.join(COLUMNS)} from movement where settlement_id = $1 order by sequence"
CYCLE: Final = """
    select min((terms::jsonb ->> 'settlement_days')::int) from agreement_v1
    where partner = $1 and status = 'APPROVED' and effective_from <= $2"""


async def note(recorded: Recorded[Any], reaction: Reaction) -> None:
    """Rows for the partners' parts; our own is what is left."""
    event: MovementSplit | BetweenLenders = recorded.event
    parts = {part.funder: part for part in event.parts if part.funder != OWN}
    lenders = event.lenders if isinstance(event, MovementSplit) else ()
    if not parts and not lenders:
        return
    under, at = await _under(reaction, event.loan_id), recorded.metadata.recorded_at
    if isinstance(event, MovementSplit):
        kind, on, at = event.movement_type, event.effective_on, event.recorded_at or at
        fee = fixed_fees.of_loan(under.terms, event.movement_type) if under else 0
        if under and under.terms.first_loss and under.partner in lenders:  # losses count though none of them is its own
            parts.setdefault(under.partner, _no_part(under.partner))
        if under and fee:  # given back also to who has sold its part since
            parts.setdefault(under.partner, _no_part(under.partner))
    else:
        kind, on, fee = recorded.current_type, _effective(event), 0
        await mark(reaction.session)
    for part in parts.values():
        agreed = under if under and under.partner == part.funder else None
        row = _Row(recorded.sequence, part, event.loan_id, kind, on, at)
        if agreed is not None:
            row.cut_off = agreed.terms.cut_off or ""
            row.price_rate = agreed.margin
            row.fixed_fee_minor = fee
            row.fee_rate = servicing_rate(agreed.terms, agreed.margin)
            if isinstance(event, MovementSplit) and part.funder in lenders and agreed.terms.first_loss:
                lost = event.whole.written_off.minor - event.whole.recovered.minor
                row.pool, row.lent_minor, row.lost_minor = agreed.pool, event.whole.disbursed.minor, lost
        await row.insert(reaction.session)


def _effective(event: BetweenLenders) -> date:
    match event:
        case SharesTransferred():
            return event.effective_from
        case CostShared() | CostReversed():
            return event.incurred_on
        case CostRepaid() | CostRepaymentReversed():
            return event.repaid_on


async def note_used(recorded: Recorded[FundsUsed], reaction: Reaction) -> None:
    """What of a payout the partner had paid before: his money, which the settlement gives him no second time."""
    event, at = recorded.event, recorded.event.recorded_at or recorded.metadata.recorded_at
    row = _Row(recorded.sequence, _no_part(event.partner), event.loan_id, recorded.current_type, event.used_on, at)
    row.funded_minor = event.amount.minor
    under = await commitments.agreement_of(reaction.session, event.loan_id)
    if under is not None:
        row.cut_off = (await _version(reaction, *under[1:])).terms.cut_off or ""
    await row.insert(reaction.session)


@dataclass(slots=True)
class _Row:
    sequence: int
    part: FunderPart
    loan_id: str
    kind: str
    on: date
    recorded_at: str
    """By the ledger, or of what is ours by ourselves."""
    funded_minor: int = 0
    fee_rate: Decimal = Decimal(0)
    pool: str = ""
    lent_minor: int = 0
    lost_minor: int = 0
    price_rate: Decimal = Decimal(0)
    fixed_fee_minor: int = 0
    cut_off: str = ""

    async def insert(self, session: Session) -> None:
        minor = [getattr(self.part.amounts, name).minor for name in ACCOUNTS]
        minor += [getattr(self.part, name).minor for name in CHANGES_HANDS]
        where = self.sequence, self.part.funder, self.loan_id, self.kind, self.on
        terms = self.fee_rate, self.pool, self.lent_minor, self.lost_minor, self.price_rate, self.fixed_fee_minor
        until = datetime.fromisoformat(self.recorded_at), self.cut_off
        await session.connection.execute(NOTE, *where, *minor, self.funded_minor, *terms, *until)


@dataclass(frozen=True, slots=True)
class _Under:
    """The version of an agreement under which a loan is funded."""

    pool: str
    partner: str
    terms: FundingTerms
    margin: Decimal


async def _under(reaction: Reaction, loan_id: str) -> _Under | None:
    """None for a loan that was shared otherwise; who bought into one later is no party to its agreement."""
    under = await commitments.agreement_of(reaction.session, loan_id)
    if under is None:
        return None
    application_id, agreement, number = under
    version = await _version(reaction, agreement, number)
    margin: Decimal = Decimal(0)
    if version.terms.price is not None:
        funding, _ = await reaction.commands.state(FUNDING, FUNDING.stream_id(application_id), reaction.session)
        ours = margin_rate(version.terms.price, funding.offers[-1].approval.offer.annual_rate)
        assert ours is not None, "such a loan is offered to nobody at a price"
        margin = ours
    return _Under(f"{agreement}/{number}", version.partner, version.terms, margin)


async def _version(reaction: Reaction, agreement: str, version: int) -> AgreementApproved:
    state, _ = await reaction.commands.state(AGREEMENT, AGREEMENT.stream_id(agreement), reaction.session)
    return state.approved[version - 1]


def _no_part(partner: str) -> FunderPart:
    return FunderPart(funder=partner, amounts=nothing(), transferred=Money(0))


async def mark(session: Session) -> None:
    """Something is to be settled when the next business day opens: noted with the movement itself, since its rows come
    after it."""
    await session.connection.execute(MARK)


async def note_opening(session: Session, recorded: Recorded[BusinessDayOpened]) -> bool:
    """Whether a month is over for which anybody owes a fixed fee: that is to be settled then, whatever moved."""
    opened_at, today = datetime.fromisoformat(recorded.metadata.recorded_at), recorded.event.business_date
    await session.connection.execute(OPENED, today, opened_at)
    before = await session.connection.fetchval(DAY_BEFORE, today)
    if before is None or (before.year, before.month) == (today.year, today.month):
        return False
    owed = bool(await session.connection.fetch(WITH_MONTHLY_FEES))
    if owed:
        await mark(session)
    return owed


async def make_due(reaction: Reaction, today: date) -> None:
    """A business day opened: what moved before is to be settled, where anything did."""
    if await reaction.session.connection.fetchval(TAKE_MARK):
        await reaction.handle(SETTLEMENT_DAY, SETTLEMENT_DAY_STREAM, today, effective_date=today.isoformat())


async def _agreements(reaction: Reaction, partner: str) -> list[Agreement]:
    """Those with a partner in which fixed fees are agreed on."""
    names = await reaction.session.connection.fetch(WITH_FEES, partner)
    streams = [AGREEMENT.stream_id(row["agreement"]) for row in names]
    return [(await reaction.commands.state(AGREEMENT, each, reaction.session))[0] for each in streams]


async def settle(recorded: Recorded[SettlementDue], reaction: Reaction) -> None:
    """Settle with every partner whose cycle is over. All that was recorded before this is among the rows: they are written
    in the order of the sequence. What came late, or after the cut-off of the day that is over, is in the next settlement."""
    today, connection = recorded.event.business_date, reaction.session.connection
    opened_at = await connection.fetchval(OPENED_BEFORE, today)
    cut_offs = {row["partner"]: row["cut_offs"] for row in await connection.fetch(OPEN)}
    for partner in sorted(cut_offs.keys() | {row["partner"] for row in await connection.fetch(WITH_MONTHLY_FEES)}):
        stream_id = SETTLEMENT.stream_id(partner)
        state, _ = await reaction.commands.state(SETTLEMENT, stream_id, reaction.session)
        agreements = await _agreements(reaction, partner)
        fees = [fee for each in agreements for fee in fixed_fees.of_months(each, state.months.get(each.code), today)]
        if partner not in cut_offs and not fees:
            continue
        cycle = await connection.fetchval(CYCLE, partner, today) or 1
        if state.last is not None and (today - state.last).days < cycle:
            await mark(reaction.session)
            continue
        settlement_id = str(derive_id(recorded.event_id, f"settlement/{partner}"))
        taken: list[Any] = []
        for cut_off in cut_offs.get(partner, ()):
            until = cut_off_of(opened_at, cut_off) if cut_off and opened_at else None
            taken += await connection.fetch(TAKE, partner, settlement_id, cut_off, until)
        if await connection.fetchval(LEFT, partner):
            await mark(reaction.session)
        if not taken and not fees:
            continue
        fees += [fee for each in agreements for fee in fixed_fees.of_settlement(each, today)]
        rows = sorted(taken, key=lambda each: each["sequence"])
        command = replace(_netted(settlement_id, partner, rows, fees, today), pools=await _pools(reaction, rows))
        await reaction.handle(SETTLEMENT, stream_id, command, effective_date=today.isoformat())


async def _pools(reaction: Reaction, rows: Sequence[Any]) -> dict[str, tuple[FirstLoss, Pool]]:
    """What was lent and lost, by the version of an agreement whose parties share losses otherwise than pro rata."""
    moved: dict[str, Pool] = {}
    for row in rows:
        if row["pool"]:
            partner_lost = row["written_off_minor"] - row["recovered_minor"]
            more = Pool(row["lent_minor"], row["lost_minor"], partner_lost)
            moved[row["pool"]] = moved.get(row["pool"], Pool()) + more
    pools = {}
    for name, pool in moved.items():
        agreement, _, version = name.rpartition("/")
        terms = (await _version(reaction, agreement, int(version))).terms
        if terms.first_loss is not None and pool != Pool():
            pools[name] = (terms.first_loss, pool)
    return pools


def _netted(settlement_id: str, partner: str, rows: Sequence[Any], fees: Sequence[FixedFeeCharged], on: date) -> Settle:
    sums = {name: sum(row[f"{name}_minor"] for row in rows) for name in AMOUNTS}
    bases: dict[Decimal, int] = {}
    prices: dict[Decimal, int] = {}
    for row in rows:
        base = row["interest_minor"] + row["fee_minor"] + row["penalty_minor"] - row["waived_minor"]
        base -= row["transferred_interest_minor"]  # interest that was sold is income as if the borrower had paid it
        for column, totals in (("fee_rate", bases), ("price_rate", prices)):
            if row[column] and base:
                totals[row[column]] = totals.get(row[column], 0) + base
    return Settle(
        settlement_id=settlement_id,
        partner=partner,
        amounts=FundedAmounts(**{name: Money(sums[name]) for name in ACCOUNTS}),
        transferred=Money(sums[TRANSFERRED]),
        transferred_interest=Money(sums[TRANSFERRED_INTEREST]),
        funded=Money(sums["funded"]),
        fee_bases=bases,
        price_bases=prices,
        loan_fees_minor=sum(row["fixed_fee_minor"] for row in rows),
        fixed_fees=fees,
        movements=len(rows) + len(fees),
        file_sha256=sha256(settlement_file(rows, fees)).hexdigest(),
        on=on,
    )


def settlement_file(rows: Iterable[Any], fees: Sequence[FixedFeeCharged]) -> bytes:
    """Every movement of a settlement as CSV (RFC 4180), in the order of the sequence, then fixed fees that are no loan's:
    the same rows give the same bytes."""
    text, rows = io.StringIO(), list(rows)
    also = [name for name in ALSO_FILED if any(row[f"{name}_minor"] for row in rows) or (name == FIXED_FEE and fees)]
    columns = (*FILED_ALWAYS, *also)
    writer = csv.writer(text)
    writer.writerow(("sequence", "loan_id", "type", "effective_on", "currency", *columns))
    for row in rows:
        amounts = [Money(row[f"{name}_minor"]).amount for name in columns]
        writer.writerow(
            (row["sequence"], row["loan_id"], row["type"], row["effective_on"].isoformat(), "CNY", *amounts)
        )
    for fee in fees:
        amounts = [fee.amount.amount if name == FIXED_FEE else Money(0).amount for name in columns]
        where = f"{fee.agreement}/{fee.version}", f"fixed-fee.{fee.per.lower()}"
        writer.writerow(("", *where, fee.charged_on.isoformat(), "CNY", *amounts))
    return text.getvalue().encode()
