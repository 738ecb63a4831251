create table t (a int);
create function f(x int default (1)) returns int language sql
begin atomic
  select case when x = 1 then case x when 1 then 10 end else (2) end;
  select x /* ; */ + 1 as "end;";
end;
create or replace procedure p() begin /* a */ atomic
  insert into t values (1); insert into t values (f(2)); end;
call p();
table t;
select :'registry' as begin, 2 as atomic;
