-- One of everything that a schema may hold, in the ways that majors write differently.
-- The superuser's, in a database with the plan; test_fingerprint.py reads it on every major.
create schema zoo;

create type zoo.mood as enum ('a, b', 'c''d', 'e');
create type zoo.pair as (x int, y text collate "C");
create type zoo.span as range (subtype = integer);
create domain zoo.email as text collate "C" default 'x@y' not null check (value ~ '@');
create domain zoo.pos as int constraint pos_check check (value > 0);
create sequence zoo.seq start 5 increment 2 maxvalue 99 cycle;
create collation zoo.coll from "C";
create text search configuration zoo.ts (copy = pg_catalog.simple);
create operator zoo.=== (leftarg = int, rightarg = int, procedure = int4eq);
create cast (zoo.pair as text) with inout;

create table zoo.base (
  id int generated always as identity primary key,
  a int not null, gone int, b text default 'x' || now()::text,
  c numeric(10, 2) check (c > 0 and c < 100), d int generated always as (a * 2) stored,
  e zoo.email, f zoo.mood default 'e', g varchar(10) collate "C",
  h timestamptz(3) default current_timestamp, i text[] default '{}', j serial,
  k date default current_date, l text default current_user, m zoo.pair, n int4range,
  o interval day to second(2), p bit varying(5), q jsonb default '{"a": 1}'::jsonb,
  r timestamptz default '2020-01-02 03:04:05+00', s interval default '1 day 02:03:04',
  t float8 default 0.1, u bytea default '\x00ff', v text default e'a\\b', w date default '2020-03-04'
);
alter table zoo.base drop column gone;
alter table zoo.base alter column b set statistics 500, alter column b set storage external,
  alter column q set compression pglz, alter column a set (n_distinct = 5);
alter table zoo.base
  set (user_catalog_table = true, fillfactor = 70, toast.autovacuum_enabled = off);
create table zoo.child () inherits (zoo.base);
create table zoo.part (id int not null, at date not null, primary key (id, at))
  partition by range (at);
create table zoo.part_1 partition of zoo.part for values from ('2020-01-01') to ('2021-01-01');
create table zoo.part_d partition of zoo.part default;
create table zoo.refs (
  id int primary key,
  base int references zoo.base on delete set null on update cascade
    deferrable initially deferred,
  part_id int, part_at date,
  foreign key (part_id, part_at) references zoo.part match full,
  unique nulls not distinct (base),
  exclude using gist (int4range(id, part_id) with &&)
);
alter table zoo.refs add constraint refs_id_check check (id <> 3) not valid;
create unlogged table zoo.quick (x int);
create table zoo.typed of zoo.pair;

create index partial on zoo.base (lower(b) text_pattern_ops desc nulls last, a) include (c)
  where a > 5 and b is not null;
create index on zoo.base using gin (q jsonb_path_ops) with (fastupdate = off);
create index on zoo.base using gin (b public.gin_trgm_ops);
create index on zoo.base using hash (b);
create index on only zoo.part (at);
create extension citext schema public;
create function zoo.lent(public.citext) returns public.citext language sql as 'select $1';
create statistics zoo.stat (dependencies, mcv) on a, (c * 2) from zoo.base;
alter statistics zoo.stat set statistics 300;

-- Until 15 the columns of a view of one table are qualified, later they are not.
create view zoo.single as
  select id, a + 1 as a1, (select count(*) from zoo.refs r where r.base = base.id) as n
  from zoo.base
  where a > 3 and exists (select from zoo.refs where refs.base = base.id)
  order by a;
create view zoo.aliased as
  select t.a as z, sum(t.c) as s, 't.a' as text, t.m, (t.m).x
  from zoo.base t group by t.a, t.m having sum(t.c) > 1;
create view zoo.grouped as
  select extract(year from h) as y, count(distinct b) filter (where a > 1), grouping(a), a
  from zoo.base group by rollup (extract(year from h), a);
create view zoo.unions as
  select a from zoo.base union all select id from zoo.refs except select 1 order by 1 limit 5;
create view zoo.cte as with x as materialized (select a, b from zoo.base) select * from x;
create view zoo.joined as
  select b.a, r.id, l.*
  from zoo.base b left join zoo.refs r on r.base = b.id
    cross join lateral (select max(a) from zoo.base z where z.a < b.a) l (m)
  where b.f = 'e' and b.k between '2020-01-01' and current_date;
create view zoo.expressions as
  select trim(both 'x' from b) as t, substring(b from 2 for 3) as s, position('a' in b) as p,
    overlay(b placing 'x' from 1), h at time zone 'UTC' as tz, coalesce(a, 1), nullif(a, 2),
    case a when 1 then 'x' else 'y' end as c1, case when a = 1 then 2 end as c2, array[a, 1],
    (m).x, i[1:2], b like 'x%' as lk, b similar to 'x' as si, a is distinct from 1 as dd,
    a in (1, 2, 3) as ii, not (a = 1 or b = 'x') as nn, cast(a as numeric(5, 1)) as ca,
    row_number() over (partition by b order by a rows between 1 preceding and current row),
    first_value(a) over w as fv, localtime(2) as lt, b collate "C" as cc, (a, b) = (1, 'x') as ro,
    jsonb_path_exists(q, '$.a') as jp, q ->> 'a' as qa, -a as neg, e'it''s \\ base.a' as quoted
  from zoo.base window w as (order by a);
