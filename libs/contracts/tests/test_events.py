"""What holds for every published event, one by one."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from libs.contracts import application, partners, scoring
from libs.contracts import examples as ex
from libs.contracts.base import EVENT_TYPES, TYPE_NAME, DomainEvent
from libs.contracts.catalogue import MODULES, SHARED, UPCASTERS, events_of, service_of, shared_events, topic
from libs.contracts.types import Personal
from libs.contracts.values import Components, LoanRequest, plan_rows
from libs.events.canonical import canonical
from libs.lending.money import Money
from libs.lending.schedule import repayment_plan
from libs.lending.terms import LoanTerms

EVENTS = [pytest.param(event, id=event.__name__) for event in EVENT_TYPES.values()]
every_event = pytest.mark.parametrize("event", EVENTS)


@every_event
def test_it_says_in_a_sentence_what_happened(event: type[DomainEvent]) -> None:
    assert event.__doc__ is not None
    first = event.__doc__.strip().splitlines()[0]
    assert len(first) > 15
    assert "__doc__" in vars(event), "of its own, not its base's"


@every_event
def test_its_type_name_is_its_class_name(event: type[DomainEvent]) -> None:
    match = TYPE_NAME.fullmatch(event.type_name)
    assert match is not None
    words = "".join(word.capitalize() for word in match["name"].split("-"))
    assert event.__name__ == words + ("" if match["version"] == "1" else f"V{match['version']}")
    assert event.service == match["service"] == service_of(event.type_name)
    assert inspect.getmodule(event) is {**MODULES, **SHARED}[event.service]


@every_event
def test_its_example_is_an_event_and_travels_unchanged(event: type[DomainEvent]) -> None:
    payload = event.model_validate(event.example).payload()
    again = event.model_validate_json(canonical(payload))
    assert again.payload() == payload
    assert again == event.model_validate(event.example)


@every_event
def test_its_example_shows_every_member_that_it_must_have_and_no_other(event: type[DomainEvent]) -> None:
    required = {name for name, field in event.model_fields.items() if field.is_required()}
    assert required <= event.example.keys() <= event.model_fields.keys()


@every_event
def test_its_schema_is_valid_and_accepts_its_example(event: type[DomainEvent]) -> None:
    schema = event.model_json_schema(mode="serialization")
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(event.model_validate(event.example).payload())


@every_event
def test_it_holds_no_number_that_is_not_whole(event: type[DomainEvent]) -> None:
    for part in _parts(event.model_json_schema(mode="serialization")):
        assert part.get("type") != "number", part


@every_event
def test_it_ignores_members_that_are_added_later(event: type[DomainEvent]) -> None:
    plain_example = event.model_validate(event.example)
    assert event.model_validate({**event.example, "added_later": {"x": [1]}}) == plain_example


@every_event
def test_a_missing_member_is_not_made_up(event: type[DomainEvent]) -> None:
    for name, field in event.model_fields.items():
        if field.is_required():
            with pytest.raises(ValueError, match=name):
                event.model_validate({key: value for key, value in event.example.items() if key != name})


@every_event
def test_its_personal_data_says_whose_it_is(event: type[DomainEvent]) -> None:
    of_contact = event in (partners.ContactNamed, partners.ContactChanged)
    for model, name, mark in _personal(event):
        assert mark.subject == ("person_id" if of_contact else "applicant_id"), f"{model.__name__}.{name}"


@every_event
def test_no_float_gets_into_an_event(event: type[DomainEvent]) -> None:
    """Tried at every place of its example that holds an amount or a rate."""
    payload = event.model_validate(event.example).payload()
    for holder, key in list(_exact_places(payload)):
        exact = holder[key]
        holder[key] = float(exact)
        with pytest.raises(ValueError, match=r"string|decimal"):
            event.model_validate(payload)
        holder[key] = exact


def test_every_event_that_a_module_defines_is_published_by_its_service() -> None:
    for service, module in MODULES.items():
        defined = [name for name in _defined(module) if issubclass(getattr(module, name), DomainEvent)]
        assert [event.__name__ for event in events_of(service)] == defined
        assert topic(service) == f"puhui.{service}"


def test_every_event_that_a_shared_module_defines_is_published_by_every_service() -> None:
    defined = [
        name
        for module in SHARED.values()
        for name in _defined(module)
        if issubclass(getattr(module, name), DomainEvent)
    ]
    assert [event.__name__ for event in shared_events()] == defined
    assert not SHARED.keys() & MODULES.keys()


def test_no_type_name_is_both_in_use_and_retired() -> None:
    assert not EVENT_TYPES.keys() & UPCASTERS.keys()
    for successor, _ in UPCASTERS.values():
        assert successor in EVENT_TYPES or successor in UPCASTERS


def test_a_request_travels_unchanged_from_step_to_step() -> None:
    request = LoanRequest.model_validate(ex.REQUEST)
    submitted = application.ApplicationSubmitted.model_validate(application.ApplicationSubmitted.example)
    scored = scoring.ApplicationScored.model_validate(scoring.ApplicationScored.example)
    assert submitted.request == scored.request == request


def test_answers_keep_their_kinds() -> None:
    answers = {"months": 12, "savings": "12", "telephone": None}
    request = LoanRequest.model_validate(ex.REQUEST | {"answers": answers})
    assert request.model_dump(mode="json")["answers"] == answers


def test_components_add_up() -> None:
    parts = Components(principal=Money(1), interest=Money(20), fee=Money(300), penalty=Money(-4000))
    assert parts.total == Money(-3679)


def test_a_plan_is_published_row_by_row() -> None:
    plan = repayment_plan(LoanTerms.from_json(ex.TERMS))
    rows = plan_rows(plan)
    assert [row.number for row in rows] == list(range(1, 13))
    assert rows[0].model_dump(mode="json") == ex.PLAN_ROW
    assert sum(row.principal.minor for row in rows) == plan.terms.principal.minor
    assert rows[-1].balance == Money(0)


def _defined(module: ModuleType) -> Iterator[str]:
    """The classes of a module in the order in which they are written down."""
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            yield node.name


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value)


def _personal(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str, Personal]]:
    for name, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Personal):
                yield model, name, mark
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from _personal(inner)


def _exact_places(value: Any) -> Iterator[tuple[dict[str, Any], str]]:
    """Every place in a payload that holds a decimal string: amounts and rates."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and key in ("amount", "annual_rate", "irr_annual", "debt_to_income", "coverage"):
                yield value, key
            else:
                yield from _exact_places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _exact_places(inner)
