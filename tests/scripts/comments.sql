-- ; ' $$ \i nosuch.sql :registry
/* ; /* nested ; \q */ ' /*/ */ ; **/ select 1 --;
  +/* ; */1, 2 -- :registry
;;; /* a */ ; -- '
/* last
*/
