"""Brings a service's database to the revision its code needs, by Alembic; several starting at once take turns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_only

from libs.contracts.base import EVENT_TYPES, DomainEvent
from libs.contracts.personal import personal_members
from libs.events.postgres import functions_mark, functions_sql, schema_sql
from libs.events.sealing import MARK, PlainPersonalData
from libs.service.business_date import BUSINESS_DATE

LOCK: Final = 0x7075687569  # "puhui": serialises migrations of one database
ENVIRONMENT: Final = Path(__file__).with_name("alembic")


async def migrate(engine: AsyncEngine, versions: Path) -> None:
    """Apply the revisions in `versions` that the database lacks, and give it the event kit's functions of this version."""
    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    async with engine.connect() as connection:
        await connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        try:
            await connection.run_sync(_upgrade, config)
            await connection.run_sync(_renew_functions)
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _renew_functions(connection: Connection) -> None:
    held = connection.execute(text("select obj_description(to_regnamespace('es'), 'pg_namespace')")).scalar()
    if held != functions_mark():
        _execute(connection, functions_sql())


def create_kit(operations: Operations | Any) -> None:
    """The event kit's and the chassis's own tables, for a service's first revision."""
    bind = operations.get_bind()
    _execute(bind, schema_sql())
    BUSINESS_DATE.create(bind)


def _execute(connection: Connection, statements: str) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None, "a migration runs on a connection"
    await_only(driver.execute(statements))  # the driver itself takes many statements at once


PLAIN: Final = """
    select type from es.event where type = any(:types) and position(convert_to(:mark, 'UTF8') in data) = 0 limit 1"""


def refuse_plain_personal_data(operations: Operations | Any) -> None:
    """Raise `PlainPersonalData` where the store holds events from before personal data were sealed.

    Events that are about a person always hold his name or account, so one without a sealed value is one in plain text.
    """
    types = [name for name, event in EVENT_TYPES.items() if any(_required(event))]
    statement = text(PLAIN).bindparams(types=types, mark=MARK.decode())
    found = operations.get_bind().execute(statement).scalar()
    if found is not None:
        raise PlainPersonalData(found, ("personal values",))


def _required(event: type[DomainEvent]) -> Iterator[bool]:
    for member in personal_members(event):
        yield event.model_fields[member.path[0]].is_required()
