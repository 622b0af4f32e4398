-- When each recording was read again last, at each place that has it: telemetry, not facts; what is
-- found damaged is a fact.  Where it is lost, rows are made again from the calls' rows.

create table recording_reads (
    city_id text not null references cities,
    call_id text not null,
    place   text not null,
    node    text not null default '',
    read_at timestamptz, -- null: never
    primary key (city_id, call_id, place)
);
create index recording_reads_by_age on recording_reads (city_id, place, read_at nulls first);

alter table recording_reads enable row level security;
alter table recording_reads force row level security;
create policy own_city on recording_reads using (city_id = current_setting('tahuri.city', true));

-- the few that are damaged are asked for each minute
create index calls_damaged on view_rows (city_id, key) where view = 'call'
    and (body #>> '{recording,intact}' = 'false' or body #> '{recording,damaged}' <> '[]');
