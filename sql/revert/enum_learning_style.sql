-- Revert learnplan-db:enum_learning_style from pg

begin;

drop type learnplan.learning_style;

commit;
