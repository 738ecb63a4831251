select :'USER' = current_user, :'DBNAME' = current_database(), :'ENCODING';
select :SERVER_VERSION_NUM = current_setting('server_version_num')::int;
select :'SERVER_VERSION_NAME' = current_setting('server_version');
\echo [:LAST_ERROR_MESSAGE] :LAST_ERROR_SQLSTATE :AUTOCOMMIT :ON_ERROR_STOP :QUIET
\echo :VERBOSITY :ECHO :SHOW_CONTEXT :FETCH_COUNT :SINGLELINE :ON_ERROR_ROLLBACK
select generate_series(1, 3);
\echo :ROW_COUNT :ERROR :SQLSTATE
create table "of :DBNAME" (a int);
\echo :ROW_COUNT
\set DBNAME mine
\echo :DBNAME
