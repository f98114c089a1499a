"""Given, when, then: a decider under test, with no store, no clock and no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from libs.events.decider import Decider

S = TypeVar("S")


@dataclass
class Scenario(Generic[S]):
    """`given(...)` past events, `when(...)` a command, `then(...)` exactly these events; or `refused(...)`.

    >>> Scenario(decider).given(AccountOpened()).when(CloseAccount()).then(AccountClosed())
    """

    decider: Decider[Any, S, Any]
    past: Sequence[Any] = ()
    events: Sequence[Any] = field(default=())
    error: Exception | None = None

    def given(self, *past: Any) -> Scenario[S]:
        return Scenario(self.decider, past)

    def when(self, command: Any) -> Scenario[S]:
        state = self.decider.replay(self.past)
        try:
            return Scenario(self.decider, self.past, list(self.decider.decide(command, state)))
        except Exception as error:  # noqa: BLE001  # `then` and `refused` say what it means
            return Scenario(self.decider, self.past, (), error)

    def then(self, *expected: Any) -> S:
        """Exactly these events followed; the state after them."""
        if self.error is not None:
            raise AssertionError(f"refused: {self.error!r}") from self.error
        assert list(self.events) == list(expected), f"\nexpected {list(expected)}\ngot      {list(self.events)}"
        return self.decider.replay([*self.past, *self.events])

    def refused(self, code: str | None = None) -> Exception:
        """The command was refused, with this code; the refusal."""
        assert self.error is not None, f"not refused: {list(self.events)}"
        if code is not None:
            assert getattr(self.error, "code", None) == code, repr(self.error)
        elif not hasattr(self.error, "code"):
            raise self.error
        return self.error
