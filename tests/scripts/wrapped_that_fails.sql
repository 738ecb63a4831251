begin;
create table t (a int);
select 'é',
  'ąčę', nosuch; -- <here
commit;
