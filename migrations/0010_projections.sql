-- The runtime of projections: how far each view has come, and the rebuilds under way.
-- These two tables belong to the runtime alone; they are always written qualified.

create table views.projection (
    name text primary key,
    -- The last event of the log that is in the view; it changes in the transaction that changes the view.
    checkpoint bigint not null default 0 check (checkpoint >= 0),
    state text not null default 'running' check (state in ('running', 'paused', 'poisoned')),
    -- What the projection failed on, while it is poisoned.
    error text,
    error_seq bigint,
    attempts integer not null default 0,
    -- Events that were skipped by hand since the last rebuild; a rebuild makes the view whole again.
    skipped bigint not null default 0,
    updated_at timestamptz not null default now()
);

create table views.rebuild (
    name text primary key,
    -- Whoever holds the token rebuilds; a later rebuild takes it away, so that two never write one shadow.
    token uuid not null,
    position bigint not null default 0,
    target bigint not null default 0,
    started_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
