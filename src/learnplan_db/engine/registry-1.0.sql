-- Sqitch's registry from before version 1.0 to 1.0: releases, and script hashes.
-- What the scripts were is not known here: their changes' ids stand in until a deploy.

set local client_min_messages = warning;

create table {schema}.releases (
  version         real        not null constraint releases_pkey primary key,
  installed_at    timestamptz not null default clock_timestamp(),
  installer_name  text        not null,
  installer_email text        not null
);

comment on table {schema}.releases is 'Sqitch registry releases.';
comment on column {schema}.releases.version is 'Version of the Sqitch registry.';
comment on column {schema}.releases.installed_at is 'Date the registry release was installed.';
comment on column {schema}.releases.installer_name is 'Name of the user who installed the registry release.';
comment on column {schema}.releases.installer_email is 'Email address of the user who installed the registry release.';

alter table {schema}.changes
  add column script_hash text null constraint changes_script_hash_key unique;
update {schema}.changes set script_hash = change_id;
comment on column {schema}.changes.script_hash is 'Deploy script SHA-1 hash.';

alter table {schema}.events drop constraint events_event_check;
alter table {schema}.events
  add constraint events_event_check check (event in ('deploy', 'revert', 'fail', 'merge'));

comment on schema {schema} is 'Sqitch database deployment metadata v1.0.';
