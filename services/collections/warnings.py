"""Early warning: from what the ledger tells of a loan gone amiss to warnings on the borrower's stream.

A repayment as agreed never comes here: what is looked at is arrears, their cure, payments returned or in part, promises
broken, changes of the agreement. Each is noted once in one statement; the stream is read only where a rule is met. What
sources tell anew, and what befalls those who are linked, comes once by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from libs.contracts.collections import PlanBroken, PromiseBroken, WatchEntered
from libs.contracts.ledger import Bucket, DelinquencyChanged
from libs.contracts.scoring import RefreshObtained, RefreshRole
from libs.events.commands import Outcome
from libs.events.errors import NotYet
from libs.events.ids import derive_id
from libs.events.subscribers import Reaction
from services.collections import behaviour, linked, records
from services.collections.domain import state
from services.collections.domain.watch_commands import CureWarnings, Found, RaiseWarnings
from services.collections.domain.watch_policy import Behaviour, SignalRule, WatchPolicy
from services.collections.domain.watch_rules import Link, LinkRule, News, WarningRule
from services.collections.handlers import WATCH
from services.collections.library import library


async def of_arrears(reaction: Reaction, event: DelinquencyChanged) -> None:
    """A loan fell behind, or further behind."""
    since, days = records.since(event.position), event.position.days_past_due
    first_due, several = await behaviour.fall(reaction.session, event.loan_id, event.applicant_id)
    told = [(Behaviour.LATE, since.isoformat()), (Behaviour.DEEPER, f"{since}/{event.position.bucket}")]
    if since == first_due:
        told.append((Behaviour.FIRST_LATE, since.isoformat()))
    if several:
        told.append((Behaviour.SEVERAL_LATE, since.isoformat()))
    policy = library().watch_policy(event.changed_on)
    found: list[Found] = []
    for kind, key in told:
        if event.previous is Bucket.CURRENT or kind is not Behaviour.LATE:
            found += await _met(
                reaction, event.applicant_id, event.loan_id, kind, key, event.changed_on, policy, days_past_due=days
            )
    await _raise(reaction, event.applicant_id, event.loan_id, found, policy, event.changed_on)
    if event.previous is Bucket.CURRENT:
        thing = f"{event.loan_id}/{since}"
        await _tell(reaction, event.applicant_id, policy.of_linked(News.OVERDUE), thing, policy, event.changed_on)


async def of_item(reaction: Reaction, event: RefreshObtained) -> None:
    """A source told anew of a borrower whose loan runs, or of a guarantor: what changed is looked at, fact by fact."""
    policy = library().watch_policy(event.obtained_on)
    changed = {change.fact: change for change in event.changes}
    met = [
        rule
        for rule in policy.facts
        if rule.item == event.item
        and (change := changed.get(rule.fact)) is not None
        and rule.met(change.before, change.after)
    ]
    if not met:
        return
    answers_for = event.loan_id if event.role is RefreshRole.GUARANTOR else ""
    if answers_for and not await linked.is_known(reaction.session, answers_for):
        raise NotYet("the loan that a guarantor answers for is not known yet")
    own = await linked.own_loan(reaction.session, event.applicant_id) if answers_for else event.loan_id
    thing, rules = f"{event.refresh_id}/{event.item}", policy.of_linked(News.ADVERSE_ITEM)
    if answers_for and event.consent is not None:
        # He agreed to it for the sake of what he answers for; what public records tell needs no consent.
        own, rules = "", [rule for rule in rules if rule.link is Link.GUARANTOR]
    if own:
        found = [Found(_warning_id(own, rule, event.refresh_id), rule) for rule in met]
        await _raise(reaction, event.applicant_id, own, found, policy, event.obtained_on)
    await _tell(reaction, event.applicant_id, rules, thing, policy, event.obtained_on, answers_for)


async def of_watch(reaction: Reaction, event: WatchEntered) -> None:
    """A borrower was put on the list. Who came there for what befell another warns of nobody, or warnings would go round."""
    policy = library().watch_policy(event.entered_on)
    if event.reason not in {rule.code for rule in policy.linked}:
        thing = f"{event.applicant_id}/{event.entered_on}"
        await _tell(reaction, event.applicant_id, policy.of_linked(News.WATCHED), thing, policy, event.entered_on)


async def _tell(
    reaction: Reaction,
    applicant_id: str,
    rules: Sequence[LinkRule],
    thing: str,
    policy: WatchPolicy,
    on: date,
    answers_for: str = "",
) -> None:
    """News of somebody warns of the borrowers with whom he is linked."""
    for each in await linked.linked_with(reaction.session, applicant_id, answers_for) if rules else []:
        found = [Found(_warning_id(each.loan_id, rule, thing), rule) for rule in rules if rule.link is each.link]
        await _raise(reaction, each.applicant_id, each.loan_id, found, policy, on)


async def of_case(reaction: Reaction, outcome: Outcome[state.State], on: date) -> None:
    """What a collection case tells: a promise that was broken, or a part of a plan, which is one."""
    for event in outcome.events:
        if isinstance(event, (PromiseBroken, PlanBroken)):
            case = outcome.state
            key = event.promise_id if isinstance(event, PromiseBroken) else f"{event.plan_id}/{event.part}"
            await note(reaction, case.applicant_id, case.loan_id, Behaviour.BROKEN_PROMISE, key, on)


async def note_of_loan(reaction: Reaction, loan_id: str, kind: Behaviour, key: str, on: date) -> None:
    """As `note`, where the event does not say whose loan it is."""
    applicant_id = await behaviour.applicant_of(reaction.session, loan_id)
    if applicant_id:
        await note(reaction, applicant_id, loan_id, kind, key, on)


async def note(reaction: Reaction, applicant_id: str, loan_id: str, kind: Behaviour, key: str, on: date) -> None:
    """A borrower did something on a loan; warn where a rule is met. The same `key` again is the same thing."""
    policy = library().watch_policy(on)
    found = await _met(reaction, applicant_id, loan_id, kind, key, on, policy)
    await _raise(reaction, applicant_id, loan_id, found, policy, on)


async def cure(reaction: Reaction, loan_id: str, on: date) -> None:
    """The loan is in arrears no more, or over: what stands on it stands no more."""
    applicant_id = await behaviour.cured(reaction.session, loan_id)
    if applicant_id:
        await reaction.handle(WATCH, WATCH.stream_id(applicant_id), CureWarnings(loan_id=loan_id, today=on))


async def _met(
    reaction: Reaction,
    applicant_id: str,
    loan_id: str,
    kind: Behaviour,
    key: str,
    on: date,
    policy: WatchPolicy,
    *,
    days_past_due: int = 0,
) -> list[Found]:
    rules = policy.of(kind)
    earlier = await behaviour.behaved(reaction.session, applicant_id, kind, f"{loan_id}/{key}", on) if rules else None
    if earlier is None:
        return []
    met = [rule for rule in rules if rule.met(on, earlier, days_past_due)]
    return [Found(_warning_id(loan_id, rule, key), rule) for rule in met]


def _warning_id(loan_id: str, rule: WarningRule, key: str) -> str:
    """The same for the same rule and thing; going deeper is one thing for each due date, however deep."""
    deeper = isinstance(rule, SignalRule) and rule.behaviour is Behaviour.DEEPER
    thing = key.partition("/")[0] if deeper else key
    return str(derive_id(UUID(loan_id), f"warning/{rule.code}/{thing}"))


async def _raise(
    reaction: Reaction, applicant_id: str, loan_id: str, found: Sequence[Found], policy: WatchPolicy, on: date
) -> None:
    if not found:
        return
    if any(each.rule.until_cured for each in found):
        await behaviour.stands(reaction.session, loan_id, applicant_id)
    command = RaiseWarnings(applicant_id=applicant_id, loan_id=loan_id, found=tuple(found), policy=policy, today=on)
    await reaction.handle(WATCH, WATCH.stream_id(applicant_id), command)
