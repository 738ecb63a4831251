create table t (a int primary key);

copy t from stdin;
1
2
x <here
4
\.
select 'never';
