-- Sqitch's registry from version 1.0 to 1.1: a script hash is unique in its project only.

set local client_min_messages = warning;

alter table {schema}.changes drop constraint changes_script_hash_key;
alter table {schema}.changes
  add constraint changes_project_script_hash_key unique (project, script_hash);

comment on schema {schema} is 'Sqitch database deployment metadata v1.1.';
