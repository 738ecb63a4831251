begin;
create function f() returns int language plpgsql as $$
begin raise notice 'in f'; return 1; end $$;
drop table if exists one; select 1;
drop table if exists two;
select f(),
  f();
create temp table if not exists t (a int); create temp table if not exists t (a int);
create or replace function late() returns trigger language plpgsql as $$
begin raise notice 'late'; return null; end $$;
create constraint trigger late after insert on t initially deferred
  for each row execute function late();
insert into t values (1);
select 'last', null, true, 1.50, E'a\nb', array['x', null]
;
drop table if exists three
;
commit;
