-- Open call-back items: looked up whenever a call is answered or lost.

create index callbacks_open on view_rows (city_id, key)
    where view = 'callback' and body ->> 'state' = 'open';
