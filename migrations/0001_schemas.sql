-- Where things live: the log is the truth, views are drawn from it and may be dropped,
-- identity holds what is neither (sessions, token hashes, sealed secrets).
create schema log;
create schema views;
create schema identity;
