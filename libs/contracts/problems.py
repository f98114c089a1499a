"""How a domain says no."""

from __future__ import annotations

from typing import Any


class Rejected(Exception):
    """A command that the rules of the domain refuse; nothing has happened.

    `code` is a stable identifier that a client may rely on (kebab-case, it becomes the problem's `type`);
    `detail` says what is wrong and what to do next; `field` names the offending member as a JSON pointer;
    `status` is the HTTP status that fits (409 for a wrong state, 422 for a value, 403 for missing authority,
    404 for something that is not there).
    """

    def __init__(self, code: str, detail: str, *, field: str | None = None, status: int = 409, **extra: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.status = status
        self.extra = extra


def refuse_unless(condition: bool, code: str, detail: str, *, field: str | None = None, status: int = 409) -> None:
    """Raise `Rejected` unless the condition holds: one line a rule."""
    if not condition:
        raise Rejected(code, detail, field=field, status=status)
