-- Sqitch's registry, version 1.1: the same tables, names, defaults and comments.
-- Its schema is there: an administrator may have made it for who may make none.
-- Source: what sqitch 1.3.1 creates on PostgreSQL, compared in tests with pg_dump.

set local client_min_messages = warning;

create table {schema}.releases (
  version         real        not null constraint releases_pkey primary key,
  installed_at    timestamptz not null default clock_timestamp(),
  installer_name  text        not null,
  installer_email text        not null
);

create table {schema}.projects (
  project       text        not null constraint projects_pkey primary key,
  uri           text        null constraint projects_uri_key unique,
  created_at    timestamptz not null default clock_timestamp(),
  creator_name  text        not null,
  creator_email text        not null
);

create table {schema}.changes (
  change_id       text        not null constraint changes_pkey primary key,
  script_hash     text        null,
  change          text        not null,
  project         text        not null constraint changes_project_fkey
    references {schema}.projects (project) on update cascade,
  note            text        not null default '',
  committed_at    timestamptz not null default clock_timestamp(),
  committer_name  text        not null,
  committer_email text        not null,
  planned_at      timestamptz not null,
  planner_name    text        not null,
  planner_email   text        not null,
  constraint changes_project_script_hash_key unique (project, script_hash)
);

create table {schema}.tags (
  tag_id          text        not null constraint tags_pkey primary key,
  tag             text        not null,
  project         text        not null constraint tags_project_fkey
    references {schema}.projects (project) on update cascade,
  change_id       text        not null constraint tags_change_id_fkey
    references {schema}.changes (change_id) on update cascade,
  note            text        not null default '',
  committed_at    timestamptz not null default clock_timestamp(),
  committer_name  text        not null,
  committer_email text        not null,
  planned_at      timestamptz not null,
  planner_name    text        not null,
  planner_email   text        not null,
  constraint tags_project_tag_key unique (project, tag)
);

create table {schema}.dependencies (
  change_id     text not null constraint dependencies_change_id_fkey
    references {schema}.changes (change_id) on update cascade on delete cascade,
  type          text not null,
  dependency    text not null,
  dependency_id text null constraint dependencies_dependency_id_fkey
    references {schema}.changes (change_id) on update cascade,
  constraint dependencies_check check (
    (type = 'require' and dependency_id is not null)
    or (type = 'conflict' and dependency_id is null)
  ),
  constraint dependencies_pkey primary key (change_id, dependency)
);

create table {schema}.events (
  event           text        not null constraint events_event_check
    check (event in ('deploy', 'revert', 'fail', 'merge')),
  change_id       text        not null,
  change          text        not null,
  project         text        not null constraint events_project_fkey
    references {schema}.projects (project) on update cascade,
  note            text        not null default '',
  requires        text[]      not null default '{{}}',
  conflicts       text[]      not null default '{{}}',
  tags            text[]      not null default '{{}}',
  committed_at    timestamptz not null default clock_timestamp(),
  committer_name  text        not null,
  committer_email text        not null,
  planned_at      timestamptz not null,
  planner_name    text        not null,
  planner_email   text        not null,
  constraint events_pkey primary key (change_id, committed_at)
);

comment on schema {schema} is 'Sqitch database deployment metadata v1.1.';
comment on table {schema}.changes is 'Tracks the changes currently deployed to the database.';
comment on column {schema}.changes.change_id is 'Change primary key.';
comment on column {schema}.changes.script_hash is 'Deploy script SHA-1 hash.';
comment on column {schema}.changes.change is 'Name of a deployed change.';
comment on column {schema}.changes.project is 'Name of the Sqitch project to which the change belongs.';
comment on column {schema}.changes.note is 'Description of the change.';
comment on column {schema}.changes.committed_at is 'Date the change was deployed.';
comment on column {schema}.changes.committer_name is 'Name of the user who deployed the change.';
comment on column {schema}.changes.committer_email is 'Email address of the user who deployed the change.';
comment on column {schema}.changes.planned_at is 'Date the change was added to the plan.';
comment on column {schema}.changes.planner_name is 'Name of the user who planed the change.';
comment on column {schema}.changes.planner_email is 'Email address of the user who planned the change.';
comment on table {schema}.dependencies is 'Tracks the currently satisfied dependencies.';
comment on column {schema}.dependencies.change_id is 'ID of the depending change.';
comment on column {schema}.dependencies.type is 'Type of dependency.';
comment on column {schema}.dependencies.dependency is 'Dependency name.';
comment on column {schema}.dependencies.dependency_id is 'Change ID the dependency resolves to.';
comment on table {schema}.events is 'Contains full history of all deployment events.';
comment on column {schema}.events.event is 'Type of event.';
comment on column {schema}.events.change_id is 'Change ID.';
comment on column {schema}.events.change is 'Change name.';
comment on column {schema}.events.project is 'Name of the Sqitch project to which the change belongs.';
comment on column {schema}.events.note is 'Description of the change.';
comment on column {schema}.events.requires is 'Array of the names of required changes.';
comment on column {schema}.events.conflicts is 'Array of the names of conflicting changes.';
comment on column {schema}.events.tags is 'Tags associated with the change.';
comment on column {schema}.events.committed_at is 'Date the event was committed.';
comment on column {schema}.events.committer_name is 'Name of the user who committed the event.';
comment on column {schema}.events.committer_email is 'Email address of the user who committed the event.';
comment on column {schema}.events.planned_at is 'Date the event was added to the plan.';
comment on column {schema}.events.planner_name is 'Name of the user who planed the change.';
comment on column {schema}.events.planner_email is 'Email address of the user who plan planned the change.';
comment on table {schema}.projects is 'Sqitch projects deployed to this database.';
comment on column {schema}.projects.project is 'Unique Name of a project.';
comment on column {schema}.projects.uri is 'Optional project URI';
comment on column {schema}.projects.created_at is 'Date the project was added to the database.';
comment on column {schema}.projects.creator_name is 'Name of the user who added the project.';
comment on column {schema}.projects.creator_email is 'Email address of the user who added the project.';
comment on table {schema}.releases is 'Sqitch registry releases.';
comment on column {schema}.releases.version is 'Version of the Sqitch registry.';
comment on column {schema}.releases.installed_at is 'Date the registry release was installed.';
comment on column {schema}.releases.installer_name is 'Name of the user who installed the registry release.';
comment on column {schema}.releases.installer_email is 'Email address of the user who installed the registry release.';
comment on table {schema}.tags is 'Tracks the tags currently applied to the database.';
comment on column {schema}.tags.tag_id is 'Tag primary key.';
comment on column {schema}.tags.tag is 'Project-unique tag name.';
comment on column {schema}.tags.project is 'Name of the Sqitch project to which the tag belongs.';
comment on column {schema}.tags.change_id is 'ID of last change deployed before the tag was applied.';
comment on column {schema}.tags.note is 'Description of the tag.';
comment on column {schema}.tags.committed_at is 'Date the tag was applied to the database.';
comment on column {schema}.tags.committer_name is 'Name of the user who applied the tag.';
comment on column {schema}.tags.committer_email is 'Email address of the user who applied the tag.';
comment on column {schema}.tags.planned_at is 'Date the tag was added to the plan.';
comment on column {schema}.tags.planner_name is 'Name of the user who planed the tag.';
comment on column {schema}.tags.planner_email is 'Email address of the user who planned the tag.';
