begin;

alter table learnplan.learning_plans
  add constraint learning_plans_copied_from_fkey foreign key (copied_from)
    references learnplan.learning_plans (id) on delete set null not valid;

commit;
