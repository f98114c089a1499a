"""What runs for a person and what has ended, by whatever part of it has been heard."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.audit.domain.dealings import Answering, Dealing, relationship
from services.audit.domain.retention import Relationship, Standing

ON = date(2027, 2, 2)
OWN, ITS_LOAN, SECURITY = "application 1", "the loan of application 1", "the security s for application 1"
LENT = {"application_state": "CONTRACTED", "contract_state": "SIGNED", "loan_state": "ACTIVE"}
OVER = LENT | {"loan_state": "SETTLED"}


def own(**heard: str) -> Dealing:
    return Dealing(application_id="1", ended_on=ON, **heard)


def security(*, consented: bool = True, released: bool = False, **heard: str) -> Answering:
    return Answering(application_id="1", ended_on=ON, security_id="s", consented=consented, released=released, **heard)


def runs(standing: Standing, named: str) -> Relationship:
    return Relationship(standing=standing, running=(named,))


def ended(standing: Standing) -> Relationship:
    return Relationship(standing=standing, ended_on=ON)


@pytest.mark.parametrize(
    ("heard", "told"),
    [
        ({"application_state": "DRAFT"}, runs(Standing.APPLICANT, OWN)),
        ({"application_state": "SUBMITTED", "contract_state": "OFFERED"}, runs(Standing.APPLICANT, OWN)),
        ({"application_state": "SUBMITTED", "contract_state": "SIGNED"}, runs(Standing.CUSTOMER, OWN)),
        ({"application_state": "CONTRACTED"}, runs(Standing.CUSTOMER, ITS_LOAN)),
        ({"application_state": "CONTRACTED", "contract_state": "OFFERED"}, runs(Standing.CUSTOMER, ITS_LOAN)),
        (LENT, runs(Standing.CUSTOMER, ITS_LOAN)),
        (LENT | {"loan_state": "WRITTEN_OFF"}, runs(Standing.CUSTOMER, ITS_LOAN)),
        (OVER, ended(Standing.CUSTOMER)),
        (LENT | {"loan_state": "CANCELLED"}, ended(Standing.CUSTOMER)),
        ({"application_state": "SUBMITTED", "loan_state": "SETTLED"}, ended(Standing.CUSTOMER)),
        ({"application_state": "WITHDRAWN", "contract_state": "CANCELLED"}, ended(Standing.APPLICANT)),
        ({"application_state": "DECLINED"}, ended(Standing.APPLICANT)),
    ],
)
def test_an_application_runs_until_it_is_over_and_then_its_loan(heard: dict[str, str], told: Relationship) -> None:
    assert relationship([own(**heard)]) == told


@pytest.mark.parametrize(
    ("given", "heard", "told"),
    [
        ({}, {}, runs(Standing.APPLICANT, SECURITY)),
        ({}, {"application_state": "SUBMITTED"}, runs(Standing.APPLICANT, SECURITY)),
        ({}, {"loan_state": "ACTIVE"}, runs(Standing.CUSTOMER, SECURITY)),
        ({}, LENT, runs(Standing.CUSTOMER, SECURITY)),
        ({}, LENT | {"loan_state": "WRITTEN_OFF"}, runs(Standing.CUSTOMER, SECURITY)),
        ({}, OVER, ended(Standing.CUSTOMER)),
        ({}, {"loan_state": "SETTLED"}, ended(Standing.CUSTOMER)),
        ({}, {"application_state": "DECLINED"}, ended(Standing.APPLICANT)),
        ({"released": True}, LENT, ended(Standing.CUSTOMER)),
        ({"released": True}, {"application_state": "SUBMITTED"}, ended(Standing.APPLICANT)),
        ({"consented": False}, {}, runs(Standing.APPLICANT, SECURITY)),
        ({"consented": False}, {"application_state": "DRAFT"}, runs(Standing.APPLICANT, SECURITY)),
        ({"consented": False}, LENT, ended(Standing.APPLICANT)),
        ({"consented": False}, OVER, ended(Standing.APPLICANT)),
        ({"consented": False, "released": True}, {"application_state": "DRAFT"}, ended(Standing.APPLICANT)),
    ],
)
def test_a_security_runs_as_long_as_there_is_something_to_answer_for(
    given: dict[str, Any], heard: dict[str, str], told: Relationship
) -> None:
    assert relationship([security(**given, **heard)]) == told


def test_all_dealings_count_together_and_the_last_end_is_theirs() -> None:
    earlier = Dealing(application_id="0", application_state="WITHDRAWN", ended_on=date(2026, 1, 1))
    assert relationship([earlier, security(**OVER)]) == ended(Standing.CUSTOMER)
    both = relationship([own(**LENT), security(**LENT)])
    assert both == Relationship(standing=Standing.CUSTOMER, running=(ITS_LOAN, SECURITY))
    assert relationship([]) == Relationship(standing=Standing.APPLICANT)


def test_a_contact_person_is_a_customer_where_he_answers_for_a_loan() -> None:
    assert relationship([], contact=True).standing is Standing.CONTACT
    assert relationship([security(**LENT)], contact=True).standing is Standing.CUSTOMER
