-- The switch nodes of a centre: where each one's pages, and with them its recordings, are reached.

create table nodes (
    city_id text not null references cities,
    node    text not null,
    url     text,
    root    text,
    seen_at timestamptz not null,
    primary key (city_id, node)
);

alter table nodes enable row level security;
alter table nodes force row level security;
create policy own_city on nodes using (city_id = current_setting('tahuri.city', true));
