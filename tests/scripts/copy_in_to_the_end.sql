begin;
create table t (a text);
commit;
copy t from stdin;
a
it's
