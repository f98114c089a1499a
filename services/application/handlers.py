"""The deciders with their streams, and what is looked up before a command is decided."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import structlog

from libs.contracts.application import ApplicantRegistered, Product
from libs.contracts.problems import Rejected
from libs.contracts.values import ApplicantKind
from libs.events.commands import Cause, VersionMismatch
from libs.events.decider import Decider
from libs.events.envelope import Actor as EventActor
from libs.keys import KeyState
from libs.service.actor import Actor
from libs.service.runtime import Runtime
from services.application.domain import acquisition, applicant, application, product
from services.application.domain.application import Application
from services.application.domain.application_commands import Command, Facts
from services.application.domain.product import DefineProduct
from services.application.identifiers import Identifiers
from services.application.library import policy, products
from services.application.views import PRODUCT_VERSION, in_force

log = structlog.get_logger(__name__)

PRODUCT: Final[Decider[product.Command, product.State, product.Event]] = Decider(
    "product", product.INITIAL, product.decide, product.evolve
)
APPLICANT: Final[Decider[applicant.Command, applicant.State, ApplicantRegistered]] = Decider(
    "applicant", applicant.INITIAL, applicant.decide, applicant.evolve
)
APPLICATION: Final[Decider[Command, application.State, application.Event]] = Decider(
    "application", application.INITIAL, application.decide, application.evolve
)
ACQUISITION: Final[Decider[acquisition.Command, acquisition.State, acquisition.Event]] = Decider(
    "acquisition", acquisition.INITIAL, acquisition.decide, acquisition.evolve
)
"""One stream a cost."""

IDENTIFIERS: Final = "identifiers"
"""Where a running service keeps its `Identifiers`."""
RULES: Final = "application-policy"


def rules() -> dict[str, str]:
    """The versions of the rules that intake goes by, for the metadata of what they decided."""
    return {RULES: policy().version}


def identifiers(runtime: Runtime) -> Identifiers:
    found = runtime.extras[IDENTIFIERS]
    assert isinstance(found, Identifiers)
    return found


async def applicant_id_of(runtime: Runtime, kind: ApplicantKind, identity_number: str) -> str:
    """The identifier of a person with this number: another one each time that he was erased and comes again."""
    erasures = 0
    while True:
        applicant_id = identifiers(runtime).applicant_id(kind, identity_number, erasures)
        if await runtime.persons.state(applicant_id) is not KeyState.DESTROYED:
            return applicant_id
        erasures += 1


async def product_state(runtime: Runtime, code: str) -> product.State:
    state, _ = await runtime.commands.state(PRODUCT, PRODUCT.stream_id(code))
    return state


async def product_asked_for(runtime: Runtime, code: str) -> Product:
    """The version in force today, for a request that names the product."""
    found = (await product_state(runtime, code)).in_force(runtime.today)
    if found is None:
        raise Rejected(
            "product-not-in-force",
            "No product with this code takes applications today; choose one of the list of products.",
            field="/product",
            status=422,
        )
    return found


async def products_in_force(runtime: Runtime) -> list[Product]:
    """Every product that takes applications today, by code."""
    rows = await runtime.fetch(in_force(runtime.today).order_by(PRODUCT_VERSION.c.code))
    states = [await product_state(runtime, row["code"]) for row in rows]
    found = (state.in_force(runtime.today) for state in states)
    return [product for product in found if product is not None]


async def applicant_of(
    runtime: Runtime, applicant_id: str, *, field: str | None = None
) -> tuple[ApplicantRegistered, int]:
    """The applicant with its version; 404 when there is none. `field` is where the client named it."""
    state, version = await runtime.commands.state(APPLICANT, APPLICANT.stream_id(applicant_id))
    if state is None:
        raise _applicant_unknown(field)
    return state, version


async def application_of(runtime: Runtime, actor: Actor, application_id: str) -> tuple[Application, int]:
    """The application with its version; 404 when there is none that this actor may know of."""
    state, version = await runtime.commands.state(APPLICATION, APPLICATION.stream_id(application_id))
    if state is None or not may_know(actor, state.request.applicant_id):
        raise Rejected("application-unknown", "There is no such application.", status=404)
    return state, version


def may_know(actor: Actor, applicant_id: str) -> bool:
    """A front end that acts for an applicant knows of that one alone."""
    return actor.on_behalf_of is None or actor.on_behalf_of == applicant_id


def refuse_strangers(actor: Actor, applicant_id: str) -> None:
    """404 for an applicant that the actor may not know of, as if there were none."""
    if not may_know(actor, applicant_id):
        raise _applicant_unknown("/applicant_id")


def _applicant_unknown(field: str | None) -> Rejected:
    return Rejected("applicant-unknown", "There is no such applicant; register it first.", field=field, status=404)


async def facts_of(runtime: Runtime, state: Application) -> Facts:
    """What the rules look at besides the application, as of today."""
    registered, _ = await applicant_of(runtime, state.request.applicant_id)
    versions = await product_state(runtime, state.request.product.code)
    return Facts(applicant=registered, product=versions.in_force(runtime.today), policy=policy(), today=runtime.today)


async def seed_products(runtime: Runtime) -> None:
    """Put the products of this release on record where they are not yet; what is on record stands."""
    cause = Cause(actor=EventActor(f"service:{runtime.name}", "service"), correlation_id="seed-products")
    for each in products():
        stream_id = PRODUCT.stream_id(each.code)
        state, version = await runtime.commands.state(PRODUCT, stream_id)
        if len(state.versions) >= each.version:
            if state.versions[each.version - 1] != each:
                log.warning("a product on record differs from this release's", product=each.code, version=each.version)
            continue
        # What a release brings may have been in force before this platform's first day: its own date is its today.
        command = DefineProduct(product=each, cap=policy().cost_cap(each.effective_from), today=each.effective_from)
        with suppress(VersionMismatch):  # another process of this service has just done it
            await runtime.commands.handle(PRODUCT, stream_id, command, cause, expected_version=version)
