"""Decision tables: versioned documents, asked through the GoRules engine, their answers checked before use."""

from services.approval.tables.table import DecisionTable, Facts, TableFault, in_force, load_tables, propose

__all__ = ["DecisionTable", "Facts", "TableFault", "in_force", "load_tables", "propose"]
