"""Signing secrets of endpoints: made from one key, so that none is stored and none is in an event.

The secret of a generation is HMAC-SHA256 of the endpoint and the generation under the service's key (a pseudo-random
function used as a derivation, as in NIST SP 800-108). Rotation is the next generation.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from libs.webhooks import Secret


@dataclass(frozen=True, slots=True)
class Secrets:
    key: bytes = field(repr=False)

    def of(self, endpoint_id: str, generation: int) -> Secret:
        return Secret(hmac.digest(self.key, f"webhook/{endpoint_id}/{generation}".encode(), sha256))

    def code_of(self, text: str) -> str:
        """What proves to us that a text is one that we gave out."""
        return hmac.digest(self.key, f"challenge/{text}".encode(), sha256).hex()

    def in_force(self, endpoint_id: str, generation: int, previous_until: int, now_s: float) -> list[Secret]:
        """Those that sign now: the present one, and the one before while both are valid."""
        secrets = [self.of(endpoint_id, generation)]
        if generation > 1 and now_s < previous_until:
            secrets.append(self.of(endpoint_id, generation - 1))
        return secrets
