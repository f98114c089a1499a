"""The contract service, composed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from libs.service.host import Service
from libs.service.runtime import Runtime
from libs.typesetting.typography import prepare
from services.contract.api import routers
from services.contract.library import library
from services.contract.press import press
from services.contract.reactions import reactions
from services.contract.settings import ContractSettings
from services.contract.signatures import LocalSignatures
from services.contract.signing import Signing
from services.contract.views import contracts_view

signing: Final = Signing()


async def _start(runtime: Runtime) -> None:
    """Check rules, templates and fonts, and bring the signature service: a fault stops the service at its start."""
    library()
    await asyncio.to_thread(prepare)
    key = ContractSettings().key()
    runtime.extras["signatures"] = LocalSignatures(runtime.store.pool, key, runtime.clock.now)
    signing.runtime = runtime
    press.take()
    runtime.on_stop.append(press.stop)


service: Final = Service(
    name="contract",
    title="Contract",
    description="Makes loan agreements out of approvals: cost disclosure, repayment plan, bilingual document, "
    "electronic signatures, each document immutable under its hash.",
    routers=routers,
    personal=True,
    migrations=Path(__file__).parent / "migrations",
    projections=[contracts_view],
    reactions=reactions,
    tasks=signing.tasks,
    on_start=_start,
)
