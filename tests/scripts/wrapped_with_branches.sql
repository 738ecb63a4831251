\set fine 1
begin;
create table t (a int);
\if :fine
insert into t values (:fine);
\else
drop table nosuch;
\endif
commit;
\echo done
