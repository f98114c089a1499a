"""The generator: documents that hold together, and golden files that refuse what would break a reader."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, create_model

from libs.contracts import catalogue
from libs.contracts.base import EVENT_TYPES, DomainEvent
from libs.contracts.ledger import LoanDisbursed, RepaymentReceived
from libs.contracts.types import DecimalField, MoneyField
from libs.contracts.values import Components
from libs.events.envelope import Actor, Metadata, StoredEvent, to_headers
from tools import generate
from tools.generate import HEADERS, asyncapi, keeps, schema

ONCE: dict[str, Any] = {
    "loan_id": "loan-1",
    "amount": {"amount": "12.50", "currency": "CNY"},
    "count": 1,
    "final": True,
    "colour": "RED",
    "rows": [{"number": 1}, {"number": 2}],
    "note": None,
}


class Colour(StrEnum):
    RED = "RED"


class Row(BaseModel):
    number: int


MEMBERS: dict[str, Any] = {
    "loan_id": (str, ...),
    "amount": (MoneyField, ...),
    "count": (int, ...),
    "final": (bool, ...),
    "colour": (Colour, ...),
    "rows": (list[Row], ...),
    "note": (str | None, ...),
}


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """Takes events that a test defines out of the registry again."""
    before = dict(EVENT_TYPES)
    yield
    EVENT_TYPES.clear()
    EVENT_TYPES.update(before)


def event_with(**members: Any) -> type[DomainEvent]:
    """An event with the usual members and these changes; None takes a member away."""
    chosen = {name: kind for name, kind in {**MEMBERS, **members}.items() if kind is not None}
    return create_model("Painted", __base__=DomainEvent, __cls_kwargs__={"type": "puhui.art.painted.v1"}, **chosen)


def still_read(event: type[DomainEvent], once: dict[str, Any] = ONCE) -> bool:
    return keeps(orjson.dumps(once), event)


def test_an_unchanged_event_keeps_what_was_published() -> None:
    assert still_read(event_with())


class TwoColours(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


class RowWithTitle(Row):
    title: str = ""


@pytest.mark.parametrize(
    "added",
    [
        {"sum": (MoneyField | None, None)},
        {"colour": (TwoColours, ...)},
        {"rows": (list[RowWithTitle], ...)},
        {"note": (str | None, None)},
    ],
)
def test_what_is_only_added_keeps_what_was_published(added: dict[str, Any]) -> None:
    assert still_read(event_with(**added))


class Renamed(StrEnum):
    RED = "CRIMSON"


class OtherRow(BaseModel):
    index: int = 0


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"loan_id": None}, id="a member removed"),
        pytest.param({"loan_id": None, "loan": (str, "")}, id="a member renamed"),
        pytest.param({"sum": (MoneyField, ...)}, id="a needed member added"),
        pytest.param({"loan_id": (int, ...)}, id="text became a number"),
        pytest.param({"count": (str, ...)}, id="a number became text"),
        pytest.param({"count": (bool, ...)}, id="a number became a truth"),
        pytest.param({"final": (int, ...)}, id="a truth became a number"),
        pytest.param({"amount": (DecimalField, ...)}, id="money became a number"),
        pytest.param({"colour": (Renamed, ...)}, id="a code renamed"),
        pytest.param({"rows": (list[OtherRow], ...)}, id="a member of a list's items renamed"),
        pytest.param({"rows": (dict[str, int], ...)}, id="a list became an object"),
        pytest.param({"note": (str, ...)}, id="what may be unknown must be known"),
    ],
)
def test_what_would_break_a_reader_is_refused(broken: dict[str, Any]) -> None:
    assert not still_read(event_with(**broken))


def test_a_value_that_is_written_otherwise_is_refused() -> None:
    assert not still_read(event_with(), ONCE | {"amount": {"amount": "12.5", "currency": "CNY"}})


def test_what_is_no_json_keeps_nothing() -> None:
    assert not keeps(b"{", event_with())


def test_an_event_that_lost_part_of_its_list_is_refused() -> None:
    class First(DomainEvent, type="puhui.art.first.v1"):
        """Only the first row is kept."""

        rows: list[Row]

        def payload(self) -> dict[str, Any]:
            return {"rows": super().payload()["rows"][:1]}

    assert not keeps(orjson.dumps({"rows": ONCE["rows"]}), First)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files made into a directory of their own, without the documents that are made of services."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "API", tmp_path / "api")
    monkeypatch.setattr(generate, "GOLDEN", tmp_path / "golden")
    monkeypatch.setattr("standalone.services.openapi_documents", dict)
    monkeypatch.setattr(generate, "partner_asyncapi", dict)
    return tmp_path


def test_what_is_written_is_up_to_date_and_written_once(house: Path) -> None:
    assert len(generate.broken()) == len(EVENT_TYPES)
    written = generate.write()
    assert len(written) == 2 * len(EVENT_TYPES) + 3
    assert generate.stale(dict(generate.generated())) == generate.broken() == generate.write() == []
    assert (house / "api" / "asyncapi.json").exists()
    assert (house / "docs" / "operations" / "metrics.md").exists()


def test_a_changed_and_a_left_over_document_are_put_right(house: Path) -> None:
    generate.write()
    changed, extra = house / "api" / "asyncapi.json", house / "api" / "schemas" / "puhui.art.gone.v1.json"
    changed.write_bytes(b"{}")
    extra.write_bytes(b"{}")
    assert generate.stale(dict(generate.generated())) == sorted([changed, extra])
    assert sorted(generate.write()) == sorted([changed, extra])
    assert not extra.exists()


def test_a_golden_file_is_never_written_again(house: Path) -> None:
    generate.write()
    golden = house / "golden" / f"{LoanDisbursed.type_name}.json"
    once = orjson.loads(golden.read_bytes())
    del once["confirmed_on"]
    golden.write_bytes(orjson.dumps(once))
    assert generate.write() == generate.broken() == []
    once["withdrawn_member"] = 1
    golden.write_bytes(orjson.dumps(once))
    assert generate.write() == []
    assert generate.broken() == [golden]


def test_an_event_that_disappeared_is_missed_unless_it_has_a_successor(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate.write()
    old = EVENT_TYPES.pop(RepaymentReceived.type_name)
    golden = house / "golden" / f"{old.type_name}.json"
    assert generate.broken() == [golden]

    class RepaymentReceivedV2(DomainEvent, type="puhui.ledger.repayment-received.v2"):
        """Money came from the borrower."""

        loan_id: str
        allocation: Components

    def upcast(data: dict[str, Any]) -> dict[str, Any]:
        return {"loan_id": data["loan_id"], "allocation": data["allocated"]}

    RepaymentReceivedV2.example = upcast(old.example)
    generate.write()
    monkeypatch.setattr(generate, "UPCASTERS", {old.type_name: (RepaymentReceivedV2.type_name, upcast)})
    assert generate.broken() == []


@pytest.mark.usefixtures("house")
def test_the_command_says_what_is_wrong_and_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    assert generate.main() == 1
    said = capsys.readouterr().out
    assert "api/asyncapi.json is not what the code says: run `python -m tools.generate`" in said
    assert f"golden/{LoanDisbursed.type_name}.json is missing" in said
    monkeypatch.setattr("sys.argv", ["generate"])
    assert generate.main() == 0
    monkeypatch.setattr("sys.argv", ["generate", "--check"])
    assert generate.main() == 0


def test_a_schema_names_itself_and_shows_its_example() -> None:
    made = schema(LoanDisbursed)
    assert made["$id"].endswith("puhui.ledger.loan-disbursed.v1.json")
    Draft202012Validator.check_schema(made)
    for example in made["examples"]:
        Draft202012Validator(made).validate(example)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    references = [part["$ref"] for part in _objects(document) if isinstance(part.get("$ref"), str)]
    assert references
    for reference in references:
        assert reference.startswith("#/"), reference
        place: Any = document
        for name in reference[2:].split("/"):
            place = place[name]


def test_every_event_is_a_message_of_its_services_channel() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert document["channels"].keys() == catalogue.MODULES.keys()
    for service, channel in document["channels"].items():
        assert channel["address"] == catalogue.topic(service)
        published = (*catalogue.events_of(service), *catalogue.shared_events())
        assert list(channel["messages"]) == [event.type_name for event in published]
        assert document["operations"][f"publish-{service}"]["channel"] == {"$ref": f"#/channels/{service}"}
    assert document["components"]["messages"].keys() == EVENT_TYPES.keys()
    assert document["components"]["messageTraits"]["cloudevents"]["headers"]["properties"].keys() == HEADERS.keys()


def test_the_described_headers_are_those_of_a_record() -> None:
    metadata = Metadata(
        recorded_at="2026-02-02T00:00:00.000001Z",
        actor=Actor("service:ledger"),
        correlation_id="c",
        causation_id="e",
        traceparent="t",
        effective_date="2026-02-02",
    )
    stored = StoredEvent("loan-1", 1, UUID(int=1), LoanDisbursed.type_name, b"{}", metadata.to_bytes(), sequence=1)
    assert {name for name, _ in to_headers(stored, "/puhui/ledger", 0)} == HEADERS.keys()


def test_every_message_accepts_its_example() -> None:
    document = asyncapi()
    for name, message in document["components"]["messages"].items():
        whole = {**message["payload"], "components": document["components"]}
        for example in message["examples"]:
            Draft202012Validator(whole).validate(example["payload"])
        assert message["name"] == name
        assert message["summary"]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)
