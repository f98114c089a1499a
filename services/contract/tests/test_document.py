"""The document: what it says, that it can be made again, and that signing leaves its bytes alone."""

from __future__ import annotations

import gc
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from types import CodeType, FrameType, FunctionType

import pytest
from pydantic import TypeAdapter
from pypdf import PageObject, PdfReader
from pypdf.generic import IndirectObject

from libs.contracts import examples as ex
from libs.contracts.contract import CoLender, ContractAccepted, Party, Signature
from libs.contracts.values import (
    ApplicantKind,
    BankAccount,
    FeeRule,
    GuaranteeKind,
    GuaranteeOffer,
    Named,
    RateIncreaseRule,
)
from libs.lending.money import Money
from libs.lending.terms import FeeTiming, RepaymentMethod
from services.contract.document.pages import contract_pdf, signed_pdf
from services.contract.document.parties import Borrower
from services.contract.document.values import AS_SHOWN, SETTINGS, STANDING, Contents
from services.contract.domain.agreement import make_agreement
from services.contract.library import library
from services.contract.tests.story import ACCOUNT, APPROVED, CONTRACT

ON = date(2026, 2, 1)
WITHOUT_FONTS = 9_000
"""Bytes of a page of signatures that brings no more than the characters of names."""
PERSON = Borrower(
    applicant_id="a", kind=ApplicantKind.PERSON, name="张三", identity_number="11010519491231002X", mobile="13800000000"
)


def contents(
    borrower: Borrower = PERSON, request: dict[str, object] | None = None, setting: int = STANDING, **offer: object
) -> Contents:
    asked = APPROVED.request.model_copy(update=request or {})
    return Contents(
        contract_id=CONTRACT,
        agreement=make_agreement(asked, APPROVED.offer.model_copy(update=offer), APPROVED.basis, ON),
        template=library().template_on(ON),
        lender=library().lender_on(ON),
        borrower=borrower,
        offered_on=ON,
        expires_on=date(2026, 2, 15),
        setting=setting,
    )


