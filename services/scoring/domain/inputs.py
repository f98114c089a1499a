"""From what was submitted to what indicators are fed."""

from __future__ import annotations

from libs.contracts.values import LoanRequest
from services.scoring.domain.indicators import Answer, Catalogue, is_missing

AMOUNT = "requested-amount-minor"
TERM = "requested-term-months"
PURPOSE = "loan-purpose"


def answers_of(request: LoanRequest, catalogue: Catalogue) -> dict[str, Answer]:
    """The applicant's answers by indicator; amount and term always as in the request itself, whatever was answered.

    The purpose is the one that was answered; without an answer that of the request, where the catalogue knows it
    (products have purposes of their own). The amount is in fen: one in another currency is passed on as text, which no
    card can use.
    """
    answers: dict[str, Answer] = dict(request.answers)
    if is_missing(answers.get(PURPOSE)) and request.purpose in catalogue.indicators[PURPOSE].codes:
        answers[PURPOSE] = request.purpose
    amount = request.amount
    answers[AMOUNT] = amount.minor if amount.currency == "CNY" else str(amount)
    answers[TERM] = request.instalments * request.period_months
    return answers
