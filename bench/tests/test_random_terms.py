"""The benchmark of the plans draws terms that both engines take; a rule that is added to terms shows here first."""

from __future__ import annotations

import random
from itertools import islice

import numpy as np

from bench.schedules import china, differences, portfolio, random_terms
from libs.lending.columns import plan_columns
from libs.lending.terms import RepaymentMethod

KINDS = 60


def test_random_terms_of_every_method_go_through_both_engines() -> None:
    chance, numbers, calendar = random.Random(7), np.random.default_rng(7), china()
    kinds = list(islice(iter(lambda: random_terms(chance), None), KINDS))
    loans = [portfolio(terms, 20, numbers) for terms in kinds]
    assert sum(differences(some, plan_columns(some, calendar), calendar) for some in loans) == 0
    amounts_of_one_loan = {
        RepaymentMethod.FIXED_INSTALMENT,
        RepaymentMethod.FIXED_PRINCIPAL,
        RepaymentMethod.IRREGULAR,
    }
    assert {terms.method for terms in kinds} == set(RepaymentMethod) - amounts_of_one_loan
