"""What collection hears of loans and of the passing of days, over the ledger's topic: in order for each loan, and in any
order between the loans and the days, so that nothing here rests on which of them comes first. And what scoring is told anew
of borrowers, who is linked with them by approval's word, who came on the watch list."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from libs.contracts.approval import (
    BorrowerConnected,
    BorrowerDisconnected,
    SecurityConsented,
    SecurityOffered,
    SecurityPerfected,
    SecurityReinstated,
    SecurityReleased,
)
from libs.contracts.collections import CaseEnd, WatchEntered, WatchMeasureDecided, WatchMeasureEnded
from libs.contracts.ledger import (
    Bucket,
    BusinessDayOpened,
    DelinquencyChanged,
    DelinquencyPaused,
    DisbursementRedated,
    DisbursementReturned,
    HigherRateRefused,
    LoanBooked,
    LoanChanged,
    LoanDisbursed,
    LoanSettled,
    LoanWrittenOff,
    RepaymentReceived,
    RepaymentReversed,
    TrancheDisbursed,
    TrancheReturned,
)
from libs.contracts.scoring import RefreshObtained
from libs.events.codec import Recorded
from libs.events.subscribers import Reaction, Reactions
from services.collections import linked, rates, records, warnings
from services.collections.domain.case import LOAN_SETTLED
from services.collections.domain.commands import CloseCase, FollowArrears, NoteRepayment, OpenCase
from services.collections.domain.watch_commands import ProvideGuarantee
from services.collections.domain.watch_policy import Behaviour
from services.collections.handlers import CASE, WATCH, case_id
from services.collections.library import library
from services.collections.morning import break_promises, give_out, leave_quietly, miss_guarantees, remind, waits
from services.collections.records import InArrears

reactions = Reactions("collections")


@reactions.on(LoanBooked)
async def learn_clause(recorded: Recorded[LoanBooked], reaction: Reaction) -> None:
    await reaction.apply(*rates.booked(recorded.event))


@reactions.on(WatchMeasureDecided, WatchMeasureEnded)
async def tell_borrower(recorded: Recorded[Any], reaction: Reaction) -> None:
    await rates.tell(reaction, recorded.event)


@reactions.on(HigherRateRefused)
async def leave_rate(recorded: Recorded[HigherRateRefused], reaction: Reaction) -> None:
    await rates.follow(reaction, recorded.event)


@reactions.on(LoanDisbursed)
async def learn_plan(recorded: Recorded[LoanDisbursed], reaction: Reaction) -> None:
    await records.save_plan(reaction.session, recorded.event)
    await reaction.apply(linked.paid_out(recorded.event))


@reactions.on(RepaymentReceived)
async def note_repayment(recorded: Recorded[RepaymentReceived], reaction: Reaction) -> None:
    event = recorded.event
    case = await records.note_position(reaction.session, event.loan_id, event.position, event.received_on)
    if case:
        note = NoteRepayment(
            repayment_id=event.repayment_id,
            amount=event.amount,
            value_date=event.value_date,
            overdue=event.position.overdue.total,
            days_past_due=event.position.days_past_due,
            today=event.received_on,
        )
        outcome = await reaction.handle(CASE, CASE.stream_id(case), note)
        await warnings.of_case(reaction, outcome, event.received_on)
        if event.position.overdue.total:
            behaviour = Behaviour.PART_PAYMENT
            applicant_id = outcome.state.applicant_id
            await warnings.note(reaction, applicant_id, event.loan_id, behaviour, event.repayment_id, event.received_on)


@reactions.on(RepaymentReversed)
async def note_reversal(recorded: Recorded[RepaymentReversed], reaction: Reaction) -> None:
    event = recorded.event
    case = await records.note_position(reaction.session, event.loan_id, event.position, event.reversed_on)
    if case:
        note = NoteRepayment(
            repayment_id=event.repayment_id,
            amount=-event.amount,
            value_date=event.reversed_on,
            overdue=event.position.overdue.total,
            days_past_due=event.position.days_past_due,
            today=event.reversed_on,
        )
        outcome = await reaction.handle(CASE, CASE.stream_id(case), note)
        await warnings.of_case(reaction, outcome, event.reversed_on)
    if event.position.outstanding.total:
        await linked.runs(reaction.session, event.loan_id, True)
    if event.reason in library().watch_policy(event.reversed_on).return_reasons:
        await warnings.note_of_loan(reaction, event.loan_id, Behaviour.RETURNED, event.repayment_id, event.reversed_on)


@reactions.on(DelinquencyChanged)
async def follow_arrears(recorded: Recorded[DelinquencyChanged], reaction: Reaction) -> None:
    """A case opens with the grace of the policy over, follows the arrears, and ends when they are made good."""
    event, session = recorded.event, reaction.session
    current = event.position.bucket is Bucket.CURRENT
    case = await (records.catch_up if current else records.case_of)(session, event.loan_id)
    if case:
        follow = FollowArrears(
            overdue=event.position.overdue.total,
            days_past_due=event.position.days_past_due,
            settled=not event.position.outstanding.total,
            policy=library().policy(event.changed_on),
            today=event.changed_on,
        )
        outcome = await reaction.handle(CASE, CASE.stream_id(case), follow)
        await warnings.of_case(reaction, outcome, event.changed_on)
    elif not current:
        await _fall_behind(event, reaction)
    if current:
        await warnings.cure(reaction, event.loan_id, event.changed_on)
    else:
        await warnings.of_arrears(reaction, event)


async def _fall_behind(event: DelinquencyChanged, reaction: Reaction) -> None:
    since = records.since(event.position)
    grace = library().policy(event.changed_on).case_grace_days
    behind = InArrears(
        event.loan_id,
        event.application_id,
        event.applicant_id,
        since,
        event.position.overdue.total,
        max(event.changed_on, since + timedelta(days=grace + 1)),
    )
    await records.fall_behind(reaction.session, behind)
    today = await records.business_date(reaction.session) or event.changed_on
    if behind.opens_on <= max(today, event.changed_on):
        await _open_case(behind, reaction)


async def _open_case(behind: InArrears, reaction: Reaction) -> None:
    new_id = case_id(behind.loan_id, behind.opens_on)
    command = OpenCase(
        case_id=new_id,
        loan_id=behind.loan_id,
        application_id=behind.application_id,
        applicant_id=behind.applicant_id,
        overdue=behind.overdue,
        days_past_due=(behind.opens_on - behind.since).days,
        policy=library().policy(behind.opens_on),
        today=behind.opens_on,
    )
    await reaction.handle(CASE, CASE.stream_id(new_id), command, effective_date=behind.opens_on.isoformat())
    await records.case_opened(reaction.session, behind.loan_id, new_id)


@reactions.on(LoanSettled)
async def end_settled(recorded: Recorded[LoanSettled], reaction: Reaction) -> None:
    event = recorded.event
    await _end(reaction, event.loan_id, CaseEnd.SETTLED, LOAN_SETTLED, event.settled_on)


@reactions.on(LoanWrittenOff)
async def end_written_off(recorded: Recorded[LoanWrittenOff], reaction: Reaction) -> None:
    event = recorded.event
    await _end(reaction, event.loan_id, CaseEnd.WRITTEN_OFF, "loan-written-off", event.written_off_on)


@reactions.on(DisbursementReturned)
async def end_returned(recorded: Recorded[DisbursementReturned], reaction: Reaction) -> None:
    """The loan is as if it had never been paid out: there is nothing to collect."""
    event = recorded.event
    on = event.returned_on or event.value_date
    await _end(reaction, event.loan_id, CaseEnd.SETTLED, "disbursement-returned", on)


async def _end(reaction: Reaction, loan_id: str, end: CaseEnd, reason: str, on: date) -> None:
    await linked.runs(reaction.session, loan_id, False)
    case = await records.end_plan(reaction.session, loan_id, on)
    if case:
        outcome = await reaction.handle(CASE, CASE.stream_id(case), CloseCase(end=end, reason=reason, today=on))
        await warnings.of_case(reaction, outcome, on)
    if case or end is CaseEnd.WRITTEN_OFF:
        await warnings.cure(reaction, loan_id, on)


@reactions.on(LoanChanged)
async def note_change(recorded: Recorded[LoanChanged], reaction: Reaction) -> None:
    event = recorded.event
    await records.change_plan(reaction.session, event, event.changed_on)
    if event.kind in library().watch_policy(event.changed_on).change_kinds:
        behaviour = Behaviour.CHANGE_ASKED
        await warnings.note_of_loan(reaction, event.loan_id, behaviour, event.change_id, event.changed_on)


@reactions.on(TrancheDisbursed)
async def note_part(recorded: Recorded[TrancheDisbursed], reaction: Reaction) -> None:
    await records.change_plan(reaction.session, recorded.event, recorded.event.confirmed_on)


@reactions.on(TrancheReturned)
async def note_part_back(recorded: Recorded[TrancheReturned], reaction: Reaction) -> None:
    await records.change_plan(reaction.session, recorded.event, recorded.event.returned_on)


@reactions.on(DisbursementRedated)
async def note_other_day(recorded: Recorded[DisbursementRedated], reaction: Reaction) -> None:
    await records.change_plan(reaction.session, recorded.event, recorded.event.redated_on)


@reactions.on(DelinquencyPaused)
async def note_pause(recorded: Recorded[DelinquencyPaused], reaction: Reaction) -> None:
    event = recorded.event
    behaviour, key = Behaviour.CHANGE_ASKED, f"pause/{event.start}"
    await warnings.note_of_loan(reaction, event.loan_id, behaviour, key, event.paused_on)


@reactions.on(RefreshObtained)
async def note_item(recorded: Recorded[RefreshObtained], reaction: Reaction) -> None:
    await warnings.of_item(reaction, recorded.event)


@reactions.on(WatchEntered)
async def tell_linked(recorded: Recorded[WatchEntered], reaction: Reaction) -> None:
    await warnings.of_watch(reaction, recorded.event)


@reactions.on(SecurityOffered)
async def note_surety(recorded: Recorded[SecurityOffered], reaction: Reaction) -> None:
    await reaction.apply(*linked.offered(recorded.event))


@reactions.on(SecurityConsented)
async def bind_surety(recorded: Recorded[SecurityConsented], reaction: Reaction) -> None:
    await reaction.apply(linked.agreed(recorded.event))


@reactions.on(SecurityPerfected)
async def take_security(recorded: Recorded[SecurityPerfected], reaction: Reaction) -> None:
    """What was registered before the loan was paid out was not demanded of it."""
    event = recorded.event
    applicant_id, loan_id = await linked.loan_of(reaction.session, event.application_id)
    if applicant_id:
        command = ProvideGuarantee(loan_id=loan_id, security_id=event.security_id, today=event.recorded_on)
        await reaction.handle(WATCH, WATCH.stream_id(applicant_id), command)


@reactions.on(SecurityReleased)
async def free_surety(recorded: Recorded[SecurityReleased], reaction: Reaction) -> None:
    await reaction.apply(linked.released(recorded.event))


@reactions.on(SecurityReinstated)
async def hold_surety(recorded: Recorded[SecurityReinstated], reaction: Reaction) -> None:
    await reaction.apply(*linked.reinstated(recorded.event))


@reactions.on(BorrowerConnected)
async def note_connection(recorded: Recorded[BorrowerConnected], reaction: Reaction) -> None:
    await reaction.apply(linked.connected(recorded.event))


@reactions.on(BorrowerDisconnected)
async def end_connection(recorded: Recorded[BorrowerDisconnected], reaction: Reaction) -> None:
    await linked.disconnected(reaction.session, recorded.event)


@reactions.on(BusinessDayOpened)
async def begin_day(recorded: Recorded[BusinessDayOpened], reaction: Reaction) -> None:
    """The morning's work, on what was known when the day began."""
    event = recorded.event
    today, policy = event.business_date, library().policy(event.business_date)
    watch_policy = library().watch_policy(today)
    await remind(reaction, policy, event.previous or today - timedelta(days=1), today)
    promises, grace, cases, quiet, guarantees, risen = await waits(reaction, policy, watch_policy, today)
    if promises:
        await break_promises(reaction, today)
    if grace:
        for behind in await records.grace_over(reaction.session, today):
            await _open_case(behind, reaction)
    if cases:
        await give_out(reaction, policy, today)
    if guarantees:
        await miss_guarantees(reaction, today)
    if risen:
        await rates.take(reaction, today)
    if quiet:
        await leave_quietly(reaction, watch_policy, today)
