"""The store on PostgreSQL."""

from libs.events.postgres.store import PostgresStore, connect, functions_mark, functions_sql, schema_sql

__all__ = ["PostgresStore", "connect", "functions_mark", "functions_sql", "schema_sql"]
