-- The event kit's functions. They hold nothing, so a store that was made with others is given these when its service
-- starts (`libs.service.migrations`): each must do for the tables of schema.sql as they have ever been.

-- Appends to one stream at an expected version (0: the stream is new) and returns the new version.
-- ES001: the stream is elsewhere. ES002: the command key was answered before.
create or replace function es.append(
    p_stream text, p_expected integer,
    p_ids uuid[], p_types text[], p_data bytea[], p_metadata bytea[], p_hashes bytea[],
    p_key text default null, p_fingerprint bytea default null, p_answer bytea default null
) returns integer language plpgsql as $$
declare
    appended constant integer := cardinality(p_ids);
    found_no bigint;
begin
    if p_key is not null then
        insert into es.command (key, fingerprint, answer) values (p_key, p_fingerprint, p_answer)
        on conflict do nothing;
        if not found then
            raise exception 'command % was answered before', p_key using errcode = 'ES002';
        end if;
    end if;
    if appended = 0 then
        return p_expected;
    end if;
    if p_expected = 0 then
        insert into es.stream (stream_id, version) values (p_stream, appended)
        on conflict do nothing returning stream_no into found_no;
    else
        update es.stream set version = version + appended
        where stream_id = p_stream and version = p_expected returning stream_no into found_no;
    end if;
    if found_no is null then
        raise exception 'stream % is not at version %', p_stream, p_expected using errcode = 'ES001';
    end if;
    insert into es.event (stream_no, version, event_id, type, data, metadata, leaf_hash)
    select found_no, p_expected + e.nth, e.id, e.type, e.data, e.metadata, e.hash
    from unnest(p_ids, p_types, p_data, p_metadata, p_hashes) with ordinality
        as e (id, type, data, metadata, hash, nth);
    return p_expected + appended;
end $$;

-- Many appends at once, each by itself as es.append would do it, in one transaction: the answer tells of each whether it
-- was done (0), its stream is elsewhere (1), its command key was answered before (2), or somebody holds its stream (3):
-- nobody waits here for the stream of another. An append that was not done leaves nothing.
-- Streams and keys come once, in ascending order of the streams, so that two such calls that make the same new streams
-- do not wait crosswise.
-- The last six arrays have an element an event; p_append says whose it is (1 is the first).
create or replace function es.append_each(
    p_streams text[], p_expected integer[], p_counts integer[],
    p_keys text[], p_fingerprints bytea[], p_answers bytea[],
    p_append integer[], p_versions integer[],
    p_ids uuid[], p_types text[], p_data bytea[], p_metadata bytea[], p_hashes bytea[]
) returns integer[] language plpgsql as $$
declare
    appends  constant integer := cardinality(p_streams);
    outcomes integer[] := array_fill(0, array[appends]);
    numbers  bigint[] := array_fill(null::bigint, array[appends]);
    found_no bigint;
begin
    for i in 1 .. appends loop
        if p_keys[i] is not null then
            insert into es.command (key, fingerprint, answer) values (p_keys[i], p_fingerprints[i], p_answers[i])
            on conflict do nothing;
            if not found then
                outcomes[i] := 2;
                continue;
            end if;
        end if;
        continue when p_counts[i] = 0;
        found_no := null;
        if p_expected[i] = 0 then
            insert into es.stream (stream_id, version) values (p_streams[i], p_counts[i])
            on conflict do nothing returning stream_no into found_no;
        else
            update es.stream set version = version + p_counts[i]
            where stream_no = (select s.stream_no from es.stream s where s.stream_id = p_streams[i]
                               and s.version = p_expected[i] for update skip locked)
            returning stream_no into found_no;
        end if;
        if found_no is null then
            outcomes[i] := case when exists (
                select from es.stream s where s.stream_id = p_streams[i] and s.version = p_expected[i]
            ) then 3 else 1 end;
            delete from es.command where key = p_keys[i];
        end if;
        numbers[i] := found_no;
    end loop;
    insert into es.event (stream_no, version, event_id, type, data, metadata, leaf_hash)
    select numbers[e.append], e.version, e.id, e.type, e.data, e.metadata, e.hash
    from unnest(p_append, p_versions, p_ids, p_types, p_data, p_metadata, p_hashes) with ordinality
        as e (append, version, id, type, data, metadata, hash, nth)
    where numbers[e.append] is not null
    order by e.nth;
    return outcomes;
end $$;

-- Appends events of many streams at the versions they have elsewhere, in the order given: an archive's append.
-- ES001: a stream is not where the first of its events follows, or its events are not contiguous.
create or replace function es.copy(
    p_streams text[], p_versions integer[],
    p_ids uuid[], p_types text[], p_data bytea[], p_metadata bytea[], p_hashes bytea[]
) returns void language plpgsql as $$
declare
    streams integer;
    placed  integer;
    added   integer;
begin
    -- In order and without a hole: then a version and its place within its stream always differ by the same.
    if exists (
        select from (
            select g.stream, g.version - row_number() over (partition by g.stream order by g.nth) as base
            from unnest(p_streams, p_versions) with ordinality as g (stream, version, nth)
        ) as given group by given.stream having min(given.base) <> max(given.base)
    ) then
        raise exception 'the events of a stream are not contiguous' using errcode = 'ES001';
    end if;
    select count(distinct g.stream) into streams from unnest(p_streams) as g (stream);
    insert into es.stream (stream_id, version)
    select g.stream, max(g.version) from unnest(p_streams, p_versions) as g (stream, version)
    group by g.stream having min(g.version) = 1 order by g.stream
    on conflict do nothing;
    get diagnostics placed = row_count;
    update es.stream s set version = later.last_one
    from (select g.stream, min(g.version) as first_one, max(g.version) as last_one
          from unnest(p_streams, p_versions) as g (stream, version)
          group by g.stream having min(g.version) > 1) as later
    where s.stream_id = later.stream and s.version = later.first_one - 1;
    get diagnostics added = row_count;
    if placed + added <> streams then
        raise exception 'a stream is not where its events follow' using errcode = 'ES001';
    end if;
    insert into es.event (stream_no, version, event_id, type, data, metadata, leaf_hash)
    select s.stream_no, e.version, e.id, e.type, e.data, e.metadata, e.hash
    from unnest(p_streams, p_versions, p_ids, p_types, p_data, p_metadata, p_hashes) with ordinality
        as e (stream, version, id, type, data, metadata, hash, nth)
    join es.stream s on s.stream_id = e.stream
    order by e.nth;
