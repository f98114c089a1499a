"""What may become of a published schema, and what is refused, with what to do instead."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import orjson
import pytest
from pydantic import BaseModel, Field, create_model

from libs.contracts.base import EVENT_TYPES
from tools import generate
from tools.compatibility import ADVICE, incompatible
from tools.generate import API, refusals, schema


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class MoreColours(StrEnum):
    RED = "RED"
    BLUE = "BLUE"
    GREEN = "GREEN"


class Line(BaseModel):
    amount: str
    note: str | None = None


class LineWithCode(Line):
    code: str = ""


class LineThatNeedsCode(Line):
    code: str


class Node(BaseModel):
    below: list[Node] = []


ONCE: dict[str, Any] = {
    "name": (Annotated[str, Field(max_length=10)], ...),
    "colour": (Colour, ...),
    "lines": (list[Line], ...),
    "count": (Annotated[int, Field(ge=0)], 0),
    "kind": (Literal["a"], "a"),
    "tree": (Node, Node()),
}


def differences(**changes: Any) -> list[str]:
    """Of a model whose members are changed (None: removed) against it as it was published."""
    members = {name: kind for name, kind in {**ONCE, **changes}.items() if kind is not None}
    before, after = create_model("Event", **ONCE), create_model("Event", **members)
    return incompatible(
        before.model_json_schema(mode="serialization"),
        after.model_json_schema(mode="serialization"),
        after.model_json_schema(mode="validation"),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"remark": (str, "")},
        {"remark": (str | None, None)},
        {"remarks": (list[str], Field(default_factory=list))},
        {"colour": (MoreColours, ...)},
        {"lines": (list[LineWithCode], ...)},
        {"name": (Annotated[str, Field(max_length=20)], ...)},
        {"count": (int, 0)},
    ],
    ids=str,
)
def test_what_is_only_added_to_or_widened_is_admitted(changes: dict[str, Any]) -> None:
    assert differences(**changes) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": None}, "data.name: was removed or renamed"),
        ({"name": (int, ...)}, "data.name: type was 'string' and is 'integer'"),
        ({"name": (str | None, ...)}, "data.name: null is new"),
        ({"name": (Annotated[str, Field(max_length=9)], ...)}, "data.name: maxLength was 10 and is 9"),
        ({"name": (Annotated[str, Field(max_length=10, min_length=1)], ...)}, "minLength was None and is 1"),
        ({"name": (Annotated[str, Field(max_length=10, pattern="^a")], ...)}, "pattern was None and is '^a'"),
        ({"remark": (str, ...)}, "data.remark: is new and has no default"),
        ({"colour": (Literal["RED"], ...)}, "data.colour"),
        ({"lines": (list[LineThatNeedsCode], ...)}, "data.lines[].code: is new and has no default"),
        ({"lines": (Line, ...)}, "data.lines: type was 'array'"),
        ({"kind": (Literal["b"], "b")}, "data.kind: const was 'a' and is 'b'"),
        ({"count": (Annotated[int, Field(ge=1)], 1)}, "data.count: minimum was 0 and is 1"),
    ],
    ids=str,
)
def test_what_would_break_a_reader_is_refused(changes: dict[str, Any], says: str) -> None:
    assert any(says in difference for difference in differences(**changes)), differences(**changes)


def test_a_code_that_is_gone_is_refused() -> None:
    before = create_model("Event", colour=(MoreColours, ...)).model_json_schema(mode="serialization")
    after = create_model("Event", colour=(Colour, ...)).model_json_schema(mode="serialization")
    assert incompatible(before, after) == ["data.colour: the code 'GREEN' was removed, and stored events have it"]


def test_every_published_schema_is_still_kept() -> None:
    assert refusals() == []
    published = {path.stem for path in (API / "schemas").glob("*.json")}
    assert published == EVENT_TYPES.keys()


def test_an_incompatible_change_is_neither_written_nor_let_through(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check that runs in CI, on a published schema that had a member more."""
    name = next(iter(EVENT_TYPES))
    once = orjson.loads(orjson.dumps(schema(EVENT_TYPES[name])))
    once["properties"]["gone"] = {"type": "string"}
    path = tmp_path / "schemas" / f"{name}.json"
    path.parent.mkdir()
    path.write_bytes(orjson.dumps(once))
    monkeypatch.setattr(generate, "API", tmp_path)
    assert refusals() == [f"{name} data.gone: was removed or renamed, and readers rely on it"]
    for arguments in ([], ["--check"]):
        monkeypatch.setattr("sys.argv", ["generate", *arguments])
        assert generate.main() == 1
        said = capsys.readouterr().out
        assert f"{name} data.gone" in said
        assert ADVICE in said
    assert orjson.loads(path.read_bytes()) == once
