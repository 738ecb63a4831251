alter table learnplan.learning_plans no force row level security;
alter table learnplan.learning_plans validate constraint learning_plans_copied_from_fkey;
alter table learnplan.learning_plans force row level security;
