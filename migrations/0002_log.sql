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

-- Appends the events of one command, in one round trip and one transaction of its own.
--
-- Call it as a statement in autocommit, never within a longer transaction. Everything is looked at before anything is
-- written, and that is not a matter of taste: a transaction gets its id with its first write. The version that this
-- one builds on was therefore seen to be committed before this transaction had an id, so its own id is the greater
-- one, and the order by (xid, pos), by which the sequencer goes, follows the versions of every stream. A write (or a
-- row lock) above the checks would break that. For the same reason each check is a statement of its own: at READ
-- COMMITTED each sees what was committed when it began.
--
-- Whoever loses a race after the checks meets a unique constraint; the caller then calls again and meets the check.
--
-- outcome: appended | repeated (the first outcome is returned) | reused (the id names another command)
--          | conflict (last_version is the stream's version) | taken (position of the claim in p_take_*)
--          | erased (the person's key is destroyed, or was never made)
create function log.append(
    p_command uuid, p_fingerprint bytea, p_context text, p_aggregate text, p_stream uuid, p_expected bigint,
    p_recorded_at timestamptz, p_occurred_at timestamptz, p_actor text, p_organisation uuid, p_correlation uuid,
    p_causation uuid, p_traceparent text, p_person uuid,
    p_ids uuid[], p_kinds text[], p_schemas smallint[], p_data text[], p_digests bytea[],
    p_take_spaces text[], p_take_hashes bytea[], p_release_spaces text[], p_release_hashes bytea[],
    out outcome text, out context text, out aggregate text, out stream uuid,
    out first_version bigint, out last_version bigint, out events uuid[], out claim integer
) language plpgsql as $$
#variable_conflict use_column
declare
    known log.commands;
    actual bigint;
    added integer := cardinality(p_ids);
begin
    -- The version before the command: if this very command is being done elsewhere and moves the version meanwhile,
    -- then it is also found, and that is no conflict.
    select coalesce(max(e.version), 0) into actual from log.events e where e.stream = p_stream;
    select * into known from log.commands c where c.id = p_command;
    if found then
        context := known.context;
        aggregate := known.aggregate;
        stream := known.stream;
        first_version := known.first_version;
        last_version := known.last_version;
        if known.fingerprint <> p_fingerprint then
            outcome := 'reused';
            return;
        end if;
        outcome := 'repeated';
        select array_agg(e.id order by e.version) into events from log.events e
            where e.stream = known.stream and e.version between known.first_version and known.last_version;
        return;
    end if;

    if actual <> p_expected then
        outcome := 'conflict';
        last_version := actual;
        return;
    end if;

    if cardinality(p_take_spaces) > 0 then
        select t.place into claim
            from unnest(p_take_spaces, p_take_hashes) with ordinality as t (space, value_hash, place)
            join log.claims c on c.space = t.space and c.value_hash = t.value_hash
            where c.stream <> p_stream
            order by t.place limit 1;
        if found then
            outcome := 'taken';
            return;
        end if;
    end if;

    if p_person is not null and not exists (
        select from log.person_keys k where k.person = p_person and k.sealed_key is not null
    ) then
        outcome := 'erased';
        return;
    end if;

    -- From here on it writes.
    insert into log.commands (id, fingerprint, context, aggregate, stream, first_version, last_version, recorded_at)
        values (p_command, p_fingerprint, p_context, p_aggregate, p_stream, p_expected + 1, p_expected + added, p_recorded_at);

    insert into log.events (id, context, aggregate, stream, version, kind, schema, data, occurred_at, recorded_at, actor,
                            organisation, command, correlation, causation, traceparent, person, digest)
        select n.id, p_context, p_aggregate, p_stream, p_expected + n.place, n.kind, n.schema, n.data, p_occurred_at, p_recorded_at,
               p_actor, p_organisation, p_command, p_correlation, p_causation, p_traceparent, p_person, n.digest
        from unnest(p_ids, p_kinds, p_schemas, p_data, p_digests) with ordinality as n (id, kind, schema, data, digest, place)
        order by n.place;

    if cardinality(p_release_spaces) > 0 then
        delete from log.claims c using unnest(p_release_spaces, p_release_hashes) as r (space, value_hash)
            where c.space = r.space and c.value_hash = r.value_hash and c.stream = p_stream;
    end if;
    if cardinality(p_take_spaces) > 0 then
        -- What this stream already holds it may take again; what another one took meanwhile violates the key.
        insert into log.claims (space, value_hash, stream)
            select t.space, t.value_hash, p_stream from unnest(p_take_spaces, p_take_hashes) as t (space, value_hash)
            where not exists (select from log.claims c where c.space = t.space and c.value_hash = t.value_hash and c.stream = p_stream);
    end if;

    outcome := 'appended';
    context := p_context;
    aggregate := p_aggregate;
    stream := p_stream;
    first_version := p_expected + 1;
    last_version := p_expected + added;
    events := p_ids;
end $$;
