\set t 'my table'
\set v 'it''s \\ "'
\set cols 'a text, b int[]'
create table :"t" (:cols);
insert into :"t" values (:'v', '{1,2,3}'::int[]), (':v', array[4,5]);
select b[1:2], a::text, :'v' from :"t" where a <> :'v';
\set statements 'select 1; select \';\''
:statements ;
\set half 'select 2'
:half , 3;
select :nosuch_is_left;
-- <here is the line above
