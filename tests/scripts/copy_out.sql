create table t (a text, b int);
insert into t values (E'a\tb\n', null), ('ž', 2);
copy t to stdout;
copy (select b, a from t order by 1) to stdout with (format csv, header);
select 1 \; copy t to stdout \; select 2;
