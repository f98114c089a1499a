"""The rules that audit goes by, read once from its own folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from services.audit.domain.controls import ControlPolicy
from services.audit.domain.retention import RetentionPolicy
from services.audit.domain.risk_board import BoardPolicy
from services.audit.domain.service_levels import ServiceLevels

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """Every version there is; which one counts is a question of the date."""

    retention: tuple[RetentionPolicy, ...]
    controls: tuple[ControlPolicy, ...]
    service_levels: tuple[ServiceLevels, ...]
    boards: tuple[BoardPolicy, ...]

    def retention_on(self, day: date) -> RetentionPolicy:
        """The rules of retention in force on a date; raises `LookupError` when none are."""
        return _in_force(self.retention, day)

    def controls_on(self, day: date) -> ControlPolicy:
        """The control tests in force on a date; raises `LookupError` when none are."""
        return _in_force(self.controls, day)

    def service_levels_on(self, day: date) -> ServiceLevels:
        """The targets in force on a date; raises `LookupError` when none are."""
        return _in_force(self.service_levels, day)

    def board_on(self, day: date) -> BoardPolicy:
        """The limits of the risk board in force on a date; raises `LookupError` when none are."""
        return _in_force(self.boards, day)


class _Dated(Protocol):
    @property
    def version(self) -> int: ...

    @property
    def effective_from(self) -> date: ...


P = TypeVar("P", bound=_Dated)


def _in_force(policies: Sequence[P], day: date) -> P:
    valid = [policy for policy in policies if policy.effective_from <= day]
    if not valid:
        raise LookupError(f"no policy is in force on {day}")
    return max(valid, key=lambda policy: (policy.effective_from, policy.version))


@cache
def library() -> Library:
    """Raises `ValueError` or `KeyError` for a policy that must not be used: the service will not start."""
    return Library(
        retention=tuple(map(RetentionPolicy.from_json, _documents("retention-*.json"))),
        controls=tuple(map(ControlPolicy.from_json, _documents("controls-*.json"))),
        service_levels=tuple(map(ServiceLevels.from_json, _documents("service-levels-*.json"))),
        boards=tuple(map(BoardPolicy.from_json, _documents("risk-board-*.json"))),
    )


def _documents(pattern: str) -> Iterator[Any]:
    for path in sorted((HERE / "policy").glob(pattern)):
        yield json.loads(path.read_text(encoding="utf-8"))
