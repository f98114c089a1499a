"""Given, when, then: what secures an application, and how much of it the lender counts on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.contracts import examples as ex
from libs.contracts.approval import (
    GuarantorAssessed,
    SecurityConsented,
    SecurityOffered,
    SecurityPerfected,
    SecurityReinstated,
    SecurityReleased,
    SecurityValued,
)
from libs.events.testing import Scenario
from libs.lending.money import Money
from services.approval.domain.security import (
    AssessGuarantor,
    OfferSecurity,
    PerfectSecurity,
    RecordConsent,
    ReinstateSecurity,
    ReleaseSecurity,
    ValueSecurity,
)
from services.approval.domain.security_policy import SecurityPolicy
from services.approval.handlers import SECURITY
from services.approval.library import library
from services.approval.tests.requests import TODAY, application_id

ID = application_id()
POLICY = library().security(TODAY)


def of(event: Any, **changes: Any) -> Any:
    return event.model_validate(event.example | {"application_id": ID, "security_id": "s"} | changes)


FLAT = of(SecurityOffered)
SURETY = of(SecurityOffered, kind="SURETY", provider_id="uncle", asset_class="", amount_max=ex.cny("100000.00"))
CONSENT = of(SecurityConsented)
VALUED = of(SecurityValued)
PERFECTED = of(SecurityPerfected)
ASSESSED = of(GuarantorAssessed)
RELEASED = of(SecurityReleased)


def offer(offered: SecurityOffered, applicant: str = "borrower") -> OfferSecurity:
    return OfferSecurity(offered=offered, applicant_id=applicant, policy=POLICY)


def value(amount: str = "300000.00", valued_on: date = TODAY, currency: str = "CNY") -> ValueSecurity:
    return ValueSecurity(
        application_id=ID,
        security_id="s",
        value=Money.of(amount, currency),
        valuer="Example Valuation Ltd",
        valued_on=valued_on,
        document_sha256=ex.SHA256,
        policy=POLICY,
        by="credit-officer",
        today=TODAY,
    )


def assess(income: str, debts: str) -> AssessGuarantor:
    return AssessGuarantor(
        application_id=ID,
        security_id="s",
        monthly_income=Money.of(income),
        monthly_debt_service=Money.of(debts),
        document_sha256=ex.SHA256,
        policy=POLICY,
        by="credit-officer",
        today=TODAY,
    )


def release(by: str, security_id: str = "s") -> ReleaseSecurity:
    return ReleaseSecurity(application_id=ID, security_id=security_id, reason="Replaced", by=by, today=TODAY)


def counted(*past: Any, on: date = TODAY) -> tuple[str, str]:
    (item,) = SECURITY.replay(past).items.values()
    amount, missing = item.counted(POLICY, on)
    return amount.amount, missing


def test_a_mortgage_counts_once_it_is_agreed_to_valued_and_registered() -> None:
    assert counted(FLAT) == ("0.00", "consent-missing")
    assert counted(FLAT, CONSENT) == ("0.00", "valuation-missing")
    assert counted(FLAT, CONSENT, VALUED) == ("0.00", "registration-missing")
    assert counted(FLAT, CONSENT, VALUED, PERFECTED) == ("210000.00", "")
    assert counted(FLAT, CONSENT, VALUED, PERFECTED, RELEASED) == ("0.00", "released")


def test_a_valuation_grows_old_and_the_last_one_counts() -> None:
    last_day = VALUED.valued_on + timedelta(days=365)
    past = (FLAT, CONSENT, VALUED, PERFECTED)
    assert counted(*past, on=last_day) == ("210000.00", "")
    assert counted(*past, on=last_day + timedelta(days=1)) == ("0.00", "valuation-too-old")
    again = of(SecurityValued, valued_on="2027-01-20", lending_value=ex.cny("70000.00"))
    assert counted(*past, again, on=last_day + timedelta(days=1)) == ("70000.00", "")


def test_a_guarantor_counts_for_what_he_can_pay_and_never_more_than_he_answers_for() -> None:
    assert counted(SURETY, CONSENT) == ("0.00", "assessment-missing")
    assert counted(SURETY, ASSESSED) == ("0.00", "consent-missing")
    assert counted(SURETY, CONSENT, ASSESSED) == ("100000.00", ""), "240,000 he could, 100,000 he answers for"
    unlimited = SURETY.model_copy(update={"amount_max": None})
    assert counted(unlimited, CONSENT, ASSESSED) == ("240000.00", "")
    late = ASSESSED.assessed_on + timedelta(days=181)
    assert counted(SURETY, CONSENT, ASSESSED, on=late) == ("0.00", "assessment-too-old")


@pytest.mark.parametrize(
    ("income", "debts", "capacity"),
    [("15000.00", "5000.00", "240000.00"), ("5000.00", "5000.01", "0.00"), ("0.01", "0.00", "0.24")],
)
def test_the_capacity_of_a_guarantor_is_worked_out(income: str, debts: str, capacity: str) -> None:
    (event,) = Scenario(SECURITY).given(SURETY).when(assess(income, debts)).events
    assert (event.capacity.amount, event.policy_version) == (capacity, 1)


def test_the_haircut_is_that_of_the_class() -> None:
    (event,) = Scenario(SECURITY).given(FLAT).when(value("0.03")).events
    assert (event.haircut_bps, event.lending_value.amount) == (3000, "0.02")


def test_what_cannot_be_security_is_refused() -> None:
    Scenario(SECURITY).when(offer(FLAT)).then(FLAT)
    Scenario(SECURITY).when(offer(SURETY)).then(SURETY)
    Scenario(SECURITY).when(offer(SURETY, applicant="uncle")).refused("guarantor-is-borrower")
    for offered, code in (
        (of(SecurityOffered, asset_class="deposit"), "asset-class-unknown"),
        (of(SecurityOffered, asset_class=""), "asset-class-unknown"),
        (SURETY.model_copy(update={"asset_class": "deposit"}), "asset-class-unknown"),
        (SURETY.model_copy(update={"amount_max": Money.of("1.00", "USD")}), "security-currency"),
        (of(SecurityOffered, kind="UNSECURED", asset_class=""), "security-kind"),
    ):
        Scenario(SECURITY).when(offer(offered)).refused(code)
    many = [of(SecurityOffered, security_id=f"s{number}") for number in range(20)]
    Scenario(SECURITY).given(*many).when(offer(FLAT)).refused("too-many-securities")


def test_only_a_guarantor_agrees_to_be_asked_about() -> None:
    agreed = of(SecurityConsented, credit_report_text="surety-2027-01")
    Scenario(SECURITY).given(SURETY).when(RecordConsent(consented=agreed)).then(agreed)
    Scenario(SECURITY).given(SURETY).when(RecordConsent(consented=CONSENT)).then(CONSENT)
    Scenario(SECURITY).given(FLAT).when(RecordConsent(consented=agreed)).refused("only-for-surety")


def test_what_does_not_belong_to_a_security_is_refused() -> None:
    Scenario(SECURITY).given(SURETY).when(value()).refused("not-for-surety")
    Scenario(SECURITY).given(FLAT).when(assess("1.00", "0.00")).refused("only-for-surety")
    Scenario(SECURITY).given(FLAT).when(value(currency="USD")).refused("security-currency")
    Scenario(SECURITY).given(FLAT).when(value(valued_on=TODAY + timedelta(days=1))).refused("date-in-future")
    perfect = PerfectSecurity(perfected=of(SecurityPerfected, by="delivery", perfected_on="2026-02-01"), policy=POLICY)
    Scenario(SECURITY).given(FLAT).when(perfect).refused("perfection-differs")
    Scenario(SECURITY).given(FLAT, PERFECTED).when(replace(perfect, perfected=PERFECTED)).refused("perfected-already")
    Scenario(SECURITY).given(FLAT, CONSENT).when(RecordConsent(consented=CONSENT)).refused("consent-recorded")
    future = of(SecurityConsented, signed_on="2026-02-02")
    Scenario(SECURITY).given(FLAT).when(RecordConsent(consented=future)).refused("date-in-future")
    Scenario(SECURITY).when(value()).refused("security-not-found")
    Scenario(SECURITY).given(FLAT, RELEASED).when(value()).refused("security-released")


def test_somebody_else_gives_a_security_up() -> None:
    Scenario(SECURITY).given(FLAT).when(release("credit-officer")).refused("second-person-needed")
    gone = of(SecurityReleased, reason="Replaced", released_by="risk-manager", released_on=TODAY)
    Scenario(SECURITY).given(FLAT).when(release("risk-manager")).then(gone)


def test_what_was_released_since_the_loan_was_settled_stands_after_all() -> None:
    stands = ReinstateSecurity(
        application_id=ID, released_for="loan-settled", reason="repayment-reversed", today=TODAY + timedelta(days=3)
    )
    agreed = of(SecurityConsented, credit_report_text="surety-2027-01")
    reinstated = SecurityReinstated(
        application_id=ID,
        security_id="s",
        kind="SURETY",
        provider_id="uncle",
        consented_on=agreed.signed_on,
        credit_report_text="surety-2027-01",
        reason="repayment-reversed",
        reinstated_on=stands.today,
    )
    past = (SURETY, ASSESSED, agreed, RELEASED)
    state = Scenario(SECURITY).given(*past).when(stands).then(reinstated)
    counted = SECURITY.replay([SURETY, ASSESSED, agreed]).items["s"].counted(POLICY, TODAY)
    assert counted[0].minor > 0
    assert state.items["s"].counted(POLICY, TODAY) == counted
    Scenario(SECURITY).given(*past, reinstated).when(stands).then()
    Scenario(SECURITY).given(SURETY).when(stands).then()
    given_up = of(SecurityReleased, reason="Replaced", released_by="risk-manager")
    Scenario(SECURITY).given(SURETY, given_up).when(stands).then()


def test_what_was_registered_is_looked_at_anew_before_it_counts() -> None:
    past = (FLAT, CONSENT, VALUED, PERFECTED)
    back = of(SecurityReinstated, kind="MORTGAGE")
    item = SECURITY.replay([*past, RELEASED, back]).items["s"]
    assert SECURITY.replay(past).items["s"].counted(POLICY, TODAY)[1] == ""
    assert item.counted(POLICY, TODAY) == (Money(0), "registration-missing")
    Scenario(SECURITY).given(*past, RELEASED, back).when(PerfectSecurity(perfected=PERFECTED, policy=POLICY)).then(
        PERFECTED
    )


def test_all_that_stands_is_released_at_once_and_once() -> None:
    second = of(SecurityOffered, security_id="t")
    events = Scenario(SECURITY).given(FLAT, second, RELEASED).when(release("service", "")).events
    assert [event.security_id for event in events] == ["t"]
    Scenario(SECURITY).when(release("service", "")).then()


@for_all(
    st.lists(st.tuples(st.integers(1, 10**10), st.sampled_from(sorted(POLICY.classes))), max_size=5),
    st.integers(1, 10**10),
)
def test_coverage_is_what_is_counted_over_the_amount_and_never_rounded_up(
    things: list[tuple[int, str]], amount_minor: int
) -> None:
    past: list[Any] = []
    expected = 0
    for number, (minor, code) in enumerate(things):
        asset_class = POLICY.classes[code]
        own = {"security_id": f"s{number}"}
        lending = asset_class.lending_value(Money(minor))
        assert lending.minor * 10_000 <= minor * (10_000 - asset_class.haircut_bps) < (lending.minor + 1) * 10_000
        expected += lending.minor
        past += [
            of(SecurityOffered, kind=asset_class.kind.value, asset_class=code, **own),
            of(SecurityConsented, **own),
            of(SecurityValued, lending_value={"amount": lending.amount, "currency": "CNY"}, **own),
            of(SecurityPerfected, **own),
        ]
    coverage = SECURITY.replay(past).coverage_bps(Money(amount_minor), POLICY, TODAY)
    assert coverage * amount_minor <= expected * 10_000 < (coverage + 1) * amount_minor


def test_a_haircut_of_more_than_everything_is_refused() -> None:
    surety = {"capacity_months": 24, "assessment_days_max": 180}
    thing = {"code": "x", "kind": "PLEDGE", "haircut_bps": 10_001}
    document = {"version": 1, "effective_from": "2020-01-01", "currency": "CNY", "surety": surety, "classes": [thing]}
    with pytest.raises(ValueError, match="basis points"):
        SecurityPolicy.from_json(document)
