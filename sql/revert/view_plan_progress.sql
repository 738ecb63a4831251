-- Revert learnplan-db:view_plan_progress from pg

begin;

drop view learnplan.plan_progress;

commit;
