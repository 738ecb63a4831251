\if true
\echo true
\endif
\if TRUE
\echo TRUE
\endif
\if t
\echo t
\endif
\if yes
\echo yes
\endif
\if y
\echo y
\endif
\if on
\echo on
\endif
\if 1
\echo 1
\endif
\if fals
\echo fals
\elif n
\echo n
\elif of
\echo of
\elif 0
\echo 0
\else
\echo none of them
\endif
\if o
\echo o
\else
\echo o is nothing
\endif
\if
\echo nothing
\endif
\if 2
\echo 2
\elif :nosuch
\echo nosuch
\elif true false
\echo two
\else
\echo junk is false
\endif
