"""What a business day begins with: reminders, promises whose date has passed, cases whose team has changed, borrowers
who need not be watched any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from libs.events.subscribers import Reaction
from services.collections import behaviour, rates, records, warnings
from services.collections.domain.commands import ExpirePlan, ExpirePromise, GiveOut
from services.collections.domain.policy import Policy
from services.collections.domain.watch_commands import LeaveQuietly
from services.collections.domain.watch_policy import Behaviour, WatchPolicy
from services.collections.handlers import CASE, WATCH
from services.collections.reminding import REMIND

REMINDERS_A_TASK: Final = 200
"""Reminders sent and recorded together: few statements, and a failure repeats not too many."""

OVERDUE_PROMISES: Final = """
    select promise_id, case_id from promise where state = 'OPEN' and due < $1 order by due, promise_id"""
OVERDUE_PLANS: Final = """
    select plan_id, case_id from plan where state = 'OPEN' and next_due < $1 order by next_due, plan_id"""
# A case is given out as it opens and as its stage changes: what is found here is a team that has changed since.
WITHOUT_TEAM: Final = """
    select case_id from collection_case
    where state = 'OPEN' and staged_on < $1
      and (stage, collector) not in (select * from unnest($2::text[], $3::text[]))
    order by case_id"""
MISSED: Final = """
    select d.measure_id, d.applicant_id, d.loan_id from guarantee_demand d left join borrower_loan l using (loan_id)
    where d.due_on < $1 and l.runs is not false
      and not exists (select from behaviour b where (b.applicant_id, b.kind, b.key)
                      = (d.applicant_id, 'GUARANTEE_LATE', d.loan_id || '/' || d.measure_id))
    order by d.measure_id"""
ANYTHING: Final = f"""select exists ({OVERDUE_PROMISES}) or exists ({OVERDUE_PLANS}), exists ({records.GRACE_OVER}), exists ({WITHOUT_TEAM}),
    exists ({behaviour.QUIET.replace("$1", "$4")}), exists ({MISSED}),
    exists ({rates.ANNOUNCED})"""


async def remind(reaction: Reaction, policy: Policy, previous: date, today: date) -> None:
    """Ask for the reminders of the day; those of days that were passed over too, unless their due date has passed."""
    days = due_dates(policy.reminder_days_before, previous, today)
    due = await records.to_remind(reaction.session, days, today)
    cause = {
        "sent_on": today.isoformat(),
        "causation_id": str(reaction.cause.event_id),
        "after": reaction.cause.metadata.recorded_at,
    }
    for number in range(0, len(due), REMINDERS_A_TASK):
        part = due[number : number + REMINDERS_A_TASK]
        await reaction.schedule(REMIND, f"{today}/{number}", {**cause, "reminders": part})


def due_dates(days_before: Sequence[int], previous: date, today: date) -> list[tuple[date, int]]:
    """The due dates that are reminded of on `today`, each with its number of days before, when the day before was
    `previous`: the reminder of a day that was passed over is made up for while its due date has not passed."""
    found = []
    for before in days_before:
        first = max(previous + timedelta(days=1), today - timedelta(days=before))
        dates = [first + timedelta(days=passed) for passed in range((today - first).days + 1)]
        found += [(day + timedelta(days=before), before) for day in dates]
    return found


async def waits(
    reaction: Reaction, policy: Policy, watch_policy: WatchPolicy, today: date
) -> tuple[bool, bool, bool, bool, bool, bool]:
    """Whether promises or plans, loans in grace, cases, quiet borrowers on the watch list, guarantees and higher rates wait for this
    day, asked at once: most days none of them do."""
    last = today - timedelta(days=watch_policy.quiet_days)
    row = await reaction.session.connection.fetchrow(ANYTHING, today, *_teams(policy), last)
    promises, grace, cases, quiet, guarantees, risen = row
    return promises, grace, cases, quiet, guarantees, risen


def _teams(policy: Policy) -> tuple[list[str], list[str]]:
    """Who belongs to which stage's team: stages and names, pair by pair."""
    teams = [(stage.value, name) for stage, names in policy.teams.items() for name in names]
    return [stage for stage, _ in teams], [name for _, name in teams]


async def break_promises(reaction: Reaction, today: date) -> None:
    """And plans. One that the view does not show yet is found on a later morning, with the same outcome and date."""
    for row in await reaction.session.connection.fetch(OVERDUE_PROMISES, today):
        expire = ExpirePromise(promise_id=row["promise_id"], today=today)
        stream_id = CASE.stream_id(row["case_id"])
        outcome = await reaction.handle(CASE, stream_id, expire, effective_date=today.isoformat())
        await warnings.of_case(reaction, outcome, today)
    for row in await reaction.session.connection.fetch(OVERDUE_PLANS, today):
        miss = ExpirePlan(plan_id=row["plan_id"], today=today)
        stream_id = CASE.stream_id(row["case_id"])
        outcome = await reaction.handle(CASE, stream_id, miss, effective_date=today.isoformat())
        await warnings.of_case(reaction, outcome, today)


async def leave_quietly(reaction: Reaction, policy: WatchPolicy, today: date) -> None:
    """Take off the watch list whom a rule put there, and who gave no reason for as long as the policy says."""
    for applicant_id in await behaviour.quiet(reaction.session, today - timedelta(days=policy.quiet_days)):
        leave = LeaveQuietly(policy=policy, today=today)
        await reaction.handle(WATCH, WATCH.stream_id(applicant_id), leave, effective_date=today.isoformat())


async def miss_guarantees(reaction: Reaction, today: date) -> None:
    """Warn of those who have not given the guarantee that was demanded by its date, once."""
    for row in await reaction.session.connection.fetch(MISSED, today):
        whose, late = (row["applicant_id"], row["loan_id"]), Behaviour.GUARANTEE_LATE
        await warnings.note(reaction, *whose, late, row["measure_id"], today)


async def give_out(reaction: Reaction, policy: Policy, today: date) -> None:
    """Give cases whose collector is not of their stage's team (any more) to one who is."""
    for row in await reaction.session.connection.fetch(WITHOUT_TEAM, today, *_teams(policy)):
        command = GiveOut(policy=policy, today=today)
        await reaction.handle(CASE, CASE.stream_id(row["case_id"]), command, effective_date=today.isoformat())
