-- A small application under FORCE ROW LEVEL SECURITY, made again for each migration.

drop schema if exists app cascade;
create schema app;
grant usage on schema app to authenticated, service_role;

create table app.users (
  id      integer  primary key,
  name    text     not null,
  "first" text,
  plans   integer  not null default 0,
  active  boolean  not null default true
);
create table app.plans (
  id      integer  primary key,
  user_id integer  not null references app.users (id) on delete cascade,
  title   text     not null,
  status  text
);
create table app.tasks (
  id      integer  primary key,
  plan_id integer,
  title   text     not null,
  minutes integer  not null
);
create table app.audit (
  id      integer  generated always as identity primary key,
  what    text     not null
);
-- Nobody's rows: no row security here.
create table app.archive (id integer, title text);
create table app.stats (user_id integer primary key, plans integer not null);
create table app.settings (name text primary key, value text not null);
create sequence app.numbers;

insert into app.users (id, name, active) values
  (1, 'Ann Ames', true), (2, 'Bob Bow', true), (3, 'Cy Cole', false);
insert into app.plans values (1, 1, 'One', null), (2, 1, 'Two', null), (3, 3, 'Three', 'done');
insert into app.tasks values
  (1, 1, 'a', 10), (2, 1, 'a', 20), (3, 2, 'b', 0), (4, null, 'c', 0), (5, null, 'd', 5);
insert into app.audit (what) values ('made');
insert into app.stats values (1, 2), (2, 0), (3, 1);
insert into app.settings values ('mode', 'old');

create view app.open_plans as select id, title, status from app.plans where status is null;
create view app.my_plans with (security_invoker = true) as select id, title, status from app.plans;
create materialized view app.titles as select id, title from app.plans;

create function app.fill_first() returns void language sql as
  $$ update app.users set "first" = split_part(name, ' ', 1) $$;
create function app.fill_first_as_owner() returns void language sql security definer
  set search_path = pg_catalog, pg_temp as
  $$ update app.users set "first" = split_part(name, ' ', 1) $$;
create function app.tg_rename() returns trigger language plpgsql as
  $$ begin update app.users set "first" = new.value; return new; end $$;
create trigger settings_rename after update on app.settings
  for each row execute function app.tg_rename();
create function app.tg_note() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp as
  $$ begin update app.audit set what = 'noted'; return new; end $$;
create trigger stats_note after update on app.stats
  for each row execute function app.tg_note();

grant all on all tables in schema app to service_role;
grant all on sequence app.numbers to service_role;
grant select, update on app.users, app.plans, app.tasks to authenticated;
do $$
declare
  name text;
begin
  foreach name in array array['users', 'plans', 'tasks', 'audit'] loop
    execute format('alter table app.%I enable row level security', name);
    execute format('alter table app.%I force row level security', name);
    execute format(
      'create policy service on app.%I to service_role using (true) with check (true)', name);
  end loop;
end
$$;
create policy own on app.users to authenticated
  using (id = nullif(current_setting('app.user', true), '')::integer);
