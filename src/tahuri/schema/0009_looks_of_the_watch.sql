-- What is looked for each minute, in a log of years: calls without an end, copies still to be erased.

create index calls_without_end on view_rows (city_id, key) where view = 'call'
    and body ->> 'ended_at' is null;
create index copies_to_erase on view_rows (city_id, key) where view = 'call'
    and body #>> '{recording,state}' = 'erased'
    and (body #>> '{recording,copied}' = 'true' or body #>> '{recording,stored}' = 'true');
