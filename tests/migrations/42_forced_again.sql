-- Row security is forced again before the change is done.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
alter table app.users no force row level security;
alter table app.users force row level security;

-- the guard stops:
update app.users set "first" = split_part(name, ' ', 1);

-- correct:
alter table app.users no force row level security;
update app.users set "first" = split_part(name, ' ', 1);
alter table app.users force row level security;
