\pset null 'x'
\pset format unaligned
\timing off
\encoding UTF8
\f '|'
\C 'a title'
\T border=1
\set QUIET on
\set ECHO none
\set VERBOSITY default
\set SHOW_CONTEXT errors
\set ON_ERROR_ROLLBACK interactive
\set AUTOCOMMIT on
\set FETCH_COUNT 0
\pset null ''
select 1, null, 'a|b';
