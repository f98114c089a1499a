"""What a partner signs to show that it holds the key that it registers: a text of what is asked for, sealed by us.

Nothing of it is kept: the last line is a code over the others under a key of the service, so that what comes back is what
was given out. Lines, each ended by the next: the name of the format, the partner, the public key, from when and until
before when it is valid, the key that it replaces, until when the text stands (times in Unix seconds, `-` for nothing).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from libs.contracts.problems import Rejected, refuse_unless
from services.partners.secrets_of import Secrets

FORMAT: Final = "puhui.partner-key.v1"
NOTHING: Final = "-"


@dataclass(frozen=True, slots=True)
class Challenge:
    """Which key a partner registers."""

    partner: str
    public_key: str
    valid_from: int
    valid_until: int | None
    replaces: str
    expires: int

    def text(self, secrets: Secrets) -> str:
        """To be signed as it is, every byte of it."""
        until = NOTHING if self.valid_until is None else str(self.valid_until)
        lines = FORMAT, self.partner, self.public_key, str(self.valid_from), until, self.replaces or NOTHING
        said = "\n".join((*lines, str(self.expires)))
        return f"{said}\n{secrets.code_of(said)}"


def challenge_of(text: str, partner: str, secrets: Secrets, now_s: float) -> Challenge:
    """What was given out to this partner and still stands; raises `Rejected`."""
    said, _, code = text.rpartition("\n")
    lines = said.split("\n")
    if not hmac.compare_digest(secrets.code_of(said).encode(), code.encode()) or lines[1] != partner:
        raise Rejected(
            "challenge-unknown",
            "Send the text of GET …/keys/challenge as it came, every byte of it.",
            field="/challenge",
            status=422,
        )
    _, _, public_key, valid_from, valid_until, replaces, expires = lines
    refuse_unless(
        now_s < int(expires),
        "challenge-expired",
        "Too late for this text; ask for another and sign that.",
        field="/challenge",
        status=422,
    )
    until = None if valid_until == NOTHING else int(valid_until)
    return Challenge(partner, public_key, int(valid_from), until, "" if replaces == NOTHING else replaces, int(expires))
