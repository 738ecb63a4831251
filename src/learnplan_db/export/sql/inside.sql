-- What is set above is gone already unless all of this is one transaction.
do $learnplan_db$
begin
  if coalesce(pg_catalog.current_setting('learnplan_db.session', true), '') = '' then
    raise exception E'learnplan-db: this migration must run in one transaction\n  fix  %',
      'let the migration tool open one, or write begin; before it'
      using errcode = 'no_active_sql_transaction';
  end if;
end
$learnplan_db$
