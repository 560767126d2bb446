-- Lists of threads are read along what a viewer may see, not along everything there is: a page takes the first rows of each
-- of the viewer's tokens and merges them. So it costs the same however large the hub is and however little of it they see.
set local search_path = views, public;

-- projection “threads”: a row for each token of a thread's audience, with all that threads are filtered and sorted by.
create table thread_listing (
    -- The first eight bytes of the token's SHA-256. The audience itself is looked at again in `thread`.
    token bigint not null,
    thread uuid not null,
    community uuid not null,
    category uuid not null,
    author uuid not null,
    organisation uuid,
    closed boolean not null,
    answered boolean not null,
    opened_at timestamptz not null,
    last_activity_at timestamptz not null,
    upvote_count integer not null,
    primary key (thread, token)
);
insert into thread_listing
select ('x' || encode(substring(sha256(convert_to(token, 'UTF8')) from 1 for 8), 'hex'))::bit(64)::bigint, id, community, category, author,
       organisation, closed, answer_count > 0, opened_at, last_activity_at, upvote_count
from thread, unnest(audience) token;

create index thread_listing_activity on thread_listing (token, last_activity_at, thread);
create index thread_listing_opened on thread_listing (token, opened_at, thread);
create index thread_listing_upvotes on thread_listing (token, upvote_count, thread);
create index thread_listing_community_activity on thread_listing (token, community, last_activity_at, thread);
create index thread_listing_community_opened on thread_listing (token, community, opened_at, thread);
create index thread_listing_community_upvotes on thread_listing (token, community, upvote_count, thread);
create index thread_listing_category_activity on thread_listing (token, category, last_activity_at, thread);
create index thread_listing_category_opened on thread_listing (token, category, opened_at, thread);
create index thread_listing_category_upvotes on thread_listing (token, category, upvote_count, thread);
create index thread_listing_author on thread_listing (token, author, last_activity_at, thread);
create index thread_listing_organisation on thread_listing (token, organisation, last_activity_at, thread);

-- Threads themselves are only looked up by their id from now on; changing one touches no other index.
drop index thread_activity, thread_opened, thread_upvotes,
    thread_community_activity, thread_community_opened, thread_community_upvotes,
    thread_category_activity, thread_category_opened, thread_category_upvotes,
    thread_author, thread_organisation,
    thread_public_activity, thread_public_opened, thread_public_upvotes, thread_audience;

-- Counts need not pass over the audiences that the viewer does not meet.
create index thread_tally_audience on thread_tally using gin (audience);
