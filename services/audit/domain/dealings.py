"""What a person has or had with the lender: applications and loans of his own, and what he gives as security for others'.

Each service is heard in its own time, so what one of them has not said yet is left open: nothing ends by not being known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.audit.domain.retention import Relationship, Standing

ENDED_LOANS: Final = ("SETTLED", "CANCELLED", "REFUSED")
"""A loan that was written off is still owed, so it runs."""
OPEN_APPLICATIONS: Final = ("", "DRAFT", "SUBMITTED")
"""Of one that is not known yet it is not known either that it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """One application, and the loan that it led to, as far as each service has been heard; empty: not yet."""

    application_id: str
    application_state: str = ""
    contract_state: str = ""
    loan_state: str = ""
    ended_on: date | None = None

    @property
    def has_contract(self) -> bool:
        """Whether the parties signed; the first service that says so is believed."""
        return self.contract_state == "SIGNED" or self.application_state == "CONTRACTED" or self.loan_state != ""

    @property
    def is_open(self) -> bool:
        """Whether it is still to be seen what becomes of the application."""
        return self.application_state in OPEN_APPLICATIONS and self.loan_state not in ENDED_LOANS

    @property
    def is_lent(self) -> bool:
        """Whether there is a loan that is not over."""
        return self.has_contract and self.loan_state not in ENDED_LOANS

    @property
    def runs(self) -> bool:
        return self.is_open or self.is_lent

    @property
    def binds(self) -> bool:
        """Whether it makes, or made, the person one whose data the law keeps."""
        return self.has_contract

    @property
    def named(self) -> str:
        """As the person is told of it."""
        loan = "" if self.is_open else "the loan of "
        return f"{loan}application {self.application_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering(Dealing):
    """A surety, mortgage or pledge that the person gives for an application, his own or somebody else's."""

    security_id: str
    consented: bool = False
    released: bool = False

    @property
    def runs(self) -> bool:
        """An offer is to an applicant what an application is: it waits as long as that is open. Who consented is bound
        as long as there is anything that he answers for."""
        return not self.released and (self.is_open or (self.consented and self.is_lent))

    @property
    def binds(self) -> bool:
        """Without consent there is no surety (Civil Code 685), and without a contract nothing to answer for."""
        return self.consented and self.has_contract

    @property
    def named(self) -> str:
        return f"the security {self.security_id} for application {self.application_id}"


def relationship(dealings: Sequence[Dealing], *, contact: bool = False) -> Relationship:
    """All of them as one: what runs, and when the last of the others ended. Who answers for a loan is a customer."""
    standing = Standing.CONTACT if contact else Standing.APPLICANT
    if any(dealing.binds for dealing in dealings):
        standing = Standing.CUSTOMER
    ended = [dealing.ended_on for dealing in dealings if not dealing.runs and dealing.ended_on is not None]
    return Relationship(
        standing=standing,
        running=tuple(dealing.named for dealing in dealings if dealing.runs),
        ended_on=max(ended, default=None),
    )
