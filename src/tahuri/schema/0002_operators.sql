-- Accounts and sessions: reference data and secrets, not facts.

create table accounts (
    city_id text not null references cities,
    operator_id text not null,
    username text not null,
    name text not null,
    password text not null, -- argon2id
    roles text[] not null,
    agency_id text,
    unit_id text,
    active boolean not null default true,
    created_at timestamptz not null,
    primary key (city_id, operator_id),
    unique (city_id, username)
);

create table sessions (
    city_id text not null references cities,
    digest bytea not null, -- sha256 of the cookie: the table alone opens nothing
    operator_id text not null,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (city_id, digest),
    foreign key (city_id, operator_id) references accounts (city_id, operator_id)
);
create index sessions_by_operator on sessions (city_id, operator_id);

create table sign_in_failures (
    city_id text not null references cities,
    source text not null, -- account name or address
    at timestamptz not null
);
create index sign_in_failures_by_source on sign_in_failures (city_id, source, at);

-- what an operator has typed and not yet sent; gone when the report is sent
create table drafts (
    city_id text not null references cities,
    operator_id text not null,
    key text not null,
    body jsonb not null,
    at timestamptz not null,
    primary key (city_id, operator_id, key)
);

-- telemetry: the last position of each unit, never in the way of dispatch
create table unit_positions (
    city_id text not null references cities,
    unit_id text not null,
    lat double precision not null,
    lon double precision not null,
    at timestamptz not null,
    received_at timestamptz not null,
    speed_kmh double precision,
    heading double precision,
    accuracy_m double precision,
    primary key (city_id, unit_id)
);

do $$
declare
    name text;
begin
    foreach name in array
        array['accounts', 'sessions', 'sign_in_failures', 'drafts', 'unit_positions']
    loop
        execute format('alter table %I enable row level security', name);
        execute format('alter table %I force row level security', name);
        execute format(
            'create policy own_city on %I using (city_id = current_setting(''tahuri.city'', true))',
            name
        );
    end loop;
end $$;
