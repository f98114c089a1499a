"""Read models as pure functions from an event to changes of rows.

A projection touches nothing itself: it says what should become of which row, and the store writes a whole batch of
changes with one statement for each table and kind. So it is tested without a database, rebuilt at the speed of bulk
writes, and equal in memory and in PostgreSQL.

Nobody changes a change: they are not frozen since every event of every rebuild makes some, at a third of the cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Table

from libs.events.codec import Payload, Recorded

E = TypeVar("E", bound=Payload)


@dataclass(slots=True)
class Put:
    """The row is exactly this; columns that are not given take their default."""

    table: Table
    row: Mapping[str, Any]


@dataclass(slots=True)
class Patch:
    """These columns of the row with this primary key change; nothing when there is no such row."""

    table: Table
    key: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(slots=True)
class Add:
    """These columns of the row grow by these amounts; a row that is not there is made, beginning from zero."""

    table: Table
    key: Mapping[str, Any]
    amounts: Mapping[str, int]


@dataclass(slots=True)
class Remove:
    """The row with this primary key goes."""

    table: Table
    key: Mapping[str, Any]


Change = Put | Patch | Add | Remove
Project = Callable[[Recorded[Any]], Iterable[Change]]
ProjectOf: TypeAlias = Callable[[Recorded[E]], Iterable[Change]]


@dataclass(eq=False)
class Projection:
    """A named, versioned read model: its tables and what each type of event does to them."""

    name: str
    version: int
    tables: Sequence[Table]
    _project: dict[str, Project] = field(default_factory=dict)

    @property
    def consumer(self) -> str:
        """The name under which its progress is kept: a new version begins from the beginning."""
        return f"{self.name}.v{self.version}"

    @property
    def types(self) -> frozenset[str]:
        return frozenset(self._project)

    def on(self, *event_types: type[E]) -> Callable[[ProjectOf[E]], ProjectOf[E]]:
        """Register the pure function for one or more event types."""

        def register(function: ProjectOf[E]) -> ProjectOf[E]:
            for event_type in event_types:
                if event_type.type_name in self._project:
                    raise ValueError(f"{self.name} handles {event_type.type_name} twice")
                self._project[event_type.type_name] = function
            return function

        return register

    def changes(self, batch: Iterable[Recorded[Any]]) -> list[Change]:
        """What a batch of events does, in order."""
        result: list[Change] = []
        for recorded in batch:
            project = self._project.get(recorded.current_type)
            if project is not None:
                result.extend(project(recorded))
        return result
