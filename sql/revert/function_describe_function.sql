-- Revert learnplan-db:function_describe_function from pg

begin;

drop function learnplan_private.describe_function(regprocedure);

commit;
