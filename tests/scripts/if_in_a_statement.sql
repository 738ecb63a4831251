select 7
\if 0
 , 8 ; select 99;
\else
 , 9
\endif
;
select (1
\if true
 + 1)
\else
 + (2 * (3)))
\endif
 as sum;
