create table t (a int);
insert into t values (1) \; select a from t \; update t set a = 2;
select a from t \; select 'b;' ; select a\:\:text from t;
\set ON_ERROR_STOP 0
insert into t values (3) \; select 1/0 \; insert into t values (4);
table t;
