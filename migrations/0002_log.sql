-- The event log. Rows are written by log.append() alone, get their place from the sequencer, and never change.

create table log.events (
    -- Order of writing. Transactions commit out of this order, so it is no position to read from: see log.sequence.
    pos bigint generated always as identity,
    -- The transaction that wrote the row. Once every older transaction has ended, nothing can appear before it.
    xid xid8 not null default pg_current_xact_id(),
    id uuid not null,
    context text not null,
    aggregate text not null,
    stream uuid not null,
    version bigint not null,
    kind text not null,
    schema smallint not null,
    -- The JSON exactly as it was digested; personal values in it are sealed.
    data text not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    actor text not null,
    organisation uuid,
    command uuid not null,
    correlation uuid not null,
    causation uuid,
    traceparent text,
    -- Whose key seals the personal values in data.
    person uuid,
    digest bytea not null,
    constraint events_id primary key (id),
    -- What makes appending optimistic: of two writers at one version the second fails.
    constraint events_version unique (stream, version),
    -- What the sequencer reads along, and what log.sequence joins on.
    constraint events_place unique (xid, pos)
);

-- The one order that readers know: dense, and the same for everybody. Filled by the sequencer, a leader's batch at a time.
create table log.sequence (
    seq bigint primary key,
    xid xid8 not null,
    pos bigint not null unique,
    -- hash(n) = SHA-256(hash(n - 1) || digest(n)); hash(0) is 32 zero bytes.
    hash bytea not null
);

-- Every command that was decided, also those from which nothing followed. Sent again, it has the same outcome.
create table log.commands (
    id uuid primary key,
    -- SHA-256 of what was asked and by whom: a command id is not to be used for something else.
    fingerprint bytea not null,
    context text not null,
    aggregate text not null,
    stream uuid not null,
    -- Its events are the versions from first to last; none if last = first - 1.
    first_version bigint not null,
    last_version bigint not null,
    recorded_at timestamptz not null
);

-- Values that one stream alone may hold, such as slugs. They may be personal (an address), so only their HMAC is kept.
create table log.claims (
    space text not null,
    value_hash bytea not null,
    stream uuid not null,
    primary key (space, value_hash)
);

-- The key of each person's personal data, sealed under the master key. Null once it is destroyed: the row stays,
-- so that nothing makes a new key for someone who was erased.
create table log.person_keys (
    person uuid primary key,
    sealed_key bytea
);

-- A defence against mistakes; against intent there is the hash chain.
create function log.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the event log is append-only: % on log.% is refused', lower(tg_op), tg_table_name
        using errcode = 'insufficient_privilege';
end $$;

create trigger events_are_final before update or delete or truncate on log.events
    for each statement execute function log.refuse_change();

create trigger sequence_is_final before update or delete or truncate on log.sequence
    for each statement execute function log.refuse_change();

