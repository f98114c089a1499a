"""A loan's page from its events by rules that are data: `state_rules.json`, the same for every verifier.

It reads what was recorded, not classes made of it, so it needs no part of the platform, and personal values that are
sealed or erased do not hinder it: no rule speaks of one.

A rule names a row (application, loan, case), the member that holds its key, what it sets and what it adds. A value is
a path into the data (`position.outstanding:total`), a constant (`=OPEN`, a number, null), or a text with paths in
braces (`~{card_id} v{card_version}`). After a colon: `minor` (money in minor units), `minus` (the same, negative),
`total` (the sum of an amount's four parts), `joined` (texts, by commas), `empty` (whether there is none).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

RULES: Final = Path(__file__).with_name("state_rules.json")
KNOWN_RULES: Final = frozenset(
    {
        "d2fd59290a57541fb48740ef126a2c350e3b8f6ba15769b4e357c8e8783e8e0b",
        "3511f075a4456fd2be1cfdc7f9a67dcbb1593794685436a7dd9bb3fbc51cfddd",
        "42d01b21b7ef0ec77320130f81b081efe14fc15a4204f44437b301e919f101a3",
    }
)
"""SHA-256 of every version of the rules that was ever published: old bundles are checked by their own."""
PARTS_OF_AN_AMOUNT: Final = ("principal", "interest", "fee", "penalty")
KEYS: Final = {"application": "application_id", "loan": "loan_id", "case": "case_id"}
_AMOUNT: Final = re.compile(r"(-?)(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,3}))?")

Row: TypeAlias = dict[str, Any]
Value: TypeAlias = Callable[[Any], Any]
Effect: TypeAlias = tuple[str, str, dict[str, Any], dict[str, int]]
"""Row, key, what is set, what is added."""


class CannotReplay(ValueError):
    """An event's data are not as the rules need them."""


def _found(data: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(data, list) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        elif isinstance(data, dict):
            data = data.get(step)
        else:
            return None
    return data


def _minor(money: Any) -> int:
    """An amount in minor units; one that is not there is nothing."""
    if money is None:
        return 0
    match = _AMOUNT.fullmatch(money["amount"]) if isinstance(money, dict) and type(money.get("amount")) is str else None
    if match is None:
        raise CannotReplay("an amount of money is none")
    minor = int(match[2] + (match[3] or ""))
    return -minor if match[1] else minor


def _total(parts: Any) -> int:
    return sum(_minor(parts.get(part)) for part in PARTS_OF_AN_AMOUNT) if isinstance(parts, dict) else 0


def _shown(value: Any) -> str:
    if type(value) is str:
        return value
    if type(value) is int:
        return str(value)
    raise CannotReplay("a text is put together from what is no text")


def _joined(values: Any) -> str:
    return ", ".join(_shown(value) for value in values) if isinstance(values, list) else ""


AS: Final[Mapping[str, Value]] = {
    "": lambda value: value,
    "minor": _minor,
    "minus": lambda money: -_minor(money),
    "total": _total,
    "joined": _joined,
    "empty": lambda values: not values,
}


def _value(said: Any) -> Value:
    if not isinstance(said, str):
        return lambda _data: said
    if said.startswith("="):
        return lambda _data: said[1:]
    if said.startswith("~"):
        return lambda data: re.sub(r"\{([^}]*)\}", lambda match: _shown(_found(data, match[1])), said[1:])
    path, _, form = said.partition(":")
    shaped = AS[form]
    return lambda data: shaped(_found(data, path))


Rules: TypeAlias = Mapping[str, Sequence[tuple[str, str, Mapping[str, Value], Mapping[str, Value]]]]
"""By type of event: row, the member with its key, what is set, what is added."""


@cache
def current_rules() -> Rules:
    """The rules of this version."""
    return rules_from(RULES.read_bytes())


@cache
def rules_from(content: bytes) -> Rules:
    """Rules from their file, which must be one of `KNOWN_RULES`: it is believed."""
    document = json.loads(content)
    parts = document["parts"]
    rules = {}
    for type_name, said in document["events"].items():
        rules[type_name] = [
            (
                rule["row"],
                rule["key"],
                {
                    name: _value(value)
                    for part in [*(parts[name] for name in rule.get("use", [])), rule.get("set", {})]
                    for name, value in part.items()
                },
                {name: _value(value) for name, value in rule.get("add", {}).items()},
            )
            for rule in said
        ]
    return rules


def effects(type_name: str, data: Any, rules: Rules | None = None) -> Iterator[Effect]:
    """What an event says about the page of a loan; raises `CannotReplay`."""
    for row, key, sets, adds in (rules or current_rules()).get(type_name, ()):
        identifier = data.get(key) if isinstance(data, dict) else None
        if type(identifier) is not str:
            raise CannotReplay(f"{type_name} has no {key}")
        try:
            values = {name: value(data) for name, value in sets.items()}
            amounts = {name: value(data) for name, value in adds.items()}
        except (KeyError, TypeError, AttributeError):
            raise CannotReplay(f"{type_name} is not as its rule needs it") from None
        yield row, identifier, values, amounts


class State:
    """The page of one application and its loan, put together event by event."""

    def __init__(
        self, application_id: str, loan_id: str = "", cases: frozenset[str] = frozenset(), rules: Rules | None = None
    ) -> None:
        self._rules = rules or current_rules()
        self._mine = {"application": {application_id}, "loan": {loan_id}, "case": cases}
        self.rows: dict[tuple[str, str], Row] = {}

    def take(self, type_name: str, data: Any) -> None:
        """The state after one more event; what it says of other loans is left aside. Raises `CannotReplay`."""
        for row, identifier, values, amounts in effects(type_name, data, self._rules):
            if identifier in self._mine[row]:
                held = self.rows.setdefault((row, identifier), {KEYS[row]: identifier})
                held.update(values)
                for name, amount in amounts.items():
                    held[name] = held.get(name, 0) + amount

    def to_json(self) -> dict[str, Any]:
        """`application`, `loan` and `cases`; null where there is none."""
        by_row: dict[str, dict[str, Row]] = {"application": {}, "loan": {}, "case": {}}
        for (row, identifier), held in self.rows.items():
            by_row[row][identifier] = dict(held)
        return {
            "application": next(iter(by_row["application"].values()), None),
            "cases": by_row["case"],
            "loan": next(iter(by_row["loan"].values()), None),
        }

    def to_bytes(self) -> bytes:
        """Canonical JSON (RFC 8785)."""
        return canonical(self.to_json())


def canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode("utf-8", "surrogatepass")