end $$;

-- Stamps a place in the total order on every event that committed since the last call; returns the last place.
-- The batch is what snapshot S1 shows and S0 did not: at or beyond S0's xmax, or in progress then. Neither a long
-- transaction nor one that took its id early can bring a version before its predecessor, since S1 that shows the
-- successor shows the predecessor too, and within a batch append_id follows the row lock.
-- Any number of callers: one works, the others return at once with null.
-- Without sequential scans: a plan made while the table was small must not outlive its youth.
create or replace function es.stamp() returns bigint language plpgsql set enable_seqscan = off as $$
declare
    known es.sequencer%rowtype;
    s1    pg_snapshot;
    added bigint;
begin
    select * into known from es.sequencer for update skip locked;
    if not found then
        return null;
    end if;
    select pg_current_snapshot() into s1;
    insert into es.sequence (global_seq, stream_no, version)
    select known.last_seq + row_number() over (order by young.append_id), young.stream_no, young.version
    from (
        select append_id, stream_no, version from es.event
        where xid >= pg_snapshot_xmax(known.snapshot) and pg_visible_in_snapshot(xid, s1)
        union all
        select e.append_id, e.stream_no, e.version
        from pg_snapshot_xip(known.snapshot) as late (xid) join es.event e on e.xid = late.xid
        where pg_visible_in_snapshot(e.xid, s1)
    ) as young;
    get diagnostics added = row_count;
    if added > 0 or pg_snapshot_xmax(s1)::text::bigint > pg_snapshot_xmax(known.snapshot)::text::bigint + 10000 then
        update es.sequencer set snapshot = s1, last_seq = known.last_seq + added;
    end if;
    return known.last_seq + added;
end $$;

-- The sequence after a place, a place at a time, by primary key: `limit 1` keeps the planner from joining whole tables for
-- a batch of a thousand.
create or replace function es.read(p_after bigint, p_limit integer)
returns table (stream_id text, version integer, event_id uuid, type text, data bytea, metadata bytea, global_seq bigint)
language sql stable as $$
    select s.stream_id, e.version, e.event_id, e.type, e.data, e.metadata, q.global_seq
    from (select * from es.sequence where global_seq > p_after order by global_seq limit p_limit) q
    cross join lateral (select * from es.event e
        where e.stream_no = q.stream_no and e.version = q.version limit 1) e
    cross join lateral (select * from es.stream s where s.stream_no = q.stream_no limit 1) s
    order by q.global_seq
$$;

-- es.stamp, and at once what came after a place: the caller's followers want to know next. One row at least, of which
-- last_seq says what es.stamp said; no event with it where p_after is null, nothing came, or it is more than p_limit.
create or replace function es.stamp_and_read(p_after bigint, p_limit integer)
returns table (last_seq bigint, stream_id text, version integer, event_id uuid, type text, data bytea, metadata bytea,
    global_seq bigint)
language plpgsql set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    last constant bigint := es.stamp();
begin
    if last > p_after and last - p_after <= p_limit then
        return query select last, young.* from es.read(p_after, p_limit) young;
    else
        return query select last, null::text, 0, null::uuid, null::text, null::bytea, null::bytea, 0::bigint;
    end if;
end $$;

-- How many events are committed and not stamped yet: visible now, and not in the last snapshot of the sequencer.
-- Stable, so that it sees what the statement sees that calls it.
create or replace function es.unstamped() returns bigint language sql stable set enable_seqscan = off as $$
    select (
        select count(*) from es.event where xid >= pg_snapshot_xmax(s.snapshot)
    ) + (
        select count(*) from pg_snapshot_xip(s.snapshot) as late (xid) join es.event e on e.xid = late.xid
    )
    from es.sequencer s
$$;

-- Makes a store that was restored from another cluster this cluster's own: its transaction ids mean nothing here, so
-- what was never stamped is stamped now, in append order, and the snapshots begin anew. Nobody may append meanwhile.
-- An id that this cluster has yet to give out would make its event young once more when it comes: such events get one
-- that is older than any ('3', before PostgreSQL's first).
create or replace function es.adopt() returns bigint language plpgsql as $$
declare
    known es.sequencer%rowtype;
    added bigint;
begin
    lock table es.event in share mode;
    select * into known from es.sequencer for update;
    insert into es.sequence (global_seq, stream_no, version)
    select known.last_seq + row_number() over (order by e.append_id), e.stream_no, e.version
    from es.event e
    where not exists (select from es.sequence q where (q.stream_no, q.version) = (e.stream_no, e.version));
    get diagnostics added = row_count;
    update es.event set xid = '3' where xid >= pg_snapshot_xmin(pg_current_snapshot());
    update es.sequencer set last_seq = known.last_seq + added, snapshot = pg_current_snapshot(),
        system_identifier = (select c.system_identifier from pg_control_system() c);
    return known.last_seq + added;
end $$;
