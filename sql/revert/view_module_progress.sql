-- Revert learnplan-db:view_module_progress from pg

begin;

drop view learnplan.module_progress;

commit;
