"""What partners are told: events of loans that they fund, with their own part and nothing of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar, Final

from libs.contracts.base import EVENT_TYPES
from libs.contracts.ledger import (
    BusinessDayOpened,
    DelinquencyChanged,
    LoanBooked,
    LoanClassified,
    LoanDisbursed,
    LoanSettled,
    LoanStated,
)
from libs.contracts.partners import (
    OWN,
    CostRepaid,
    CostRepaymentReversed,
    CostReversed,
    CostShared,
    FunderPart,
    FundingAnswered,
    FundingClarified,
    FundingLapsed,
    FundingOffered,
    FundingWithdrawn,
    FundsCalled,
    FundsMissing,
    FundsReleased,
    FundsReserved,
    MovementSplit,
    SettlementMade,
    SharesTransferred,
)
from libs.events.canonical import canonical
from libs.events.codec import Recorded
from libs.events.commands import CommandHandler
from libs.events.envelope import Actor
from libs.events.ids import derive_id
from libs.events.store import Session
from libs.events.subscribers import Reaction
from services.partners import commitments, payout, settling
from services.partners.domain.buy_back import PriceBuyBack
from services.partners.domain.movements import MOVING, movement_of
from services.partners.domain.sharing import ShareAsAgreed, Sharing, SplitMovement
from services.partners.handlers import SHARE
from services.partners.records import Told, shared_streams, tell

TOLD_ALSO: Final = (DelinquencyChanged, LoanClassified, LoanSettled)
OF_LOANS: Final = frozenset(event.type_name for event in (*MOVING, *TOLD_ALSO))
OF_FUNDING: Final = frozenset(
    event.type_name for event in (FundingOffered, FundingClarified, FundingAnswered, FundingLapsed, FundingWithdrawn)
)
OF_MONEY: Final = frozenset(
    event.type_name for event in (FundsReserved, FundsCalled, FundsMissing, FundsReleased, SettlementMade)
)
BETWEEN_LENDERS: Final = (SharesTransferred, CostShared, CostReversed, CostRepaid, CostRepaymentReversed)
"""What lenders owe one another without the borrower: each is told its own part."""
TYPES: Final = OF_LOANS | OF_FUNDING | OF_MONEY | {event.type_name for event in BETWEEN_LENDERS}
"""What an endpoint may subscribe to."""
KEPT_BACK: Final = frozenset(
    {"applicant_id", "account", "requested_by", "approved_by", "waived_by", "agreed_by", "answered_by", "approval"}
    | {"proposed_by", "shares", "parts", "bearing", "recorded_by", "reversed_by"}
)
"""Who the borrower is and who of us acted is not a funder's to know without an agreement that names it, and what others
hold is not its either."""
TEST_TYPE: Final = "puhui.partners.test.v1"


@dataclass(frozen=True)
class LoanNews:
    """Hears the ledger. A batch without a shared loan costs one look at the streams there are."""

    commands: CommandHandler
    wake: Callable[[], None]
    consumer: str = "partners"
    types: frozenset[str] = OF_LOANS | {LoanBooked.type_name, LoanStated.type_name, BusinessDayOpened.type_name}
    batch_size: ClassVar[int] = 500
    gather_s: ClassVar[float] = 0.03
    repairable: ClassVar[bool] = True

    async def handle(self, session: Session, batch: Sequence[Recorded[Any]]) -> None:
        for recorded in batch:
            if recorded.current_type == LoanBooked.type_name and recorded.event.agreement.lenders:
                await self._share(session, recorded)
        may_be_due = True
        for of_loans, day in _by_day(batch):
            may_be_due |= await self._hear_of_loans(session, of_loans)
            if day is None:
                continue
            may_be_due |= await settling.note_opening(session, day)
            if may_be_due:
                await settling.make_due(self._reaction(session, day), day.event.business_date)
                may_be_due = False
        for recorded in batch:
            if recorded.current_type == LoanStated.type_name:
                await self._price(session, recorded)

    async def _hear_of_loans(self, session: Session, of_loans: Sequence[Recorded[Any]]) -> bool:
        """Whether anything of a shared loan was among them."""
        if not of_loans:
            return False
        paid_out = {r.event.loan_id: _share_of(r) for r in of_loans if isinstance(r.event, LoanDisbursed)}
        if paid_out:
            await commitments.nobody_shares_meanwhile(session)
        shared = await shared_streams(session, list({_share_of(recorded) for recorded in of_loans}))
        alone = [loan_id for loan_id, stream_id in paid_out.items() if stream_id not in shared]
        if alone:
            await commitments.paid_alone(session, alone)
        told: list[Told] = []
        for recorded in of_loans:
            if _share_of(recorded) in shared:
                told += await self._of(session, recorded)
        if told:
            await tell(session.connection, told)
            session.after_commit(self.wake)
        return bool(told)

    async def _share(self, session: Session, recorded: Recorded[LoanBooked]) -> None:
        """The contract says who lends: it is known before anything is paid out, since that is on the same stream."""
        booked = recorded.event
        command = ShareAsAgreed(
            loan_id=booked.loan_id, lenders=booked.agreement.lenders, on=booked.booked_on, contract=booked.contract_id
        )
        reaction = self._reaction(session, recorded)
        await reaction.handle(SHARE, _share_of(recorded), command, effective_date=booked.booked_on.isoformat())
        await payout.set_aside(recorded, reaction)

    async def _price(self, session: Session, recorded: Recorded[LoanStated]) -> None:
        """The ledger's word on a loan of which a part is to be bought back: after what moved before it."""
        stated = recorded.event
        command = PriceBuyBack(
            proposal_id=stated.request_id,
            days_past_due=stated.days_past_due,
            interest_earned_minor=stated.interest_earned.minor,
            on=stated.stated_on,
        )
        reaction = self._reaction(session, recorded)
        await reaction.handle(SHARE, _share_of(recorded), command, effective_date=stated.on.isoformat())

    def _reaction(self, session: Session, recorded: Recorded[Any]) -> Reaction:
        return Reaction(session, self.commands, recorded, Actor(f"service:{self.consumer}", "service"))

    async def _of(self, session: Session, recorded: Recorded[Any]) -> list[Told]:
        parts: Mapping[str, dict[str, Any]] = {}
        reaction = self._reaction(session, recorded)
        if isinstance(recorded.event, MOVING):
            movement = movement_of(recorded.event)
            command = SplitMovement(
                movement_id=str(recorded.event_id),
                movement_type=recorded.current_type,
                movement=movement,
                recorded_at=recorded.metadata.recorded_at,
                today=movement.on,
                by=f"service:{self.consumer}",
            )
            outcome = await reaction.handle(SHARE, _share_of(recorded), command, effective_date=movement.on.isoformat())
            parts = {part["funder"]: part for event in outcome.events for part in _parts(event)}
            if outcome.events:
                await settling.mark(session)
            state = outcome.state
            if isinstance(recorded.event, LoanDisbursed):
                for partner in lenders(state):
                    await payout.use(reaction, partner, recorded)
        else:
            state, _ = await self.commands.state(SHARE, _share_of(recorded), session)
        return [message(recorded, funder, parts.get(funder)) for funder in lenders(state)]


