-- What an event concerns within its aggregate: the post of a thread, the member of a community or team, the provider of an
-- organisation, the token of a person. Empty where it concerns the aggregate as a whole.
--
-- It looks for the member by its text, for that never fails, whatever the data hold: an index must not keep an event from being
-- written. Nothing else can be taken for it: a quotation mark within a text is always preceded by a backslash, so that the closing
-- mark of `"post":` is none of a text's.
create function log.part(data text) returns text language sql immutable parallel safe
return case
    when strpos(data, '"post":"') > 0 then substr(data, strpos(data, '"post":"') + 8, 36)
    when strpos(data, '"person":"') > 0 then substr(data, strpos(data, '"person":"') + 10, 36)
    when strpos(data, '"provider":"') > 0 then substr(data, strpos(data, '"provider":"') + 12, 36)
    when strpos(data, '"token":"') > 0 then substr(data, strpos(data, '"token":"') + 9, 36)
    else ''
end;

-- The history of a part, and the last event of some kind before another, without walking the stream.
create index events_part on log.events (stream, log.part(data), kind, version);
