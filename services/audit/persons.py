"""What is done about a person's data: the decider with its stream, the key that follows the decision, and the sweep that
carries out what has become due.

A decision comes first, under the version check of the person's stream; then the key is held, released or destroyed;
then the destruction is put on record. Whoever is killed between two of these finds the rest in the next sweep.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from libs.contracts.audit import KeysRewrapped
from libs.events.commands import Cause
from libs.events.decider import Decider
from libs.events.envelope import Actor
from libs.events.ids import new_id
from libs.keys import KeyState
from libs.service.runtime import Runtime
from services.audit.domain import person, wrapping
from services.audit.domain.dealings import Answering, Dealing, relationship
from services.audit.domain.person import (
    RETENTION_ENDED,
    Command,
    ConfirmErasure,
    EndRestriction,
    Event,
    Person,
    RequestErasure,
    Status,
)
from services.audit.domain.retention import Relationship, RetentionPolicy
from services.audit.domain.wrapping import RecordRewrapping
from services.audit.library import library

PERSON: Final[Decider[Command, Person, Event]] = Decider("person", person.INITIAL, person.decide, person.evolve)
KEYS: Final[Decider[RecordRewrapping, str, KeysRewrapped]] = Decider("keys", "", wrapping.decide, wrapping.evolve)
ACTOR: Final = Actor("service:audit", "service")

# Every dealing of every person: own applications, and what was given as security, dated by its end should it be over.
DEALING: Final = """
    select a.applicant_id as person_id, '' as security_id, a.application_id,
        a.application_state, a.contract_state, l.loan_state, null::date as consented_on, null::date as released_on,
        coalesce(l.settled_on, l.booked_on, a.submitted_on, a.started_on) as ended_on
    from application_page a left join loan_page l on l.loan_id = a.loan_id and a.loan_id <> ''
    where a.applicant_id <> ''
    union all
    select s.provider_id, s.security_id, s.application_id,
        a.application_state, a.contract_state, l.loan_state, s.consented_on, s.released_on,
        coalesce(s.released_on, greatest(l.settled_on, l.booked_on, s.consented_on, s.offered_on))
    from security_page s left join application_page a using (application_id)
    left join loan_page l on l.loan_id = a.loan_id and a.loan_id <> ''"""
DEALINGS: Final = f"select * from ({DEALING}) dealing where person_id = $1 order by security_id, application_id"
IS_CONTACT: Final = "select exists (select from trail_subject where kind = 'contact' and id = $1)"

DUE: Final = """
    select applicant_id from person_page
    where (status = 'RESTRICTED' and holds = 0 and until < $1) or status = 'ERASURE_DUE' order by 1"""
IS_DUE: Final = f"select exists ({DUE})"
RESTRICTED: Final = "select applicant_id from person_page where status = 'RESTRICTED' order by 1"
# Whose last dealing ended so long ago that a rule may have run out; what still runs is looked at one by one.
LONG_ENDED: Final = f"""
    select person_id from ({DEALING}) dealing left join person_page p on p.applicant_id = person_id
    where coalesce(p.status, '') in ('', 'IN_USE')
    group by person_id having max(ended_on) < $1 order by 1"""


async def relationship_of(runtime: Runtime, applicant_id: str) -> Relationship:
    """A person's dealings with the lender, as audit has heard of them."""
    pool = runtime.store.pool
    dealings = [_dealing(row) for row in await pool.fetch(DEALINGS, applicant_id)]
    return relationship(dealings, contact=await pool.fetchval(IS_CONTACT, applicant_id))


def _dealing(row: Any) -> Dealing:
    names = ("application_id", "application_state", "contract_state", "loan_state")
    heard: dict[str, Any] = {name: row[name] or "" for name in names} | {"ended_on": row["ended_on"]}
    if not row["security_id"]:
        return Dealing(**heard)
    return Answering(
        **heard,
        security_id=row["security_id"],
        consented=row["consented_on"] is not None,
        released=row["released_on"] is not None,
    )


async def carry_out(runtime: Runtime, applicant_id: str, today: date) -> Person:
    """Have the key follow what was decided, and erase what is due; the person's state afterwards. Safe to repeat."""
    stream_id, keyring = PERSON.stream_id(applicant_id), runtime.persons
    relationship, policy = await relationship_of(runtime, applicant_id), library().retention_on(today)
    order = EndRestriction(applicant_id=applicant_id, relationship=relationship, policy=policy, today=today)
    cause = _by_rule(policy, today)
    state = (await runtime.commands.handle(PERSON, stream_id, order, cause)).state
    if state.status is Status.ERASURE_DUE:
        await keyring.set_state(applicant_id, KeyState.DESTROYED)
        confirm = ConfirmErasure(applicant_id=applicant_id, today=today)
        state = (await runtime.commands.handle(PERSON, stream_id, confirm, cause)).state
    elif state.status is Status.RESTRICTED:
        await keyring.set_state(applicant_id, KeyState.HELD)
    elif state.status is Status.IN_USE and await keyring.state(applicant_id) is KeyState.HELD:
        await keyring.set_state(applicant_id, KeyState.ACTIVE)
    return state


async def sweep(runtime: Runtime, today: date) -> list[str]:
    """Erase everybody whom no rule keeps any longer, asked for or not; who was looked at."""
    pool, policy = runtime.store.pool, library().retention_on(today)
    shortest = min(rule.keep_years for rule in policy.rules if rule.keep_years)
    long_ago = date(today.year - shortest, today.month, min(today.day, 28))
    for row in await pool.fetch(LONG_ENDED, long_ago):
        await _end_retention(runtime, row["person_id"], today)
    looked_at = [row["applicant_id"] for row in await pool.fetch(DUE, today)]
    for applicant_id in looked_at:
        await carry_out(runtime, applicant_id, today)
    for row in await pool.fetch(RESTRICTED):
        if await runtime.persons.state(row["applicant_id"]) is KeyState.ACTIVE:
            await carry_out(runtime, row["applicant_id"], today)
    return looked_at


async def _end_retention(runtime: Runtime, applicant_id: str, today: date) -> None:
    relationship = await relationship_of(runtime, applicant_id)
    policy = library().retention_on(today)
    rule = policy.rule(relationship.standing)
    if await runtime.persons.state(applicant_id) is None:  # somebody was named who is not registered
        return
    state, _ = await runtime.commands.state(PERSON, PERSON.stream_id(applicant_id))
    if relationship.running or state.holds or rule.keeps(relationship, today):
        return
    order = RequestErasure(
        applicant_id=applicant_id, ground=RETENTION_ENDED, relationship=relationship, policy=policy, today=today
    )
    await runtime.commands.handle(PERSON, PERSON.stream_id(applicant_id), order, _by_rule(policy, today))
    await carry_out(runtime, applicant_id, today)


def _by_rule(policy: RetentionPolicy, today: date) -> Cause:
    """What is done without being asked for, and by which rules."""
    rules = {"retention": policy.label}
    return Cause(ACTOR, correlation_id=str(new_id()), effective_date=today.isoformat(), rules=rules)
