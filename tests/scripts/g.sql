create table t (a int) \g
insert into t values (1) \g
\g
select count(*) from t \g \echo after
select 5 \r
select 6;
\g (format=csv)
