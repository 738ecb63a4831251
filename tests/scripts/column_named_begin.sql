create table t (begin int, "end" int);
insert into t values (1, 2);
select begin, case begin when 1 then 2 end from t;
