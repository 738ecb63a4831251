-- On the source of a copy whose learnplan.task_progress is partitioned, before the subscription: a
-- change must carry the whole row, since the key alone does not say in which part a row is. It
-- makes updates and deletes write more WAL; "replica identity default" ends that.

alter table learnplan.task_progress replica identity full;