-- Appends the events of some commands, each on a stream of its own, in one round trip and one transaction.
--
-- Call it as a statement in autocommit, never within a longer transaction. Everything is looked at before anything is
-- written, and that is not a matter of taste: a transaction gets its id with its first write. The versions that this
-- one builds on were therefore seen to be committed before this transaction had an id, so its own id is the greater
-- one, and the order by (xid, pos), by which the sequencer goes, follows the versions of every stream. A write (or a
-- row lock) above the checks would break that.
--
-- Whoever loses a race after the checks meets a unique constraint; the caller then calls again and meets the check.
-- Commands and their streams must differ from one another; a command is all or nothing, and one that is not appended
-- does not keep the others from it.
--
-- Arrays run along the commands, along the events (p_of is the place of the event's command), and along the claims that
-- are taken and released. For each command:
-- outcome: appended | repeated (its receipt stands in log.commands) | reused (the id names another command)
--          | conflict (version is the stream's) | taken (claim is the place among those to take)
--          | erased (the person's key is destroyed, or was never made)
--
-- Its plans are made once and kept (planning anew would cost more than all the rest), and never with sequential scans: on
-- a young table, or without statistics, they would be made for a size that does not last.
create function log.append(
    p_commands uuid[], p_fingerprints bytea[], p_contexts text[], p_aggregates text[], p_streams uuid[], p_expected bigint[],
    p_added integer[], p_recorded_at timestamptz[], p_occurred_at timestamptz[], p_actors text[], p_organisations uuid[],
    p_correlations uuid[], p_causations uuid[], p_traceparents text[], p_persons uuid[],
    p_of integer[], p_ids uuid[], p_versions bigint[], p_kinds text[], p_schemas smallint[], p_data text[], p_digests bytea[],
    p_take_of integer[], p_take_spaces text[], p_take_hashes bytea[],
    p_release_of integer[], p_release_spaces text[], p_release_hashes bytea[],
    out outcomes text[], out versions bigint[], out claims integer[]
) language plpgsql set enable_seqscan = off set plan_cache_mode = force_generic_plan as $$
begin
    -- One snapshot for all checks: a command that is just being done elsewhere shows with its events or not at all.
    select array_agg(case
               when known.fingerprint = c.fingerprint then 'repeated'
               when known.fingerprint is not null then 'reused'
               when coalesce(last.version, 0) <> c.expected then 'conflict'
               when held.place is not null then 'taken'
               when c.person is not null and not exists (
                   select from log.person_keys k where k.person = c.person and k.sealed_key is not null) then 'erased'
               else 'appended'
           end order by c.place),
           array_agg(coalesce(last.version, 0) order by c.place),
           array_agg(held.place order by c.place)
    into outcomes, versions, claims
    from unnest(p_commands, p_fingerprints, p_streams, p_expected, p_persons)
         with ordinality as c (command, fingerprint, stream, expected, person, place)
    left join lateral (select k.fingerprint from log.commands k where k.id = c.command limit 1) known on true
    left join lateral (select e.version from log.events e where e.stream = c.stream order by e.version desc limit 1) last on true
    left join lateral (
        select t.place from unnest(p_take_of, p_take_spaces, p_take_hashes) with ordinality as t (command, space, value_hash, place)
        join log.claims h on h.space = t.space and h.value_hash = t.value_hash
        where cardinality(p_take_of) > 0 and t.command = c.place and h.stream <> c.stream
        order by t.place limit 1) held on true;

    -- From here on it writes.
    insert into log.commands (id, fingerprint, context, aggregate, stream, first_version, last_version, recorded_at)
        select c.command, c.fingerprint, c.context, c.aggregate, c.stream, c.expected + 1, c.expected + c.added, c.recorded_at
        from unnest(p_commands, p_fingerprints, p_contexts, p_aggregates, p_streams, p_expected, p_added, p_recorded_at, outcomes)
             as c (command, fingerprint, context, aggregate, stream, expected, added, recorded_at, outcome)
        where c.outcome = 'appended';

    insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor,
                            organisation, command, correlation, causation, traceparent, person, digest)
        select n.id, p_contexts[n.command], p_aggregates[n.command], p_streams[n.command], n.version, n.kind, n.schema, n.data,
               p_occurred_at[n.command], p_recorded_at[n.command], p_actors[n.command], p_organisations[n.command],
               p_commands[n.command], p_correlations[n.command], p_causations[n.command], p_traceparents[n.command],
               p_persons[n.command], n.digest
        from unnest(p_of, p_ids, p_versions, p_kinds, p_schemas, p_data, p_digests)
             with ordinality as n (command, id, version, kind, schema, data, digest, place)
        where outcomes[n.command] = 'appended'
        order by n.place;

    if cardinality(p_release_of) > 0 then
        delete from log.claims h using unnest(p_release_of, p_release_spaces, p_release_hashes) as r (command, space, value_hash)
            where outcomes[r.command] = 'appended'
              and h.space = r.space and h.value_hash = r.value_hash and h.stream = p_streams[r.command];
    end if;
    if cardinality(p_take_of) > 0 then
        -- What a stream already holds it may take again; what another one took meanwhile violates the key. All go in one
        -- order, so that no two transactions wait for each other.
        insert into log.claims (space, value_hash, stream)
            select t.space, t.value_hash, p_streams[t.command]
            from unnest(p_take_of, p_take_spaces, p_take_hashes) as t (command, space, value_hash)
            where outcomes[t.command] = 'appended' and not exists (
                select from log.claims h
                where h.space = t.space and h.value_hash = t.value_hash and h.stream = p_streams[t.command])
            order by t.space, t.value_hash;
    end if;
end $$;
