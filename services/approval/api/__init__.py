"""How approval is asked: decisions, decision tables, what another table would have decided."""

from services.approval.api import comparisons, decisions, groups, securities, tables

routers = [decisions.router, tables.router, comparisons.router, groups.router, securities.router]
