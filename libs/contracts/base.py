"""The base of every published event, and the registry that finds an event class by its type name."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from libs.contracts.personal import personal_members, personal_values

TYPE_NAME: Final = re.compile(r"puhui\.(?P<service>[a-z]+)\.(?P<name>[a-z]+(-[a-z]+)*)\.v(?P<version>[1-9][0-9]*)")

EVENT_TYPES: Final[dict[str, type[DomainEvent]]] = {}
"""Every event class by its stable type name."""


class DomainEvent(BaseModel):
    """Something that happened and stays true. Frozen; unknown members are ignored, so that adding one breaks nobody.

    A subclass names its type once and for ever: `class LoanDisbursed(DomainEvent, type="puhui.ledger.loan-disbursed.v1")`
    and carries one example, which is also its golden file.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, ser_json_temporal="iso8601")

    type_name: ClassVar[str]
    service: ClassVar[str]
    example: ClassVar[dict[str, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__()  # the type is taken by the hook below, once pydantic has made the fields

    @classmethod
    def __pydantic_init_subclass__(cls, *, type: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not type:
            raise TypeError(f"{cls.__name__} names no event type")
        match = TYPE_NAME.fullmatch(type)
        if match is None:
            raise TypeError(f"{type!r} is not of the form puhui.<service>.<name>.v<version>")
        if type in EVENT_TYPES:
            raise TypeError(f"{type} is taken by {EVENT_TYPES[type].__name__}")
        cls.type_name, cls.service = type, match["service"]
        EVENT_TYPES[type] = cls

    def payload(self) -> dict[str, Any]:
        """The event as JSON values: money and rates as strings, dates in ISO 8601."""
        return self.model_dump(mode="json")

    @classmethod
    def personal(cls, payload: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
        """Where in a payload of this event personal values stand, and whose they are; raises `ValueError`."""
        return personal_values(cls, payload) if personal_members(cls) else []


class Value(BaseModel):
    """A value inside an event: frozen, compared by content."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, ser_json_temporal="iso8601")
