-- Revert learnplan-db:function_weekly_hours from pg

begin;

drop function learnplan.weekly_hours(text);

commit;
