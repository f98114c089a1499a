"""Templates: no figure that the agreement does not give, no name that has no value, no character without type."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from libs.contracts import examples as ex
from libs.contracts.contract import CoLender
from libs.contracts.values import GuaranteeKind, RateIncreaseRule
from libs.typesetting.typography import BOLD, COMMON, font_of, prepare
from services.contract.document.pages import TABLES
from services.contract.document.template import Template, read_template
from services.contract.document.values import conditions_of, values_of
from services.contract.library import library
from services.contract.tests.test_document import contents

TEMPLATES = list(library().templates)
RISE = RateIncreaseRule(clause="watched-rate", increase_max=Decimal("0.02"), notice_days=30)
ARTICLES = re.compile(r"Articles? [0-9]+(?:(?:, | and )[0-9]+)*")
STANDARDS = ("SHA-256",)


def conditions() -> set[str]:
    """Every condition that can hold."""
    agreed = contents().agreement
    lenders = TypeAdapter(tuple[CoLender, ...]).validate_python(ex.CO_LENDERS)
    found = set(conditions_of(agreed)) | conditions_of(agreed.model_copy(update={"lenders": lenders}))
    found |= conditions_of(agreed.model_copy(update={"rate_increase": RISE}))
    for kind in GuaranteeKind:
        guarantee = agreed.request.guarantee.model_copy(update={"kind": kind})
        overdue = agreed.request.product.overdue.model_copy(update={"on_interest": True})
        product = agreed.request.product.model_copy(update={"overdue": overdue})
        request = agreed.request.model_copy(update={"guarantee": guarantee, "product": product})
        disclosure = agreed.disclosure.model_copy(update={"prepayment_fee_rate": Decimal("0.01")})
        other = agreed.model_copy(update={"request": request, "disclosure": disclosure, "overdue_grace_days": 0})
        found |= conditions_of(other)
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_every_name_has_a_value_and_every_condition_can_hold(template: Template) -> None:
    values = values_of(replace(contents(), template=template))
    assert {name for text in template.texts() for name in text.names()} <= values.keys()
    asked = {section.when for section in template.sections} | {c.when for s in template.sections for c in s.clauses}
    assert asked - {""} <= conditions()
    assert {section.table for section in template.sections} - {""} <= TABLES.keys()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_no_figure_stands_in_a_text_but_the_numbers_of_articles(template: Template) -> None:
    for text in template.texts():
        for said in (text.zh, text.en):
            for standard in STANDARDS:
                said = said.replace(standard, "")
            assert not re.search(r"[0-9０-９%％]", ARTICLES.sub("", re.sub(r"\{\w+\}", "", said))), said


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_both_languages_ask_for_the_same_figures(template: Template) -> None:
    def figures(text: str) -> set[str]:
        names = set(re.findall(r"\{(\w+)\}", text))
        return {re.sub("_(zh|en)$", "", name) for name in names} - {"principal_capitals"}

    for text in template.texts():
        assert figures(text.zh) == figures(text.en), text.zh


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_every_character_of_a_template_is_in_both_weights(template: Template) -> None:
    prepare()
    used = {character for character in template.source if character.isprintable()}
    assert {character for character in used if font_of(character) != COMMON} == set()
    assert {character for character in used if font_of(character, bold=True) != BOLD} == set()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_terms_that_burden_the_borrower_are_highlighted(template: Template) -> None:
    """Civil Code 496: overdue interest, prepayment fee, misuse, security, and what may not be charged."""
    for section in template.sections:
        for clause in section.clauses:
            burdens = any(
                word in clause.text.zh for word in ("overdue_rate", "prepayment_fee_rate", "提前收回", "保证期间")
            )
            assert clause.highlight or not burdens, clause.text.zh


@pytest.mark.parametrize("content", ['format = "other/1"', 'format = "puhui.contract-template/1"\nid = "x"'])
def test_a_file_of_another_form_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "template.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"not of the format|lacks 'version'"):
        read_template(path)


def test_a_code_without_a_word_is_printed_itself() -> None:
    assert TEMPLATES[0].word("purpose", "rocket").zh == "rocket"
