-- The log and everything derived from it.  Every key starts with city_id.

create table cities (
    city_id text primary key,
    name text not null,
    seq bigint not null default 0,
    digest bytea not null default '\x'
);

create table facts (
    city_id text not null references cities,
    seq bigint not null,
    stream text not null,
    version integer not null,
    type text not null,
    body jsonb not null,
    actor text not null,
    at timestamptz not null,
    recorded_at timestamptz not null,
    command text not null,
    personal jsonb not null default '{}', -- erasable row → digest of its salt and body
    digest bytea not null,
    primary key (city_id, seq),
    unique (city_id, stream, version)
);
create index facts_by_type on facts (city_id, type, seq);

-- a stored fact never changes
create function facts_never_change() returns trigger language plpgsql as $$
begin
    raise exception 'a stored fact never changes';
end $$;
create trigger facts_never_change before update or delete on facts
    for each row execute function facts_never_change();

-- the first answer to each command, so that a repetition gets it again
create table commands (
    city_id text not null references cities,
    command text not null,
    request bytea not null,
    seq bigint not null,
    answer jsonb not null,
    at timestamptz not null,
    primary key (city_id, command)
);

create table view_rows (
    city_id text not null references cities,
    view text not null,
    key text not null,
    seq bigint not null,
    body jsonb,
    primary key (city_id, view, key)
);
create index view_rows_by_seq on view_rows (city_id, seq);

-- numbers, names, addresses, free text: erasable; the digest stays in the fact
create table personal (
    city_id text not null references cities,
    personal_id text not null,
    kind text not null,
    body jsonb,
    salt bytea, -- gone with the body, so that the digest cannot be searched for
    stored_at timestamptz not null,
    erased_at timestamptz,
    primary key (city_id, personal_id)
);
create index personal_by_number on personal (city_id, (body ->> 'number')) where kind = 'caller';

create table deadlines (
    city_id text not null references cities,
    key text not null,
    due_at timestamptz not null,
    kind text not null,
    body jsonb not null,
    primary key (city_id, key)
);
create index deadlines_by_due_at on deadlines (city_id, due_at);

do $$
declare
    name text;
begin
    foreach name in array array['cities', 'facts', 'commands', 'view_rows', 'personal', 'deadlines']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy own_city on %I using (city_id = current_setting(''tahuri.city'', true))',
            name
        );
    end loop;
end $$;
