-- What the host's transaction is like: all of it is put back at the end.
do $learnplan_db$
begin
  perform pg_catalog.set_config('learnplan_db.session', (
    select pg_catalog.json_object_agg(s.name, s.setting)::text
    from pg_catalog.pg_settings as s
    where s.context in ('user', 'superuser')
  ), true),
  pg_catalog.set_config('learnplan_db.authorization',
    pg_catalog.current_setting('session_authorization'), true),
  pg_catalog.set_config('learnplan_db.role', pg_catalog.current_setting('role'), true),
  pg_catalog.set_config('learnplan_db.path',
    pg_catalog.current_setting('search_path'), true),
  pg_catalog.set_config('learnplan_db.committer_name', coalesce(
    nullif(pg_catalog.current_setting('learnplan_db.committer_name', true), ''),
    session_user), true),
  pg_catalog.set_config('learnplan_db.committer_email', coalesce(
    nullif(pg_catalog.current_setting('learnplan_db.committer_email', true), ''),
    session_user || '@' || pg_catalog.current_database()), true);
end
$learnplan_db$
