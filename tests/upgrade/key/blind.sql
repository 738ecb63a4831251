begin;

alter table learnplan.learning_plans validate constraint learning_plans_copied_from_fkey;

commit;
