-- Revert learnplan-db:function_assert_same from pg

begin;

drop function learnplan_private.assert_same(text, text[], text[]);

commit;
