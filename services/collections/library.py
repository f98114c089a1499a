"""The rule documents, message templates and call scripts of this service, read once from its own folder. A release changes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from services.collections.domain.policy import Policy
from services.collections.domain.rules import in_force
from services.collections.domain.watch_policy import WatchPolicy
from services.collections.scripts import CallScript
from services.collections.templates import MessageTemplate

HERE: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """Every version there is; which one counts is a question of the date."""

    policies: Sequence[Policy]
    templates: Sequence[MessageTemplate]
    watch_policies: Sequence[WatchPolicy]
    scripts: Sequence[CallScript] = ()

    def policy(self, on: date) -> Policy:
        return in_force(self.policies, on)

    def watch_policy(self, on: date) -> WatchPolicy:
        return in_force(self.watch_policies, on)

    def template(self, code: str, on: date) -> MessageTemplate:
        """The version of a template in force on a date; raises `LookupError` when none is."""
        valid = [found for found in self.templates if found.code == code and found.effective_from <= on]
        if not valid:
            raise LookupError(f"no template {code} is in force on {on}")
        return max(valid, key=lambda found: (found.effective_from, found.version))


@cache
def library() -> Library:
    """Raises `PolicyError`, `TemplateError` or `ScriptError` for a document that must not be used: the service does not start."""
    policies = [Policy.from_json(json.loads(path.read_text("utf-8"))) for path in _documents("policy/cn-*")]
    templates = [MessageTemplate.from_json(json.loads(path.read_text("utf-8"))) for path in _documents("templates/*")]
    watch = [
        WatchPolicy.from_json(json.loads(path.read_text("utf-8"))) for path in _documents("policy/early-warning-*")
    ]
    scripts = [CallScript.from_json(json.loads(path.read_text("utf-8"))) for path in _documents("scripts/*")]
    return Library(policies, templates, watch, scripts)


def _documents(pattern: str) -> list[Path]:
    return sorted(HERE.glob(f"{pattern}.json"))
