\if :{?registry}
select :'registry';
\else
select 'none';
\endif
\if :{?nosuch}
select :'nosuch';
\endif
select :{?registry} as r, not :{?nosuch} as n;
