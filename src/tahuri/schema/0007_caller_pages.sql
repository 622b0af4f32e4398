-- Whose page a link opens: the digest of its token, and until when.

create table caller_pages (
    city_id     text not null references cities,
    digest      bytea not null,
    callback_id text not null,
    expires_at  timestamptz not null,
    primary key (city_id, digest)
);

alter table caller_pages enable row level security;
alter table caller_pages force row level security;
create policy own_city on caller_pages using (city_id = current_setting('tahuri.city', true));
