"""Documents that were offered at any time are made again byte for byte, in the setting of that time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import TypeAdapter
from reportlab import rl_config

from libs.contracts import examples as ex
from libs.contracts.contract import CoLender
from libs.contracts.values import ApplicantKind, FeeRule, GuaranteeKind, GuaranteeOffer, Named, RateIncreaseRule
from libs.lending.money import Money
from libs.lending.terms import FeeTiming, RepaymentMethod
from services.contract.document.alphabet import alphabet_of
from services.contract.document.pages import contract_pdf, signed_pdf
from services.contract.document.template import Template
from services.contract.document.values import SETTINGS, Contents
from services.contract.library import library
from services.contract.tests.test_document import PERSON, acceptance_of, contents, signatures

GOLDEN: Final = Path(__file__).parent / "golden"
"""SHA-256 of documents and of signed documents, without compression, which would make them depend on the version of zlib.
Those of a setting were written before there was a later one. Documents of theirs are signed, so none is ever written anew.
"""
FEE: Final = FeeRule(
    code="guarantee-fee",
    name=Named(zh="担保费", en="Guarantee fee"),
    timing=FeeTiming.AT_DISBURSEMENT,
    amount=Money.of("100.00"),
    payee="某担保公司",
)
RISE: Final = RateIncreaseRule(clause="watched-rate", increase_max=Decimal("0.025"), notice_days=45)


def shared() -> Contents:
    lenders = TypeAdapter(tuple[CoLender, ...]).validate_python(ex.CO_LENDERS)
    made = contents()
    return replace(made, agreement=made.agreement.model_copy(update={"lenders": lenders}))


def has_clause(template: Template) -> bool:
    """Whether it has the clause under which a rate may be raised."""
    return "raised" in template.tables["disclosure"]


def with_product(**update: Any) -> dict[str, object]:
    return {"product": contents().agreement.request.product.model_copy(update=update)}


CASES: Final[dict[str, Callable[[], Contents]]] = {
    "person": contents,
    "rare": lambda: contents(replace(PERSON, name="张𬭩龑\U000323af", blind="b")),
    "enterprise": lambda: contents(
        replace(PERSON, kind=ApplicantKind.ENTERPRISE, name="A & <B> 商贸", legal_representative="买买提·吐尔逊")
    ),
    "mortgage": lambda: contents(
        request={"guarantee": GuaranteeOffer(kind=GuaranteeKind.MORTGAGE, description="房产一处，燚巷")}
    ),
    "lenders": shared,
    "fees": lambda: contents(request=with_product(prepayment_fee_rate=Decimal("0.01")), fees=(FEE,)),
    "rise": lambda: contents(request=with_product(rate_increase=RISE)),
    "long": lambda: contents(instalments=120, method=RepaymentMethod.EQUAL_PRINCIPAL, annual_rate=Decimal("0.1")),
}
TEMPLATES: Final = {template.name: template for template in library().templates}
MADE: Final = [
    (case, name) for case in CASES for name, template in TEMPLATES.items() if case != "rise" or has_clause(template)
]


@pytest.fixture(autouse=True)
def uncompressed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rl_config, "pageCompression", 0)
    alphabet_of.cache_clear()
    yield
    alphabet_of.cache_clear()


@pytest.mark.parametrize("setting", sorted(SETTINGS))
@pytest.mark.parametrize(("case", "template"), MADE)
def test_it_is_made_again_byte_for_byte(case: str, template: str, setting: int) -> None:
    made = replace(CASES[case](), template=TEMPLATES[template], setting=setting)
    document = contract_pdf(made)
    signed = signed_pdf(made, document, acceptance_of(document), signatures())
    hashes = [sha256(content).hexdigest() for content in (document, signed)]
    assert hashes == json.loads((GOLDEN / f"setting-{setting}.json").read_text())[f"{template} {case}"]
