"""How often a connection was lost: each time the server may have crashed, and taken back what need not last."""

from __future__ import annotations

from typing import Any

import asyncpg


class Losses:
    """Counts connections that have ended. A pool replaces those that ended while they were idle, and tells nobody."""

    def __init__(self) -> None:
        self.count = 0

    async def watch(self, connection: asyncpg.Connection[Any]) -> None:
        connection.add_termination_listener(self._lost)

    def _lost(self, _connection: Any) -> None:
        self.count += 1
