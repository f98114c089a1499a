"""Identity numbers of persons (GB 11643-1999) and of enterprises (GB 32100-2015), checked to the last digit."""

from __future__ import annotations

import re
from datetime import date
from typing import Final, NamedTuple

from libs.contracts.problems import Rejected, refuse_unless

FIELD: Final = "/identity_number"

PERSON_FORM: Final = re.compile(r"[0-9]{17}[0-9X]")
PERSON_CHECK: Final = "10X98765432"
"""The check character for each value of the weighted sum modulo 11 (ISO 7064 MOD 11-2)."""
PERSON_WEIGHTS: Final = tuple(2 ** (17 - position) % 11 for position in range(17))

_PROVINCE_RANGES: Final = ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
PROVINCES: Final = frozenset(str(code) for low, high in _PROVINCE_RANGES for code in range(low, high + 1))
"""The first two digits of a place (GB/T 2260); 81, 82 and 83 are also those of residence permits for people of Hong
Kong, Macao and Taiwan (国办发〔2018〕81号)."""
EARLIEST_BIRTH: Final = date(1900, 1, 1)

ENTERPRISE_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""31 characters: the letters I, O, S, V and Z, which look like digits or one another, are left out."""
ENTERPRISE_FORM: Final = re.compile(f"[{ENTERPRISE_ALPHABET}]{{2}}[0-9]{{6}}[{ENTERPRISE_ALPHABET}]{{10}}")
ENTERPRISE_WEIGHTS: Final = tuple(3**position % 31 for position in range(17))


class ResidentIdentity(NamedTuple):
    """What a resident identity number says."""

    number: str
    region: str
    birth_date: date


class CreditCode(NamedTuple):
    """What a unified social credit code says; `region` is the place of the authority that registered it."""

    number: str
    region: str


def normalised(number: str) -> str:
    """The number as it is compared and stored: a check character x counts as X."""
    return number.strip().upper()


def person_check_character(first17: str) -> str:
    """The 18th character of a resident identity number."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, PERSON_WEIGHTS, strict=True))
    return PERSON_CHECK[total % 11]


def enterprise_check_character(first17: str) -> str:
    """The 18th character of a unified social credit code."""
    values = (ENTERPRISE_ALPHABET.index(character) for character in first17)
    total = sum(value * weight for value, weight in zip(values, ENTERPRISE_WEIGHTS, strict=True))
    return ENTERPRISE_ALPHABET[-total % 31]


def resident_identity(number: str, today: date) -> ResidentIdentity:
    """Read a resident identity number; raises `Rejected` with what is wrong, never with the number itself."""
    number = normalised(number)
    _check_form(PERSON_FORM.fullmatch(number) is not None, "Send 17 digits and a check character (0 to 9 or X).")
    refuse_unless(
        number[:2] in PROVINCES,
        "identity-number-region",
        "The first two digits name no province (GB/T 2260); compare them with the card.",
        field=FIELD,
        status=422,
    )
    birth_date = _birth_date(number[6:14], today)
    _check_character(number[17] == person_check_character(number[:17]))
    return ResidentIdentity(number, number[:6], birth_date)


def credit_code(number: str) -> CreditCode:
    """Read a unified social credit code; raises `Rejected` with what is wrong."""
    number = normalised(number)
    _check_form(
        ENTERPRISE_FORM.fullmatch(number) is not None,
        "Send 18 characters as on the business licence: digits and letters without I, O, S, V and Z, the third to the "
        "eighth being digits.",
    )
    _check_character(number[17] == enterprise_check_character(number[:17]))
    return CreditCode(number, number[2:8])


def _birth_date(digits: str, today: date) -> date:
    try:
        birth_date = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        birth_date = None
    if birth_date is None or not EARLIEST_BIRTH <= birth_date <= today:
        raise Rejected(
            "identity-number-birth-date",
            "Digits 7 to 14 are not a date of birth that exists and has passed; compare them with the card.",
            field=FIELD,
            status=422,
        )
    return birth_date


def _check_form(right: bool, detail: str) -> None:
    refuse_unless(right, "identity-number-form", detail, field=FIELD, status=422)


def _check_character(right: bool) -> None:
    refuse_unless(
        right,
        "identity-number-check",
        "The check character does not fit the others: one of them was mistyped, or two were exchanged.",
        field=FIELD,
        status=422,
    )
