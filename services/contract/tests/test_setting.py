"""How a document is set: what stands in it, and that an offer says it, so that it can be made again."""

from __future__ import annotations

import re
from dataclasses import replace
from io import BytesIO

import pytest
from pypdf import PdfReader
from pypdf.generic import StreamObject

from libs.contracts.contract import ContractOffered
from services.contract.document.pages import contract_pdf
from services.contract.document.values import AS_SHOWN, STANDING, Contents, values_of
from services.contract.domain.contract import INITIAL, decide
from services.contract.handlers import contents_of, make_out
from services.contract.library import library
from services.contract.tests.story import APPROVED
from services.contract.tests.test_document import PERSON, text_of
from services.contract.tests.test_made_again import CASES, MADE, TEMPLATES

ENTRY = re.compile(r"<[0-9A-F]{2}> <([0-9A-F]{4,8})>")
STAND = ("/F1+0", "/F1+1", "/F2+0", "/F2+1")
"""The subsets of the template's characters: two of the common font and two of the bold one."""


def case(name: str, template: str) -> Contents:
    return replace(CASES[name](), template=TEMPLATES[template])


@pytest.mark.parametrize(("name", "template"), MADE)
def test_both_settings_say_the_same(name: str, template: str) -> None:
    made = case(name, template)
    assert text_of(contract_pdf(made)) == text_of(contract_pdf(replace(made, setting=AS_SHOWN)))


@pytest.mark.parametrize(("name", "template"), MADE)
def test_what_a_template_says_stands_and_only_values_do_not(name: str, template: str) -> None:
    made = case(name, template)
    reader = PdfReader(BytesIO(contract_pdf(made)), strict=True)
    fonts = reader.pages[0]["/Resources"]["/Font"]
    assert set(STAND) <= set(fonts)
    added = {character for each in set(fonts) - set(STAND) for character in characters_of(fonts[each]["/ToUnicode"])}
    assert {character for character in added if not character.isascii()} <= brought_by(made)


def characters_of(to_text: StreamObject) -> set[str]:
    """Those that a map from codes to text has."""
    return {bytes.fromhex(code).decode("utf-16-be") for code in ENTRY.findall(to_text.get_data().decode())}


def brought_by(made: Contents) -> set[str]:
    """The characters of everything that another agreement would have otherwise."""
    agreed = made.agreement
    costs = [text for item in agreed.disclosure.items for text in (item.name.zh, item.charged.zh, item.payee)]
    lenders = [lender.legal_name.zh for lender in agreed.lenders if lender.legal_name]
    borrower = [made.borrower.name, made.borrower.legal_representative, "〔〕"]
    return set("".join([*values_of(made).values(), *costs, *lenders, *borrower]))


def offered() -> ContractOffered:
    (event,) = decide(make_out(APPROVED, PERSON).command, INITIAL)
    assert isinstance(event, ContractOffered)
    return event


def test_what_is_offered_has_standing_codes_and_is_made_again_with_them() -> None:
    made = make_out(APPROVED, PERSON)
    event = offered()
    assert event.setting == STANDING
    assert contract_pdf(contents_of(event, PERSON, library())) == made.document


def test_what_was_offered_before_is_made_again_in_the_former_way() -> None:
    before = {name: value for name, value in offered().payload().items() if name != "setting"}
    assert contents_of(ContractOffered.model_validate(before), PERSON, library()).setting == AS_SHOWN


def test_a_setting_that_is_not_known_here_is_not_guessed() -> None:
    with pytest.raises(LookupError, match="setting 3"):
        contents_of(offered().model_copy(update={"setting": 3}), PERSON, library())
