-- Revert learnplan-db:function_describe_relation from pg

begin;

drop function learnplan_private.describe_relation(regclass, text[]);

commit;
