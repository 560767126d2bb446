-- What is neither a fact of the log nor drawn from it: sessions, token hashes, sealed secrets.
-- No secret lies here as it is: cookies, tokens and states as SHA-256, client secrets sealed.

-- The client secret that an organisation's identity provider gave the hub, sealed with the row's provider as
-- associated data; the sealed bytes name the version of the key.
create table identity.provider_secrets (
    provider uuid primary key,
    sealed bytea not null,
    stored_at timestamptz not null
);

-- A sign-in under way: single-use, ten minutes, bound to one provider and one browser.
-- The nonce and the PKCE verifier are derived from the state, whose hash alone is kept.
create table identity.sign_ins (
    state_hash bytea primary key,
    provider uuid not null,
    browser_hash bytea not null,
    return_to text not null,
    expires_at timestamptz not null
);
create index sign_ins_expiry on identity.sign_ins (expires_at);

create table identity.sessions (
    id uuid primary key,
    secret_hash bytea not null unique,
    person uuid not null,
    organisation uuid not null,
    provider uuid not null,
    browser text not null,
    address text not null,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null
);
create index sessions_person on identity.sessions (person);
create index sessions_organisation on identity.sessions (organisation);
create index sessions_provider on identity.sessions (provider);
create index sessions_expiry on identity.sessions (expires_at);

create table identity.api_tokens (
    id uuid primary key,
    secret_hash bytea not null unique,
    person uuid not null,
    organisation uuid not null,
    name text not null,
    scope text not null check (scope in ('read', 'write')),
    created_at timestamptz not null,
    last_used_at timestamptz,
    expires_at timestamptz not null
);
create index api_tokens_person on identity.api_tokens (person);

-- Persons, organisations and providers that may not come in at present, drawn from suspensions and disablings in the
-- log. Sessions and tokens are looked up against it, so that a suspension holds at once and a reinstatement brings
-- tokens back. UUIDs of version 7 never meet, so one column serves the three kinds.
create table identity.barred (
    subject uuid primary key,
    since timestamptz not null
);