def text_of(pdf: bytes) -> str:
    """What a reader of the file can select and copy, without the breaks of its lines."""
    return "".join("".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_it_says_what_was_agreed() -> None:
    made = contents()
    text = text_of(contract_pdf(made))
    agreed = made.agreement
    for said in (
        "借款合同",
        made.number,
        "张三",
        "11010519491231002X",
        made.lender.credit_code,
        "人民币壹万贰仟元整（¥12,000.00），用于家庭日常消费",
        "期限为12个月",
        "年利率为18%",
        "¥1,201.95",
        "19.56%",
        "18.00%",
        "年利率27%按日计收逾期利息",
        "还款日后3日的宽限期",
        "2026-02-15前（含当日）有效",
        made.template.sha256[:16],
        "第1页共3页",
    ):
        assert said in text, said
    for row in agreed.plan:
        assert f"{row.number}{row.due}{row.principal.decimal:,.2f}{row.interest.decimal:,.2f}0.00" in text


def test_it_names_every_lender_with_share_and_part_where_several_lend() -> None:
    alone = contents()
    lenders = TypeAdapter(tuple[CoLender, ...]).validate_python(ex.CO_LENDERS)
    shared = replace(alone, agreement=alone.agreement.model_copy(update={"lenders": lenders}))
    text = text_of(contract_pdf(shared))
    harbour = "港湾银行股份有限公司HarbourBankCo.,Ltd.B0000H233010001"
    ours = "".join(f"{shared.lender.name.zh}{shared.lender.name.en}{shared.lender.credit_code}".split())
    for said in ("共同出借人", harbour, "70%¥8,400.00", ours, "30%¥3,600.00", "不为其他出借人承担责任"):
        assert said in text, said
    assert "共同出借人" not in text_of(contract_pdf(alone))


def test_it_says_when_the_rate_may_be_raised_and_what_that_may_cost() -> None:
    fixed = replace(contents(), template=library().template_on(date(2027, 1, 1)))
    product = APPROVED.request.product.model_copy(
        update={"rate_increase": RateIncreaseRule(clause="watched-rate", increase_max=Decimal("0.025"), notice_days=45)}
    )
    agreed = contents(request={"product": product}).agreement
    text = text_of(contract_pdf(replace(fixed, agreement=agreed)))
    for said in (
        "利率上调条款（watched-rate）",
        "累计不超过2.5%",
        "上调后的年利率不高于20.5%",
        "提前45日书面通知借款人",
        "上调后的最高年利率",
        "22.54%",
        "除下列条款约定的情形外",
    ):
        assert said in text, said
    plain = text_of(contract_pdf(fixed))
    assert "利率上调" not in plain
    assert "在合同期内固定不变" in plain


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_the_same_contents_give_the_same_bytes_in_another_process_too(setting: int) -> None:
    script = (
        "from hashlib import sha256\n"
        "from services.contract.document.pages import contract_pdf\n"
        "from services.contract.tests.test_document import contents\n"
        "contract_pdf(contents(instalments=24))\n"
        f"print(sha256(contract_pdf(contents(setting={setting}))).hexdigest())\n"
    )
    first = sha256(contract_pdf(contents(setting=setting))).hexdigest()
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert other.stdout.split() == [first]


def test_another_name_gives_other_bytes() -> None:
    assert contract_pdf(contents()) != contract_pdf(contents(replace(PERSON, name="张四")))


@pytest.mark.parametrize(
    ("name", "printed"),
    [("张𬭩龑", "张𬭩龑"), ("买买提·吐尔逊", "买买提·吐尔逊"), ("李\U000323af", "李〔U+323AF〕"), ("A & <B>", "A&<B>")],
)
def test_no_character_of_a_name_vanishes(name: str, printed: str) -> None:
    assert printed in text_of(contract_pdf(contents(replace(PERSON, name=name))))


def test_every_font_is_embedded() -> None:
    reader = PdfReader(BytesIO(contract_pdf(contents(replace(PERSON, name="张龑")))))
    fonts = {
        font.get_object()["/BaseFont"]: font.get_object()["/FontDescriptor"].get_object()
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert any("Rare" in name for name in fonts)
    assert all("/FontFile2" in descriptor for descriptor in fonts.values())


@pytest.mark.parametrize(
    ("kind", "said", "unsaid"),
    [
        (GuaranteeKind.SURETY, "保证期间为借款到期日（按计划为2027-02-01）起六个月", "抵押人"),
        (GuaranteeKind.MORTGAGE, "抵押权自登记时设立", "保证期间"),
        (GuaranteeKind.PLEDGE, "质权自交付质押财产时设立", "抵押人"),
        (GuaranteeKind.UNSECURED, "第六条逾期", "担保方式为"),
    ],
)
def test_the_security_that_was_agreed_is_in_it_and_no_other(kind: GuaranteeKind, said: str, unsaid: str) -> None:
    text = text_of(contract_pdf(contents(request={"guarantee": GuaranteeOffer(kind=kind, description="房产一处")})))
    assert said in text
    assert unsaid not in text


def test_fees_are_disclosed_with_how_they_are_charged_and_by_whom() -> None:
    fee = FeeRule(
        code="guarantee-fee",
        name=Named(zh="担保费", en="Guarantee fee"),
        timing=FeeTiming.AT_DISBURSEMENT,
        amount=Money.of("100.00"),
        payee="某担保公司",
    )
    product = APPROVED.request.product.model_copy(update={"prepayment_fee_rate": Decimal("0.01")})
    text = text_of(contract_pdf(contents(request={"product": product}, fees=(fee,))))
    assert "担保费Guaranteefee¥100.00放款日另行支付，不从本金中扣除" in text
    assert "某担保公司" in text
    assert "按提前偿还本金的1%收取提前还款费" in text


def test_an_enterprise_is_named_with_its_representative() -> None:
    firm = replace(PERSON, kind=ApplicantKind.ENTERPRISE, name="某某商贸有限公司", legal_representative="王五")
    text = text_of(contract_pdf(contents(firm)))
    assert "法定代表人Legalrepresentative王五" in text
    assert "居民身份证号码" not in text


def test_a_long_plan_goes_on_over_pages_with_its_heads() -> None:
    text = text_of(
        contract_pdf(contents(instalments=120, method=RepaymentMethod.EQUAL_PRINCIPAL, annual_rate=Decimal("0.1")))
    )
    assert text.count("剩余本金Principalleft") >= 3
    assert "1202036-02-01" in text


def signatures() -> list[Signature]:
    return [
        Signature(
            party=party,
            signatory="someone",
            algorithm="Ed25519",
            public_key="key-of-" + party.value,
            signature="signature-of-" + party.value,
            signed_at="2026-02-02T02:03:04.000005Z",
        )
        for party in (Party.BORROWER, Party.LENDER)
    ]


def acceptance_of(document: bytes) -> ContractAccepted:
    return ContractAccepted(
        contract_id=CONTRACT,
        document_sha256=sha256(document).hexdigest(),
        account=BankAccount.model_validate(ACCOUNT),
        accepted_on=ON,
    )


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_signing_adds_a_page_and_leaves_every_byte_of_the_document(setting: int) -> None:
    made = contents(replace(PERSON, name="张龑"), setting=setting)
    document = contract_pdf(made)
    signed = signed_pdf(made, document, acceptance_of(document), signatures())
    assert signed.startswith(document)
    before, after = PdfReader(BytesIO(document), strict=True), PdfReader(BytesIO(signed), strict=True)
    assert len(after.pages) == len(before.pages) + 1
    assert [page.extract_text() for page in after.pages[:-1]] == [page.extract_text() for page in before.pages]
    page = "".join(after.pages[-1].extract_text().split())
    for said in (sha256(document).hexdigest(), ACCOUNT["number"], "张龑", "key-of-LENDER", "signature-of-BORROWER"):
        assert said in page, said
    assert after.metadata is not None
    assert after.metadata.title == before.metadata.title  # type: ignore[union-attr]


def test_a_page_of_signatures_shares_the_fonts_of_its_document() -> None:
    made = contents(replace(PERSON, name="张龑"))
    document = contract_pdf(made)
    signed = signed_pdf(made, document, acceptance_of(document), signatures())
    reader = PdfReader(BytesIO(signed), strict=True)
    first, last = fonts_of(reader.pages[0]), fonts_of(reader.pages[-1])
    shared = {name for name in first if first[name].idnum == last[name].idnum}
    assert {"/F1+0", "/F1+1", "/F2+0", "/F2+1"} <= shared
    assert len(signed) - len(document) < WITHOUT_FONTS
    fonts = {font.idnum: font.get_object() for font in (*first.values(), *last.values())}.values()
    assert len({font["/BaseFont"] for font in fonts}) == len(fonts), "subsets of one font have different tags"


def fonts_of(page: PageObject) -> dict[str, IndirectObject]:
    return {name: page["/Resources"]["/Font"].raw_get(name) for name in page["/Resources"]["/Font"]}


def test_a_page_of_the_former_setting_brings_its_own_fonts() -> None:
    made = contents(replace(PERSON, name="张龑"), setting=AS_SHOWN)
    document = contract_pdf(made)
    reader = PdfReader(BytesIO(signed_pdf(made, document, acceptance_of(document), signatures())))
    first, last = ({font.idnum for font in fonts_of(page).values()} for page in (reader.pages[0], reader.pages[-1]))
    assert first.isdisjoint(last)


def test_what_was_written_of_a_borrower_is_not_kept() -> None:
    """It would outlive his erasure: whatever is kept for the next document says nothing of this one's borrower."""
    secrets = ("犇羴鱻", "110105194912310099", "bearer-of-a-secret-blind")

    def set_one() -> None:
        borrower = replace(PERSON, name=secrets[0], identity_number=secrets[1], blind=secrets[2])
        guarantee = GuaranteeOffer(kind=GuaranteeKind.SURETY, description=f"保证人：{secrets[0]}")
        made = contents(borrower, request={"guarantee": guarantee})
        document = contract_pdf(made)
        signed_pdf(made, document, acceptance_of(document), signatures())

    set_one()
    gc.collect()
    assert kept_with(secrets) == []


def kept_with(secrets: tuple[str, ...]) -> list[object]:
    """Everything that the process holds which has one of the texts in it."""
    texts = [
        (holder, text)
        for holder in gc.get_objects()
        if holder is not secrets and not isinstance(holder, FrameType | FunctionType | CodeType)
        for text in gc.get_referents(holder)
        if isinstance(text, str) and text is not holder
    ]
    return [holder for holder, text in texts if any(secret in text for secret in secrets)]
