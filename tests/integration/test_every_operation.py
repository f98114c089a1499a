"""Every operation of every service: described, guarded, and never broken by what a client sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.service.actor import ROLES
from libs.service.issuer import Issuer
from libs.service.openapi import operations, undescribed
from standalone.services import SERVICES
from tests.integration.borrowers import Borrower
from tests.integration.running import PlatformProcess
from tests.integration.soundness import assert_sound
from tests.integration.town import Town, live

pytestmark = pytest.mark.integration

SEED: Final = __name__
EXAMPLES: Final = 12
TOO_FAR: Final = frozenset({"close_days"})
"""Left out: a date that fits by chance closes years, and takes its time."""
FOR_ANYBODY: Final = {
    "GET /application/products",
    "GET /application/products/{code}",
    "GET /application/consents",
    "POST /application/pre-screening",
}
"""For any token, whatever its roles."""
SIGNED: Final = {"POST /partners/callbacks/{partner}"}
"""Known by a signature over the body; a token is of no use there."""


class Under:
    """A platform with one loan in arrears, the descriptions of its services, and a token for every role."""

    def __init__(self, process: PlatformProcess, http: httpx.Client) -> None:
        self.process, self.http = process, http
        self._issuer: Issuer = process.issuer()
        self.known: dict[str, str] = {"code": "consumer-standard", "officer": "credit-officer"}
        self.documents: dict[str, dict[str, Any]] = {
            name: http.get(f"/{name}/openapi.json").json() for name in SERVICES
        }

    def token(self, role: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self._issuer.token(role.replace('_', '-'))}"}

    async def borrower_in_arrears(self, town: Town) -> None:
        who = Borrower(town, "in-arrears")
        await who.borrows()
        await town.until((await who.due_dates())[0] + timedelta(days=5))
        [case] = await who.cases()
        names = ("application_id", "applicant_id", "contract_id", "loan_id")
        self.known |= {name: getattr(who, name) for name in names}
        self.known |= {"case_id": case["case_id"], "identifier": who.loan_id}


@pytest.fixture(scope="module")
def under(start_platform: Callable[[str], AbstractContextManager[PlatformProcess]]) -> Iterator[Under]:
    """A platform of this module's own: what is sent here may do anything that a client may do."""
    with start_platform("tansu") as process, httpx.Client(base_url=process.url, timeout=60) as http:
        platform = Under(process, http)
        [error] = live(process, [platform.borrower_in_arrears], seed=SEED).values()
        if error:
            raise error
        yield platform


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_summary_a_description_and_examples(under: Under, service: str) -> None:
    document = under.documents[service]
    assert len(list(operations(document))) >= 5
    assert undescribed(document) == []


def sent(under: Under, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    """A request that gets as far as authority is asked for, and no further: nothing it names exists."""
    url = path.replace("{", "no-such-").replace("}", "")
    body = {"json": {}} if method in ("post", "put") else {}
    return under.http.request(method, url, headers={"idempotency-key": '"authority"', **headers}, **body)


@pytest.mark.parametrize("service", SERVICES)
def test_no_operation_answers_without_a_token(under: Under, service: str) -> None:
    for path, method, _ in operations(under.documents[service]):
        for headers in ({}, {"authorization": "Bearer not-a-token"}, {"authorization": "Basic b3BlcmF0b3I6"}):
            answer = sent(under, method, path, headers)
            assert (method, path, answer.status_code) == (method, path, 401)
            challenge = "Webhook-Signature" if f"{method.upper()} {path}" in SIGNED else "Bearer"
            assert answer.headers["www-authenticate"].startswith(challenge)
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("service", SERVICES)
def test_no_operation_admits_a_role_that_its_description_does_not_name(under: Under, service: str) -> None:
    open_to_all = set()
    for path, method, operation in operations(under.documents[service]):
        admitted = operation.get("x-roles", [])
        if not admitted:
            open_to_all.add(f"{method.upper()} {path}")
            continue
        for role in ROLES.keys() - set(admitted):
            answer = sent(under, method, path, under.token(role))
            assert (role, method, path, answer.status_code) == (role, method, path, 403)
            assert answer.json()["roles_needed"] == admitted
    assert open_to_all == {each for each in FOR_ANYBODY | SIGNED if f" /{service}/" in each}


def test_auditors_change_nothing_but_their_own_papers(under: Under) -> None:
    commands = {
        operation["operationId"]
        for document in under.documents.values()
        for _, method, operation in operations(document)
        if method != "get" and "auditor" in operation.get("x-roles", [])
    }
    asking = {"verify_read_models", "try_card", "search_applicants"}
    assert commands - asking <= {"draw_sample", "complete_paper", "make_report"}


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_that_a_client_sends_breaks_a_service(under: Under, service: str) -> None:
    schema = schemathesis.openapi.from_url(f"{under.process.url}/{service}/openapi.json")
    with requests.Session() as session:
        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.definition.raw["operationId"] not in TOO_FAR:
                _throw_at(under, operation, session)


def _throw_at(under: Under, operation: Any, session: requests.Session) -> None:
    roles = operation.definition.raw.get("x-roles", ["customer"])

    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), role=st.sampled_from(roles), real=st.integers(0, 3))
    def throw(case: Any, role: str, real: int) -> None:
        if real:  # mostly at things that exist
            case.path_parameters = {**(case.path_parameters or {}), **_of(under.known, case.path_parameters)}
        answer = case.call(session=session, headers=under.token(role))
        assert answer.status_code < 500, (operation.label, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["content-type"][0] == "application/problem+json"

    throw()


def _of(known: dict[str, str], names: Any) -> dict[str, str]:
    return {name: known[name] for name in names or () if name in known}


def test_the_platform_is_sound_after_all_that(under: Under) -> None:
    assert_sound(under.process, seed=SEED)
