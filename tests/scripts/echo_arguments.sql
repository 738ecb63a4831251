\set a 'it''s' "q r" x'y'z `echo hi; echo there` :registry :'registry' :{?registry} :nosuch :"registry"
\echo :a
\set b 'a\tb\x41\101\n'
\echo :b
\echo 'a' "b" c'd'  e"f g"  h:registry i'':'registry'
\echo -n x
\echo -n 'y' z
\echo
\echo '-n' a
\echo "-n" a
\qecho q
\warn w :registry
\warn -n no end
\echo a \echo b \\ select 'c';
\echo foo:bar :registry. a:{?registry}b :registry:registry
\echo "a:registry" 'b:registry' ':d' '' ""
\echo ';' a;b --c /* d */
