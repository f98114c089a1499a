"""The import rule of our own finds what it is for, and lets the rest be."""

from __future__ import annotations

import grimp
import pytest
from importlinter.domain.contract import registry

from tools.import_contracts import OnlyImportsContract

DOMAIN = "services.ledger.domain.loan"


def offences(imported: str, importer: str = DOMAIN) -> list[str]:
    graph = grimp.ImportGraph()
    for module in (importer, imported):
        graph.add_module(module, is_squashed=False)
    graph.add_import(importer=importer, imported=imported)
    options = {
        "modules": ["services.*.domain"],
        "allowed": ["libs.lending"],
        "forbidden_standard": ["time"],
        "exceptions": [f"{DOMAIN} -> numpy"],
    }
    registry.register(OnlyImportsContract, "only_imports")
    contract = OnlyImportsContract(name="a rule", session_options={}, contract_options=options)
    found: list[str] = contract.check(graph, verbose=False).metadata["offences"]
    return found


@pytest.mark.parametrize("imported", ["libs.lending", "libs.lending.money", "decimal", "numpy"])
def test_what_is_allowed_is_let_be(imported: str) -> None:
    assert offences(imported) == []


@pytest.mark.parametrize("imported", ["libs.events.store", "libs.lending_extra", "httpx", "time"])
def test_everything_else_is_found(imported: str) -> None:
    assert offences(imported) == [f"{DOMAIN} -> {imported}"]


def test_other_modules_and_tests_are_not_bound() -> None:
    assert offences("httpx", importer="services.ledger.api") == []
    assert offences("httpx", importer="services.ledger.domain.tests.test_loan") == []
