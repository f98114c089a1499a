"""Identity numbers for tests: valid by the standards, belonging to nobody."""

from __future__ import annotations

from datetime import date

from services.application.domain.identity import enterprise_check_character, person_check_character

PERSON = "11010519491231002X"
"""The example in GB 11643-1999."""
ENTERPRISE = "91330106MA2CFLDG4R"


def person_number(birth: date = date(1990, 5, 17), sequence: int = 1, region: str = "330106") -> str:
    first17 = f"{region}{birth:%Y%m%d}{sequence:03}"
    return first17 + person_check_character(first17)


def enterprise_number(organisation: str = "MA2CFLDG4", region: str = "330106", kind: str = "91") -> str:
    first17 = f"{kind}{region}{organisation}"
    return first17 + enterprise_check_character(first17)
