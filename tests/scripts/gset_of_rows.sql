create table t as values (1), (2);
select * from t \gset
-- <here is the line above