create view zoo.listed as select * from (values (1, 'a'), (2, 'b')) v (x, y);
create view zoo.called as select * from generate_series(1, 5) with ordinality g;
create view zoo."odd name" as select "odd name".a as "a ""b" from zoo.base "odd name";
create view zoo.latest as
  select distinct on (a) a, b from zoo.base order by a, h desc nulls last;
create view zoo.checked with (security_barrier, check_option = cascaded) as
  select * from zoo.refs where id > 5;
create view zoo.sampled as select a from only zoo.base tablesample system (10);
create view zoo.locked as select a from zoo.base for update;
create materialized view zoo.mat as select a, count(*) from zoo.base group by a;
create unique index on zoo.mat (a);

create function zoo.f(a int, b text default 'x', out c int, variadic d int[] default '{}')
  language sql immutable strict parallel safe cost 7 as $$select $1$$;
create function zoo.atomic(x int) returns int language sql begin atomic
  select a from zoo.base where id = x;
  select count(*)::int from zoo.base b where b.a = x;
end;
create function zoo.rows() returns table (id int, m zoo.mood) rows 5
  language sql as $$select 1, 'e'::zoo.mood$$;
create procedure zoo.proc(inout x int) language plpgsql as $$begin x := 1; end$$;
create aggregate zoo.agg (int) (sfunc = int4pl, stype = int, initcond = '0');
create function zoo.tg() returns trigger language plpgsql
  set search_path = '' set work_mem = '5MB' as $$begin return new; end$$;
create function zoo.library() returns language_handler
  language c as '$libdir/plpgsql', 'plpgsql_call_handler';
create function zoo.supported(int, int) returns setof int language sql as 'select 1';
alter function zoo.supported(int, int) support pg_catalog.generate_series_int4_support;

create trigger t1 before update of a, b on zoo.base for each row
  when (old.a is distinct from new.a and new.b <> 'x') execute function zoo.tg('arg', '2');
create trigger t2 after insert on zoo.base referencing new table as n
  for each statement execute function zoo.tg();
create constraint trigger t3 after insert on zoo.refs deferrable initially deferred
  for each row execute function zoo.tg();
create trigger tp after insert on zoo.part for each row execute function zoo.tg();
create trigger ti instead of insert on zoo.single for each row execute function zoo.tg();
alter table zoo.base disable trigger t2;
alter table zoo.base enable always trigger t1;
create rule r1 as on insert to zoo.quick where new.x > 5
  do instead insert into zoo.quick values (new.x - 5);
create rule r2 as on delete to zoo.quick
  do also update zoo.base set a = old.x where base.a = old.x;

alter table zoo.base enable row level security;
create policy p1 on zoo.base
  using (a = 1 and exists (
    select from zoo.refs r where r.base = base.id and r.id in (select x from zoo.quick)
  ))
  with check (b = current_user and (select count(*) from zoo.base b2) > base.a);
create policy p2 on zoo.base as restrictive for select to pg_monitor
  using (a > (select max(id) from zoo.refs));

-- ALL means one privilege more since 17.
grant all on zoo.base to pg_monitor;
grant all on all sequences in schema zoo to pg_monitor;
grant select (a), update (b) on zoo.base to pg_read_all_stats with grant option;
grant usage on type zoo.mood to pg_monitor;
alter default privileges in schema zoo grant select on tables to pg_monitor;
alter default privileges in schema zoo grant execute on functions to pg_monitor;

comment on column zoo.base.a is 'a''s';
comment on constraint base_pkey on zoo.base is 'of a constraint';
comment on index zoo.partial is 'of an index';
comment on trigger t1 on zoo.base is 'of a trigger';
comment on rule r1 on zoo.quick is 'of a rule';
comment on statistics zoo.stat is 'of statistics';
comment on domain zoo.email is 'of a domain';
comment on constraint pos_check on domain zoo.pos is 'of a constraint of a domain';
comment on policy p1 on zoo.base is 'of a policy';
comment on operator zoo.=== (int, int) is 'of an operator';
comment on sequence zoo.seq is 'of a sequence';
comment on type zoo.pair is 'of a composite type';
comment on type zoo.span is 'of a range';
comment on cast (zoo.pair as text) is 'of a cast';

-- Traps for a session that searches this schema before the system's.
create function zoo.set_config(text, text, boolean) returns text
  language sql as $$select 'trap' || 1 / 0$$;
create view zoo.pg_namespace as select 1 as trap;
create view zoo.pg_class as select 1 as trap;
