"""A contract type for import-linter: what a package may import, as a short list instead of a long one of what not."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyImportsContract(Contract):
    """Modules import the standard library and what is allowed, directly; tests are left out.

    Options:
        modules: packages the contract binds, `*` stands for any name
        allowed: packages that they may import
        forbidden_standard: parts of the standard library that they may not import (optional)
        exceptions: single imports that are allowed besides, "importer -> imported" (optional)
    """

    type_name = "only_imports"

    modules = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField())
    forbidden_standard = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    exceptions = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, the signature is the base's
        """Every import that is not allowed, as "importer -> imported"."""
        offences = sorted(self._offences(graph))
        return ContractCheck(kept=not offences, metadata={"offences": offences})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for offence in check.metadata["offences"]:
            output.print_error(f"- {offence}", bold=False)

    def _offences(self, graph: ImportGraph) -> Iterator[str]:
        exceptions = _strings(self.exceptions)
        for importer in graph.modules:
            if not _within(importer, _strings(self.modules)) or ".tests" in importer:
                continue
            for imported in graph.find_modules_directly_imported_by(importer):
                offence = f"{importer} -> {imported}"
                if offence not in exceptions and not self._may_import(imported):
                    yield offence

    def _may_import(self, imported: str) -> bool:
        if _within(imported, _strings(self.allowed)):
            return True
        root = imported.split(".", 1)[0]
        return root in sys.stdlib_module_names and not _within(imported, _strings(self.forbidden_standard))


def _strings(option: object) -> list[str]:
    # A contract's fields are declared as what parses them; what an instance holds is what was parsed.
    return cast(list[str], option)


def _within(module: str, packages: Iterable[str]) -> bool:
    """Whether the module is one of the packages or lies in one."""
    return any(fnmatchcase(module, package) or fnmatchcase(module, f"{package}.*") for package in packages)
