begin;
create table t (a int);
select nosuch from t; -- <here
selekt 1;
commit;
