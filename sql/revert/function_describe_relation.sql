-- Revert learnplan-db:function_describe_relation from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.describe_relation(regclass, text[]);

commit;
