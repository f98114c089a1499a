"""The store on PostgreSQL."""

from libs.events.postgres.store import PostgresStore, connect, schema_sql

__all__ = ["PostgresStore", "connect", "schema_sql"]
