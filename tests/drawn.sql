-- Tables in every relation to each other, and names and comments that want to be markup.
-- The superuser's; test_drawing.py draws it.
create schema host;
create table host.one (id int primary key, parent int references host.one);
comment on table host.one is 'A word that mermaid takes for itself.';
create table host.profile (
  one int primary key references host.one on delete cascade,
  boss int unique references host.one on delete set null,
  helper int not null references host.one on delete restrict
);
create table host.pair (a int, b int, c int unique, primary key (a, b));
create table host.composite (
  a int not null, b int, foreign key (a, b) references host.pair on delete set default,
  user_id uuid references learnplan.users on delete cascade
);
create table host.partly (id int references host.one);
create unique index on host.partly (id) where id > 5;
create table host.parted (id int, at date, primary key (id, at)) partition by range (at);
create table host.parted_1 partition of host.parted default;
create table host.nothing ();
create table host."Odd ""name"" <b>, {a} | `b`" (
  pk int, "1st" int, "a b" text, "</text><script>alert(1)</script>" text,
  "%%{init: {}}%%" numeric(10, 2) default 1, "%" character varying(3), "--"" :" "char",
  "naïve ∂" timestamp(3) with time zone
);
comment on table host."Odd ""name"" <b>, {a} | `b`" is
  '"><img src=x onerror=alert(1)> %%{init: {"theme": "dark"}}%% | `x` [a](javascript:alert(1))
# head';
comment on column host."Odd ""name"" <b>, {a} | `b`".pk is '</script><script>alert(2)</script>';
create type host.mood as enum ('a, b', 'c''d', '<i>e</i>', '|');
create view host.seen as select id, null::host.mood as mood from host.one;
create function host.called(x text default '<script>') returns setof host.one
  language sql stable as 'select * from host.one';
create index "<idx>" on host.composite (a, b);
create index on host.composite (user_id, a);
create function host.fired() returns trigger language plpgsql as 'begin return new; end';
create trigger "T on" after update of id, parent on host.one for each row
  when (old.id > 1) execute function host.fired('<x>');
create trigger t2 after delete on host.one for each statement execute function host.fired();
alter table host.one disable trigger t2;
alter table host.one add constraint late check (id > 0) not valid;
alter table host.profile enable row level security, force row level security;
alter table host.pair enable row level security;
create policy p on host.profile as restrictive for select to pg_monitor using (one > 1);
grant select, update (b) on host.pair to pg_monitor;
