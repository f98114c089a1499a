"""How the contract service is asked: contracts, their documents and signatures, templates."""

from __future__ import annotations

from typing import Final

from services.contract.api import commands, contracts, papers, templates

routers: Final = [contracts.router, papers.router, commands.router, templates.router]
