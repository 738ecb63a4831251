\set body `cat inner/body.txt`
\set two `printf 'a\nb\n\n'`
\set d 'it''s'
\set sum `echo :registry :'d' $((1+1))`
create table t (a text);
insert into t values (:'body'), (:'two'), (:'sum');
\echo b`echo c`d `exit 3` e
table t;
