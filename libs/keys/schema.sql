-- The keys of persons, each wrapped by a key-encryption key that is not in this database. Erasing a person is
-- forgetting `wrapped`: the row stays, so that nobody makes another key under the same name.
create schema if not exists keys;

create table if not exists keys.person_key (
    subject    text primary key,
    state      text not null default 'ACTIVE' check (state in ('ACTIVE', 'HELD', 'DESTROYED')),
    kek        text,
    wrapped    bytea,
    made_at    timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    check ((state = 'DESTROYED') = (wrapped is null)),
    check ((wrapped is null) = (kek is null))
);

-- Moves with every change of a state, so that whoever keeps keys in memory sees that he must ask again.
create table if not exists keys.epoch (
    only_row boolean primary key default true check (only_row),
    epoch    bigint not null
);
insert into keys.epoch (epoch) values (0) on conflict do nothing;
