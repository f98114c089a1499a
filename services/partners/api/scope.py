"""Who sees what of a partner: our own people all, a partner's system what is its own and nothing of others."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from libs.contracts.partners import OWN, AgreementApproved, EndpointStatus
from libs.contracts.problems import Rejected
from libs.service.actor import Actor
from libs.service.problems import NOT_FOUND, Problem
from libs.service.runtime import Runtime
from services.partners.commitments import AGREED
from services.partners.domain.endpoint import Endpoint
from services.partners.handlers import AGREEMENT, ENDPOINT, PARTNER
from services.partners.views import PARTNER as PARTNERS

STAFF: Final = ("finance_manager", "finance_officer", "operator", "auditor")
CHANGERS: Final = ("finance_manager", "operator", "partner")
READERS: Final = (*STAFF, "partner")


async def refuse_others(runtime: Runtime, actor: Actor, partner: str) -> None:
    """Raise 404 unless the actor may know of this partner: one that is not his own does not exist for him."""
    if actor.has(*STAFF):
        return
    state, _ = await runtime.commands.state(PARTNER, PARTNER.stream_id(partner))
    if state.registered is None or state.registered.subject != actor.subject:
        raise Problem(NOT_FOUND)


async def own_codes(runtime: Runtime, actor: Actor) -> list[str] | None:
    """The partners that the actor is confined to; None for our own people."""
    if actor.has(*STAFF):
        return None
    rows = await runtime.fetch(select(PARTNERS.c.partner).where(PARTNERS.c.subject == actor.subject))
    return [row["partner"] for row in rows]


async def endpoint_of(runtime: Runtime, actor: Actor, endpoint_id: str) -> Endpoint:
    """An endpoint that there is and that the actor may know of."""
    state, _ = await runtime.commands.state(ENDPOINT, ENDPOINT.stream_id(endpoint_id))
    if state.registered is None or state.status is EndpointStatus.REMOVED:
        raise Problem(NOT_FOUND)
    await refuse_others(runtime, actor, state.registered.partner)
    return state


async def lenders(runtime: Runtime) -> frozenset[str]:
    """Every lender that is registered, and ourselves."""
    return frozenset({OWN, *(row["partner"] for row in await runtime.fetch(select(PARTNERS.c.partner)))})


async def agreed_on(runtime: Runtime, loan_id: str) -> AgreementApproved | None:
    """The version of an agreement under which a loan is funded; None for one that was shared by hand."""
    under = await runtime.store.pool.fetchrow(AGREED, loan_id)
    if under is None:
        return None
    state, _ = await runtime.commands.state(AGREEMENT, AGREEMENT.stream_id(under["agreement"]))
    version: AgreementApproved = state.approved[under["version"] - 1]
    return version


async def refuse_unknown_partner(runtime: Runtime, partner: str) -> None:
    _, version = await runtime.commands.state(PARTNER, PARTNER.stream_id(partner))
    if version == 0:
        raise Rejected("partner-not-found", "There is no such partner; register it first.", status=404)
