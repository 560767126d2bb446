-- Views of the organisations, the persons and the teams. A view's tables carry no foreign keys: each projection goes
-- at its own pace, and a rebuild swaps its tables.
set local search_path = views, public;

-- projection “organisations”
create table organisation (
    id uuid primary key,
    slug text not null,
    name text not null,
    audience text[] not null,
    suspended boolean not null default false,
    suspension_reason text,
    registered_at timestamptz not null,
    version bigint not null
);
create index organisation_slug on organisation (slug);
create index organisation_name on organisation (name, id);

create table identity_provider (
    id uuid primary key,
    organisation uuid not null,
    name text not null,
    issuer text not null,
    client_id text not null,
    scopes text[] not null,
    enabled boolean not null default true,
    registered_at timestamptz not null
);
create index identity_provider_organisation on identity_provider (organisation, name);

-- projection “people”: what is personal becomes null when a person is erased
create table person (
    id uuid primary key,
    organisation uuid,
    name text,
    about text,
    email text,
    provider uuid,
    issuer text,
    subject text,
    source text,
    handle text,
    audience text[] not null,
    placeholder boolean not null default false,
    organisation_admin boolean not null default false,
    steward boolean not null default false,
    suspended boolean not null default false,
    suspension_reason text,
    erased boolean not null default false,
    joined_at timestamptz not null,
    version bigint not null,
    -- What lists sort by; never null, so that a cursor always has a key.
    sort_name text not null generated always as (coalesce(name, '')) stored
);
create index person_organisation on person (organisation, sort_name, id);
create index person_identity on person (provider, subject) where subject is not null;
create index person_handle on person (source, handle) where handle is not null;

-- projection “teams”
create table team (
    id uuid primary key,
    organisation uuid not null,
    name text not null,
    audience text[] not null,
    disbanded boolean not null default false,
    formed_at timestamptz not null,
    version bigint not null
);
create index team_organisation on team (organisation, name, id);

create table team_member (
    team uuid not null,
    person uuid not null,
    added_at timestamptz not null,
    primary key (team, person)
);
create index team_member_person on team_member (person);
