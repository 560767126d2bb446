-- Views of the discussions.
set local search_path = views, public;

-- projection “categories”
create table category (
    id uuid primary key,
    community uuid not null,
    slug text not null,
    name text not null,
    description text not null,
    format text not null check (format in ('open', 'question_and_answer', 'announcement', 'poll', 'idea')),
    audience text[] not null,
    closed boolean not null default false,
    position integer not null,
    opened_at timestamptz not null,
    version bigint not null
);
create index category_community on category (community, position, id);

-- projection “threads”
create table thread (
    id uuid primary key,
    community uuid not null,
    category uuid not null,
    author uuid not null,
    -- The organisation that the author wrote for; none for imported threads.
    organisation uuid,
    opening_post uuid not null,
    title text not null,
    audience text[] not null,
    format text not null,
    opened_at timestamptz not null,
    last_activity_at timestamptz not null,
    locked boolean not null default false,
    closed boolean not null default false,
    close_reason text check (close_reason in ('resolved', 'outdated', 'duplicate')),
    duplicate_of uuid,
    reply_count integer not null default 0,
    answer_count integer not null default 0,
    upvote_count integer not null default 0,
    source text,
    version bigint not null
);
-- Keyset pages walk these in order and pass over what the viewer may not see. Strangers, who may see the least, have
-- indexes of their own, so that a hub with few public threads is not scanned for them.
create index thread_activity on thread (last_activity_at, id);
create index thread_opened on thread (opened_at, id);
create index thread_upvotes on thread (upvote_count, id);
create index thread_community_activity on thread (community, last_activity_at, id);
create index thread_community_opened on thread (community, opened_at, id);
create index thread_community_upvotes on thread (community, upvote_count, id);
create index thread_category_activity on thread (category, last_activity_at, id);
create index thread_category_opened on thread (category, opened_at, id);
create index thread_category_upvotes on thread (category, upvote_count, id);
create index thread_author on thread (author, last_activity_at, id);
create index thread_organisation on thread (organisation, last_activity_at, id);
create index thread_public_activity on thread (last_activity_at, id) where audience @> '{public}'::text[];
create index thread_public_opened on thread (opened_at, id) where audience @> '{public}'::text[];
create index thread_public_upvotes on thread (upvote_count, id) where audience @> '{public}'::text[];
create index thread_audience on thread using gin (audience);

-- How many threads of a category have exactly that audience: counts after visibility, without counting threads.
create table thread_tally (
    category uuid not null,
    -- SHA-256 of the audience, which may be too long for a key.
    audience_key bytea not null,
    audience text[] not null,
    community uuid not null,
    threads bigint not null,
    primary key (category, audience_key)
);
create index thread_tally_community on thread_tally (community);

create table post (
    thread uuid not null,
    id uuid not null,
    author uuid not null,
    body text not null,
    posted_at timestamptz not null,
    edited_at timestamptz,
    opening boolean not null default false,
    answer boolean not null default false,
    -- The top-level post that it replies to.
    reply_to uuid,
    reply_count integer not null default 0,
    upvote_count integer not null default 0,
    source text,
    -- The version of the thread's stream that the post came with.
    version bigint not null,
    primary key (thread, id)
);
create index post_top_level on post (thread, posted_at, id) where reply_to is null and not opening;
create index post_replies on post (reply_to, posted_at, id) where reply_to is not null;
create index post_answers on post (thread, posted_at, id) where answer;

-- Every version of a post that was edited, the first included. A post that never was has none.
create table post_revision (
    thread uuid not null,
    post uuid not null,
    -- The version of the thread's stream that the revision came with.
    version bigint not null,
    body text not null,
    at timestamptz not null,
    by uuid,
    primary key (thread, post, version)
);

create table reaction (
    thread uuid not null,
    post uuid not null,
    reaction text not null,
    person uuid not null,
    primary key (thread, post, reaction, person)
);

create table upvote (
    thread uuid not null,
    post uuid not null,
    person uuid not null,
    primary key (thread, post, person)
);
