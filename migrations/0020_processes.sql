-- How far each process (what follows from events outside the views) has come in the log.
create table identity.process (
    name text primary key,
    checkpoint bigint not null check (checkpoint >= 0)
);
