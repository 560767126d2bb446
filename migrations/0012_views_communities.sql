-- projection “communities”: communities, their charters, the organisations and persons that belong to them
set local search_path = views, public;

create table community (
    id uuid primary key,
    slug text not null,
    name text not null,
    subject text not null,
    home uuid not null,
    audience text[] not null,
    -- Each clause of the charter: its text, and whether it is stated or still to be confirmed.
    purpose text not null,
    purpose_stated boolean not null,
    goals text not null,
    goals_stated boolean not null,
    scope text not null,
    scope_stated boolean not null,
    sponsor text not null,
    sponsor_stated boolean not null,
    format text not null,
    format_stated boolean not null,
    cadence text not null,
    cadence_stated boolean not null,
    open boolean not null default true,
    archived boolean not null default false,
    archive_reason text,
    core_member_limit integer not null,
    member_count integer not null default 0,
    founded_at timestamptz not null,
    version bigint not null
);
create index community_slug on community (slug);
create index community_name on community (name, id);
create index community_audience on community using gin (audience);

create table community_organisation (
    community uuid not null,
    organisation uuid not null,
    joined_at timestamptz not null,
    primary key (community, organisation)
);
create index community_organisation_organisation on community_organisation (organisation);

create table membership (
    community uuid not null,
    person uuid not null,
    organisation uuid not null,
    team uuid,
    kind text not null check (kind in ('core', 'member', 'interested_party')),
    coordinator boolean not null default false,
    joined_at timestamptz not null,
    primary key (community, person)
);
create index membership_joined on membership (community, joined_at, person);
create index membership_coordinators on membership (community, joined_at) where coordinator;
create index membership_person on membership (person, joined_at, community);
