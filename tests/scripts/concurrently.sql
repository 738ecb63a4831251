create table t (a int);
create index concurrently i on t (a);
vacuum t;
create type e as enum ('a');
alter type e add value 'b';
select 'b'::e;
