-- The script becomes the deployer again.
-- changed: select count(*) from app.users where "first" is not null
-- blind 0, correct 3

-- blind:
set session authorization default;

-- the guard stops:
update app.users set "first" = split_part(name, ' ', 1);

-- correct:
set session authorization default;
set local role service_role;
update app.users set "first" = split_part(name, ' ', 1);
reset role;
