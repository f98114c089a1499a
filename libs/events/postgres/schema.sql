-- The event store of one service. Facts are append-only; everything about progress lives in rows of its own.
create schema es;

-- One row an aggregate. Appending locks this row and no other: it is the only point of contention there is.
create table es.stream (
    stream_no bigint generated always as identity primary key,
    stream_id text not null unique,
    version   integer not null check (version > 0)
);

-- No foreign key to es.stream: es.append is the only writer, and the check would cost a lock an event.
create table es.event (
    stream_no bigint not null,
    version   integer not null,
    -- Drawn after the stream row was locked, so it follows the order of versions within every stream.
    append_id bigint generated always as identity (cache 1),
    -- Used by the sequencer while the event is young, never afterwards: it does not survive dump and restore.
    xid       xid8 not null default pg_current_xact_id(),
    event_id  uuid not null,
    type      text not null,
    data      bytea not null,
    metadata  bytea not null,
    leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
    primary key (stream_no, version)
);
create index event_xid on es.event (xid);

-- The service's total order: contiguous from 1, written once, in batches, by whoever holds es.sequencer.
create table es.sequence (
    global_seq bigint primary key,
    stream_no  bigint not null,
    version    integer not null,
    unique (stream_no, version)
);

create table es.sequencer (
    only_row          boolean primary key default true check (only_row),
    system_identifier bigint not null,
    snapshot          pg_snapshot not null,
    last_seq          bigint not null
);
insert into es.sequencer (system_identifier, snapshot, last_seq)
select system_identifier, pg_current_snapshot(), 0 from pg_control_system();

-- Answers to commands that carried an idempotency key.
create table es.command (
    key         text primary key,
    fingerprint bytea not null,
    answer      bytea not null,
    answered_at timestamptz not null default now()
);
create index command_answered_at on es.command (answered_at);

-- How far each consumer is, in each partition of each topic; for the service's own sequence topic is '' and partition 0.
-- last_sequence is the truth and the fence; next_offset only tells where to begin reading.
create table es.position (
    consumer      text not null,
    topic         text not null,
    partition     integer not null,
    last_sequence bigint not null,
    next_offset   bigint not null,
    primary key (consumer, topic, partition)
);

-- The relay's ownership and progress. offsets[i] is the end offset that the broker must have in partition i - 1.
create table es.relay (
    only_row   boolean primary key default true check (only_row),
    owner      uuid,
    epoch      bigint not null default 0,
    heartbeat  timestamptz not null default '-infinity',
    position   bigint not null default 0,
    broker     text not null default '',
    previous   bigint[] not null default '{}',
    offsets    bigint[] not null default '{}'
);
insert into es.relay default values;

-- Work on the outside world, with a key derived from the event that asked for it.
create table es.task (
    task_id     uuid primary key,
    kind        text not null,
    key         text not null,
    payload     bytea not null,
    status      text not null default 'pending' check (status in ('pending', 'done', 'failed')),
    due_at      timestamptz not null default now(),
    attempts    integer not null default 0,
    lease_until timestamptz,
    last_error  text,
    changed_at  timestamptz not null default now()
);
create index task_due on es.task (due_at) where status = 'pending';
create index task_failed on es.task (changed_at) where status = 'failed';

-- Events that a consumer could not handle, and every later one of the same key, in order.
create table es.parked (
    consumer    text not null,
    topic       text not null,
    partition   integer not null,
    sequence    bigint not null,
    source      text not null,
    stream_id   text not null,
    version     integer not null,
    event_id    uuid not null,
    type        text not null,
    data        bytea not null,
    metadata    bytea not null,
    error       text not null,
    attempts    integer not null,
    parked_at   timestamptz not null default now(),
    primary key (consumer, topic, stream_id, sequence)
);

create function es.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'events are append-only: % on %.% refused', tg_op, tg_table_schema, tg_table_name
        using errcode = 'ES003';
end $$;
-- Of every column but xid, which is no part of the fact and means nothing in another cluster (es.adopt).
create trigger event_append_only
    before update of stream_no, version, append_id, event_id, type, data, metadata, leaf_hash or delete or truncate
    on es.event for each statement execute function es.refuse_change();
create trigger sequence_append_only before update or delete or truncate on es.sequence
    for each statement execute function es.refuse_change();
