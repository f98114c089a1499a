"""The key store on PostgreSQL, in a database of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Any, Final

import asyncpg

from libs.keys.store import KeyState, PersonKey

LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('puhui keys', 0))"
EXISTS: Final = "select to_regclass('keys.epoch') is not null"
FIND: Final = (
    "select subject, state, coalesce(kek, ''), coalesce(wrapped, '') from keys.person_key where subject = any($1)"
)
MAKE: Final = """
    insert into keys.person_key (subject, kek, wrapped) select * from unnest($1::text[], $2::text[], $3::bytea[])
    on conflict do nothing"""
SET_STATE: Final = """
    with changed as (
        update keys.person_key set state = $2, changed_at = now(),
            kek = case when $2 <> 'DESTROYED' then kek end, wrapped = case when $2 <> 'DESTROYED' then wrapped end
        where subject = $1 and state <> $2 and state <> 'DESTROYED' returning subject)
    update keys.epoch set epoch = epoch + 1 where exists (select from changed)"""
STATE: Final = "select state from keys.person_key where subject = $1"
OTHERS: Final = """
    select subject, state, kek, wrapped from keys.person_key where wrapped is not null and kek <> $1
    order by subject limit $2"""
REWRAP: Final = "update keys.person_key set kek = $3, wrapped = $4 where subject = $1 and wrapped = $2"
EPOCH: Final = "select epoch from keys.epoch"


async def _keep_connection_state(_connection: Any) -> None:
    """Nothing to reset: these connections carry no session state, and asyncpg's reset costs a round trip."""


async def connect(dsn: str, *, max_size: int = 2, application_name: str = "puhui-keys") -> PostgresKeyStore:
    """The store, made where it is not there yet; close it with `close()`."""
    pool = await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=max_size,
        reset=_keep_connection_state,
        server_settings={"application_name": application_name, "jit": "off"},
    )
    try:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(LOCK)
            if not await connection.fetchval(EXISTS):
                await connection.execute(files("libs.keys").joinpath("schema.sql").read_text())
    except BaseException:
        await pool.close()
        raise
    return PostgresKeyStore(pool)


class PostgresKeyStore:
    """`libs.keys.store.KeyStore` on an asyncpg pool."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self.pool = pool

    async def find(self, subjects: Collection[str]) -> Mapping[str, PersonKey]:
        rows = await self.pool.fetch(FIND, list(subjects))
        return {row[0]: PersonKey(row[0], KeyState(row[1]), row[2], row[3]) for row in rows}

    async def make(self, keys: Collection[PersonKey]) -> None:
        columns = ([key.subject for key in keys], [key.kek for key in keys], [key.wrapped for key in keys])
        await self.pool.execute(MAKE, *columns)

    async def set_state(self, subject: str, state: KeyState) -> bool:
        await self.pool.execute(SET_STATE, subject, state.value)
        return bool(await self.pool.fetchval(STATE, subject) == state.value)

    async def wrapped_by_others(self, kek: str, limit: int) -> list[PersonKey]:
        rows = await self.pool.fetch(OTHERS, kek, limit)
        return [PersonKey(row[0], KeyState(row[1]), row[2], row[3]) for row in rows]

    async def rewrap(self, old: PersonKey, kek: str, wrapped: bytes) -> None:
        await self.pool.execute(REWRAP, old.subject, old.wrapped, kek, wrapped)

    async def epoch(self) -> int:
        epoch: int = await self.pool.fetchval(EPOCH)
        return epoch

    async def close(self) -> None:
        await self.pool.close()
