"""Alembic's environment: the connection comes from the caller, the revisions from the service."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None)
with context.begin_transaction():
    context.run_migrations()
