"""What the audit service publishes."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from libs.contracts.base import DomainEvent
from libs.contracts.types import Text


class ReadModelVerified(DomainEvent, type="puhui.audit.read-model-verified.v1"):
    """A read model was built again from the events and compared with the live one, row by row."""

    read_model: Text
    sequence: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]
    differences: Annotated[int, Field(ge=0)]

    example: ClassVar[dict[str, Any]] = {
        "read_model": "loan.v1",
        "sequence": 42000,
        "rows": 1000,
        "differences": 0,
    }
