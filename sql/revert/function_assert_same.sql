-- Revert learnplan-db:function_assert_same from pg

begin;
set local search_path = pg_catalog, pg_temp;

drop function learnplan_private.assert_same(text, text[], text[]);

commit;
