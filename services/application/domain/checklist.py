"""What an application needs besides the request: documents and consents, each complete, missing or expired (R4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from libs.contracts.application import ConsentGiven, DocumentAttached, DocumentRule, Product
from libs.contracts.values import LoanRequest, Named
from services.application.domain.finding import Finding
from services.application.domain.policy import ConsentText


class ItemKind(StrEnum):
    DOCUMENT = "DOCUMENT"
    CONSENT = "CONSENT"


class ItemStatus(StrEnum):
    COMPLETE = "COMPLETE"
    MISSING = "MISSING"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of the checklist. `valid_until` is the last day on which what was handed in counts."""

    kind: ItemKind
    code: str
    name: Named
    guidance: Named
    status: ItemStatus
    valid_until: date | None = None


def checklist(
    request: LoanRequest,
    product: Product | None,
    texts: Sequence[ConsentText],
    documents: Sequence[DocumentAttached],
    consents: Sequence[ConsentGiven],
    today: date,
) -> list[Item]:
    """Every document that the product and every consent that the policy asks this applicant for, in their order."""
    rules = documents_asked(product, request) if product is not None else ()
    return [
        *(_document(rule, [each for each in documents if each.document_type == rule.type], today) for rule in rules),
        *(
            _consent(text, [each for each in consents if each.purpose is text.purpose], today)
            for text in texts
            if text.required and request.applicant_kind in text.applies_to
        ),
    ]


def documents_asked(product: Product, request: LoanRequest) -> tuple[DocumentRule, ...]:
    """The rules that apply to this kind of applicant and this kind of security."""
    return tuple(
        rule
        for rule in product.documents
        if request.applicant_kind in rule.applies_to
        and (not rule.only_with or request.guarantee.kind in rule.only_with)
    )


def incomplete(items: Iterable[Item]) -> list[Finding]:
    """What is still to be handed in, as findings."""
    found = []
    for item in items:
        if item.status is not ItemStatus.COMPLETE:
            noun, member = ("document", "/documents") if item.kind is ItemKind.DOCUMENT else ("consent", "/consents")
            code = f"{noun}-{item.status.lower()}"
            found.append(Finding(code, f"{member}/{item.code}", _what_to_do(item)))
    return found


def _what_to_do(item: Item) -> Named:
    expired = item.status is ItemStatus.EXPIRED
    zh, en = ("已过期", "has expired") if expired else ("缺失", "is missing")
    return Named(
        zh=f"{item.name.zh}{zh}：{item.guidance.zh}",
        en=f"{item.name.en} {en}: {item.guidance.en}",
    )


def _document(rule: DocumentRule, handed_in: Sequence[DocumentAttached], today: date) -> Item:
    """Complete when one of those handed in is; more than one may be, as an older one is replaced."""
    last_days = [_last_day(document, rule.valid_days) for document in handed_in]
    status, last_day = _status(last_days, today)
    return Item(
        kind=ItemKind.DOCUMENT,
        code=rule.type,
        name=rule.name,
        guidance=rule.guidance,
        status=status,
        valid_until=last_day,
    )


def _consent(text: ConsentText, given: Sequence[ConsentGiven], today: date) -> Item:
    valid = timedelta(text.valid_days) if text.valid_days is not None else None
    status, last_day = _status([each.given_on + valid if valid else date.max for each in given], today)
    return Item(
        kind=ItemKind.CONSENT,
        code=text.purpose.lower().replace("_", "-"),
        name=text.name,
        guidance=text.guidance,
        status=status,
        valid_until=last_day,
    )


def _last_day(document: DocumentAttached, valid_days: int | None) -> date:
    """The earlier of the document's own end and the age that the rule admits, both included."""
    own = document.expires_on or date.max
    return own if valid_days is None else min(own, document.issued_on + timedelta(valid_days))


def _status(last_days: Sequence[date], today: date) -> tuple[ItemStatus, date | None]:
    if not last_days:
        return ItemStatus.MISSING, None
    latest = max(last_days)
    status = ItemStatus.COMPLETE if latest >= today else ItemStatus.EXPIRED
    return status, None if latest == date.max else latest
