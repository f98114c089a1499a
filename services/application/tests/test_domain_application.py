"""An application's life: what is done with a draft, and how it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from libs.contracts.application import (
    ApplicationAmended,
    ApplicationConcluded,
    ApplicationEnd,
    ApplicationExpired,
    ApplicationStarted,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    ConsentPurpose,
)
from libs.contracts.problems import Rejected
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.application.domain.application import DOCUMENTS_MAX, Status
from services.application.domain.application_commands import (
    AmendApplication,
    AttachDocument,
    ConcludeApplication,
    ExpireApplication,
    GiveConsent,
    StartApplication,
    SubmitApplication,
    WithdrawApplication,
)
from services.application.domain.product import terms_of
from services.application.handlers import APPLICATION
from services.application.library import policy
from services.application.tests.given import (
    APPLICATION_ID,
    CONSUMER,
    TODAY,
    changed,
    consent,
    document,
    everything,
    facts,
    request,
    started,
)

LAST_DAY = date(2026, 3, 3)
SUBMIT = SubmitApplication(facts=facts())
WITHDRAW = WithdrawApplication(reason="Found another lender", today=TODAY)
WITHDRAWN = ApplicationWithdrawn(application_id=APPLICATION_ID, reason="Found another lender", withdrawn_on=TODAY)
EXPIRED = ApplicationExpired(application_id=APPLICATION_ID, expired_on=date(2026, 3, 4))
ATTACH = AttachDocument(
    **document("identity-card").model_dump(exclude={"application_id", "attached_on"}), product=CONSUMER, today=TODAY
)
CONSENT_TEXT = policy().consents(TODAY)[0]
CONSENT = GiveConsent(purpose=CONSENT_TEXT.purpose, text_version="2026-01", text=CONSENT_TEXT, today=TODAY)


def submitted(**other: Any) -> ApplicationSubmitted:
    return ApplicationSubmitted(
        **{
            "application_id": APPLICATION_ID,
            "request": request().model_copy(update={"shareable": True}),
            "consents": tuple(ConsentPurpose),
            "documents": tuple(rule.type for rule in CONSUMER.documents),
            "submitted_on": TODAY,
            **other,
        }
    )


def concluded(end: ApplicationEnd, on: date = TODAY) -> ApplicationConcluded:
    return ApplicationConcluded(application_id=APPLICATION_ID, end=end, concluded_on=on)


def test_a_draft_may_be_anything_and_has_its_products_days_to_be_submitted() -> None:
    asked = request(amount=Money.of("0.01"), instalments=360)
    start = StartApplication(application_id=APPLICATION_ID, request=asked, product=CONSUMER, today=TODAY)
    Scenario(APPLICATION).given().when(start).then(
        ApplicationStarted(
            application_id=APPLICATION_ID, request=asked, started_on=TODAY, expires_on=TODAY + timedelta(30)
        )
    )
    Scenario(APPLICATION).given(started()).when(start).refused("application-exists")


def test_a_draft_is_amended_as_a_whole() -> None:
    asked = request(amount=Money.of("15000.00"))
    state = (
        Scenario(APPLICATION)
        .given(started())
        .when(AmendApplication(request=asked, today=TODAY))
        .then(ApplicationAmended(application_id=APPLICATION_ID, request=asked, amended_on=TODAY))
    )
    assert state is not None
    assert state.request == asked
    Scenario(APPLICATION).given(started()).when(AmendApplication(request=request(), today=TODAY)).then()


def test_a_consent_is_given_in_the_words_in_force() -> None:
    given = consent(CONSENT_TEXT.purpose)
    Scenario(APPLICATION).given(started()).when(CONSENT).then(given)
    Scenario(APPLICATION).given(started(), given).when(CONSENT).then()
    later = replace(CONSENT, today=TODAY + timedelta(1))
    Scenario(APPLICATION).given(started(), given).when(later).then(
        consent(CONSENT_TEXT.purpose, on=TODAY + timedelta(1))
    )


def test_a_consent_in_other_words_is_refused() -> None:
    Scenario(APPLICATION).given(started()).when(replace(CONSENT, text_version="2025-01")).refused(
        "consent-text-not-in-force"
    )
    Scenario(APPLICATION).given(started()).when(replace(CONSENT, text=None)).refused("consent-text-not-in-force")


def test_a_document_is_attached_with_its_dates() -> None:
    Scenario(APPLICATION).given(started()).when(ATTACH).then(document("identity-card"))


@pytest.mark.parametrize(
    ("code", "other"),
    [
        ("document-not-asked-for", {"document_type": "business-licence"}),
        ("document-not-asked-for", {"document_type": "surety-identity-card"}),
        ("document-not-asked-for", {"product": None}),
        ("document-issued-later", {"issued_on": TODAY + timedelta(1)}),
        ("document-expires-before-issue", {"expires_on": date(2026, 1, 19)}),
    ],
)
def test_a_document_that_does_not_fit_is_refused(code: str, other: dict[str, Any]) -> None:
    Scenario(APPLICATION).given(started()).when(replace(ATTACH, **other)).refused(code)


def test_the_same_content_is_attached_once_and_no_more_than_can_be_shown() -> None:
    attached = document("identity-card")
    Scenario(APPLICATION).given(started(), attached).when(replace(ATTACH, document_id="other")).refused(
        "document-attached-already"
    )
    many = [document("identity-card", document_id=f"d-{n}", sha256=f"{n:064x}") for n in range(DOCUMENTS_MAX)]
    Scenario(APPLICATION).given(started(), *many).when(ATTACH).refused("documents-too-many")


def test_a_complete_application_is_submitted_under_the_version_in_force() -> None:
    Scenario(APPLICATION).given(started(), *everything()).when(SUBMIT).then(submitted())
    cheaper = changed(version=2, annual_rate="0.15")
    state = (
        Scenario(APPLICATION)
        .given(started(), *everything())
        .when(SubmitApplication(facts=facts(cheaper)))
        .then(submitted(request=request(product=cheaper).model_copy(update={"shareable": True})))
    )
    assert state is not None
    assert state.request.product == terms_of(cheaper)
    assert state.request.product.annual_rate == Decimal("0.15")
    assert (state.status, state.submitted_on) == (Status.SUBMITTED, TODAY)


def test_only_who_agreed_to_it_apart_may_be_shared_with_a_co_lender() -> None:
    agreed = [event for event in everything() if getattr(event, "purpose", None) is not ConsentPurpose.SHARING]
    state = (
        Scenario(APPLICATION)
        .given(started(), *agreed)
        .when(SUBMIT)
        .then(
            submitted(
                request=request(), consents=tuple(each for each in ConsentPurpose if each is not ConsentPurpose.SHARING)
            )
        )
    )
    assert state is not None
    assert not state.request.shareable


def test_everything_that_is_missing_is_told_at_once() -> None:
    asked = request(amount=Money.of("300000.00"), instalments=48, purpose="shares", monthly_income=Money.zero())
    past = [started(asked), document("identity-card"), document("income-proof", issued_on=date(2025, 1, 1))]
    refusal = Scenario(APPLICATION).given(*past).when(SUBMIT).refused("application-incomplete")
    assert isinstance(refusal, Rejected)
    assert refusal.status == 409
    told = {(error["pointer"], error["code"]) for error in refusal.extra["errors"]}
    assert told == {
        ("#/amount", "amount-out-of-range"),
        ("#/instalments", "instalments-out-of-range"),
        ("#/instalments", "term-too-long"),
        ("#/purpose", "purpose-not-allowed"),
        ("#/guarantee/kind", "unsecured-limit-exceeded"),
        ("#/monthly_income", "income-missing"),
        ("#/documents/income-proof", "document-expired"),
        ("#/documents/credit-report", "document-missing"),
        ("#/consents/credit-report", "consent-missing"),
        ("#/consents/data-processing", "consent-missing"),
        ("#/consents/automated-decision", "consent-missing"),
    }
    assert all(error["detail"] and error["detail_zh"] for error in refusal.extra["errors"])


def test_nothing_is_submitted_under_a_product_that_is_not_in_force() -> None:
    refusal = (
        Scenario(APPLICATION)
        .given(started(), *everything())
        .when(SubmitApplication(facts=facts(None)))
        .refused("application-incomplete")
    )
    assert isinstance(refusal, Rejected)
    assert [error["code"] for error in refusal.extra["errors"]] == ["product-not-in-force"]


def test_a_draft_can_be_submitted_until_its_last_day() -> None:
    fresh = [document(rule.type, issued_on=date(2026, 2, 20)) for rule in CONSUMER.documents]
    past = [started(), *fresh, *(consent(purpose) for purpose in ConsentPurpose)]
    Scenario(APPLICATION).given(*past).when(SubmitApplication(facts=facts(today=LAST_DAY))).then(
        submitted(submitted_on=LAST_DAY)
    )
    late = SubmitApplication(facts=facts(today=LAST_DAY + timedelta(1)))
    Scenario(APPLICATION).given(*past).when(late).refused("application-expired")


CHANGES = [AmendApplication(request=request(), today=TODAY), CONSENT, ATTACH, SUBMIT]


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: type(command).__name__)
@pytest.mark.parametrize(
    "ended",
    [submitted(), WITHDRAWN, EXPIRED, concluded(ApplicationEnd.CONTRACTED)],
    ids=lambda event: type(event).__name__,
)
def test_only_a_draft_changes(command: Any, ended: Any) -> None:
    Scenario(APPLICATION).given(started(), ended).when(command).refused("application-not-draft")


@pytest.mark.parametrize(
    "command", [*CHANGES, WITHDRAW, ExpireApplication(today=TODAY)], ids=lambda c: type(c).__name__
)
def test_what_was_never_started_is_not_there(command: Any) -> None:
    refusal = Scenario(APPLICATION).given().when(command).refused("application-unknown")
    assert getattr(refusal, "status", None) == 404


def test_drafts_and_submitted_applications_are_withdrawn() -> None:
    Scenario(APPLICATION).given(started()).when(WITHDRAW).then(WITHDRAWN)
    Scenario(APPLICATION).given(started(), submitted()).when(WITHDRAW).then(WITHDRAWN)
    for ended in (WITHDRAWN, EXPIRED, concluded(ApplicationEnd.DECLINED), concluded(ApplicationEnd.CONTRACTED)):
        Scenario(APPLICATION).given(started(), ended).when(WITHDRAW).refused("application-ended")


def test_a_draft_expires_the_day_after_its_last_whenever_that_is_noticed() -> None:
    Scenario(APPLICATION).given(started()).when(ExpireApplication(today=LAST_DAY)).then()
    for noticed in (LAST_DAY + timedelta(1), LAST_DAY + timedelta(9)):
        Scenario(APPLICATION).given(started()).when(ExpireApplication(today=noticed)).then(EXPIRED)
    for ended in (submitted(), WITHDRAWN, EXPIRED):
        Scenario(APPLICATION).given(started(), ended).when(ExpireApplication(today=date(2027, 1, 1))).then()


@pytest.mark.parametrize("end", ApplicationEnd)
def test_a_submitted_application_is_concluded_once(end: ApplicationEnd) -> None:
    state = (
        Scenario(APPLICATION)
        .given(started(), submitted())
        .when(ConcludeApplication(end=end, on=TODAY))
        .then(concluded(end))
    )
    assert state is not None
    assert (state.status.value, state.ended_on) == (end.value, TODAY)
    again = ConcludeApplication(end=end, on=TODAY + timedelta(1))
    Scenario(APPLICATION).given(started(), submitted(), concluded(end)).when(again).then()


def test_a_signature_prevails_over_what_crossed_it() -> None:
    sign = ConcludeApplication(end=ApplicationEnd.CONTRACTED, on=TODAY)
    contracted = concluded(ApplicationEnd.CONTRACTED)
    for crossed in (WITHDRAWN, concluded(ApplicationEnd.OFFER_LAPSED)):
        state = Scenario(APPLICATION).given(started(), submitted(), crossed).when(sign).then(contracted)
        assert state is not None
        assert state.status is Status.CONTRACTED
    for end in (ApplicationEnd.OFFER_LAPSED, ApplicationEnd.DECLINED):
        late = ConcludeApplication(end=end, on=TODAY)
        Scenario(APPLICATION).given(started(), submitted(), contracted).when(late).then()
        Scenario(APPLICATION).given(started(), submitted(), WITHDRAWN).when(late).then()
