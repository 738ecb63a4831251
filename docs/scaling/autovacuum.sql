-- Storage parameters for tables of a million rows and more: psql -f autovacuum.sql DATABASE, as
-- the owner. Only SHARE UPDATE EXCLUSIVE locks, no rewrite; room is left on new pages only.
-- What each was measured to do: docs/scaling.md, "Autovacuum".

-- A row is inserted, then changed once or twice with its indexed columns as they were: room beside
-- it keeps the four indexes out of that.
alter table learnplan.task_progress set (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02
);

-- A reorder changes an indexed column of each row twice: room does not help, vacuum does.
alter table learnplan.tasks set (autovacuum_vacuum_scale_factor = 0.02);

-- Only inserted into: vacuum often, so that each time there is little to freeze.
alter table learnplan.task_resources set (autovacuum_vacuum_insert_scale_factor = 0.05);
alter table learnplan.plan_generations set (autovacuum_vacuum_insert_scale_factor = 0.05);
