\set n 3
select :n > 2 as big, :n > 5 as huge \gset
\if :big
  \if :huge
    create table t (huge int);
  \elif :{?nosuch}
    create table t (nosuch int);
  \else
    create table t (big int);
    \if false
      \if true
        \echo not here
      \else
        \echo nor here
      \endif
      \set n 4
      \i nosuch.sql
      \warn `echo not run >&2`
    \endif
  \endif
\else
  select 'a;' as ";"; create table t (small int);
\endif
\echo :n
insert into t values (1);
