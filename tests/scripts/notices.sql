drop table if exists nothing;
do $$ begin raise notice 'a
b' using detail = 'd', hint = 'h'; raise warning 'w'; raise info 'i'; end
$$;
create table t (a int); create table if not exists t
(a int);
do $$ begin raise notice 'no semicolon'; end $$
-- the end

