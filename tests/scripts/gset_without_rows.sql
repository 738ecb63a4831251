create table t (a int);
select a from t \gset
-- <here is the line above
drop table t;