def _by_day(batch: Sequence[Recorded[Any]]) -> Iterator[tuple[list[Recorded[Any]], Recorded[BusinessDayOpened] | None]]:
    """What happened to loans up to each opening of a day, and after the last."""
    of_loans: list[Recorded[Any]] = []
    for recorded in batch:
        if recorded.current_type == BusinessDayOpened.type_name:
            yield of_loans, recorded
            of_loans = []
        elif recorded.current_type in OF_LOANS:
            of_loans.append(recorded)
    yield of_loans, None


def lenders(state: Sharing) -> Iterable[str]:
    """Who is told of a loan: whoever holds a share of it or ever did."""
    if state.book is None:
        return []
    named = dict.fromkeys(funder for epoch in state.book.epochs for funder, _ in epoch.shares)
    return [funder for funder in named if funder != OWN]


def message(recorded: Recorded[Any], partner: str, part: Mapping[str, Any] | None) -> Told:
    """A CloudEvent (structured JSON) with the data that a funder may have. Its id is the same for all his endpoints."""
    message_id = derive_id(recorded.event_id, f"webhook/{partner}")
    data = {name: value for name, value in recorded.event.payload().items() if name not in KEPT_BACK}
    if part is not None:
        data["your_part"] = part
    return Told(
        message_id=message_id,
        partner=partner,
        subject=recorded.event.loan_id,
        type=recorded.current_type,
        sequence=recorded.sequence,
        body=cloud_event(
            str(message_id),
            recorded.source,
            recorded.current_type,
            recorded.event.loan_id,
            recorded.metadata.recorded_at,
            recorded.sequence,
            data,
        ),
        recorded_at=datetime.fromisoformat(recorded.metadata.recorded_at),
    )


def own_message(recorded: Recorded[Any], partner: str, subject: str, part: Mapping[str, Any] | None = None) -> Told:
    """An event of this service as its partner is told it, without what is ours alone."""
    message_id = derive_id(recorded.event_id, f"webhook/{partner}")
    at = recorded.metadata.recorded_at
    data = {name: value for name, value in recorded.event.payload().items() if name not in KEPT_BACK}
    if part is not None:
        data["your_part"] = part
    body = cloud_event(str(message_id), recorded.source, recorded.current_type, subject, at, 0, data)
    return Told(message_id, partner, subject, recorded.current_type, 0, body, datetime.fromisoformat(at))


def cloud_event(
    event_id: str, source: str, type_name: str, subject: str, at: str, sequence: int, data: dict[str, Any]
) -> bytes:
    return canonical(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": type_name,
            "subject": subject,
            "time": at,
            "sequence": str(sequence),
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def event_types() -> list[tuple[str, str]]:
    """What there is to subscribe to, each with what it says."""
    return [(name, (EVENT_TYPES[name].__doc__ or "").strip().splitlines()[0]) for name in sorted(TYPES)]


def _share_of(recorded: Recorded[Any]) -> str:
    """The stream of the shares of the loan whose stream an event of the ledger is on."""
    return SHARE.stream_id(recorded.stream_id.partition("-")[2])


def messages_between_lenders(recorded: Recorded[Any], on: date) -> list[Told]:
    """A change of shares or a cost, as each lender whose accounts it changes is told it."""
    event = recorded.event
    parts = [_part(part, on) for part in event.parts if part.funder != OWN]
    return [own_message(recorded, part["funder"], event.loan_id, part) for part in parts]


def _parts(event: Any) -> Iterator[dict[str, Any]]:
    if isinstance(event, MovementSplit):
        for part in event.parts:
            yield _part(part, event.effective_on)


def _part(part: FunderPart, on: date) -> dict[str, Any]:
    """A lender's, and on which date it counts: which of an event's dates that is, the lender need not know."""
    return {**part.model_dump(mode="json"), "effective_on": on.isoformat()}
