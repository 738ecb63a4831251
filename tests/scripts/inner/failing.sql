insert into t values ('before');
select
  nosuch, -- <here
  1;
