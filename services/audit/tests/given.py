"""Events of one loan's life, as their examples have them or changed."""

from __future__ import annotations

from typing import Any, TypeVar

from libs.contracts.base import DomainEvent
from services.audit.domain.page import Page

E = TypeVar("E", bound=DomainEvent)


def example(event: type[E], **changes: Any) -> E:
    return event.model_validate({**event.example, **changes})


def page_of(*events: DomainEvent) -> Page:
    page = Page()
    for event in events:
        page.take(event)
    return page
