"""Registries of older versions, made of a current one by SQL."""

TO_1_0 = """
alter table sqitch.changes drop constraint changes_project_script_hash_key;
alter table sqitch.changes add unique (script_hash);
delete from sqitch.releases;
insert into sqitch.releases (version, installer_name, installer_email)
values (1.0, 'Old', 'old@x.org');
comment on schema sqitch is 'Sqitch database deployment metadata v1.0.';
"""
TO_0 = """
drop table sqitch.releases;
alter table sqitch.changes drop column script_hash;
alter table sqitch.events drop constraint events_event_check;
alter table sqitch.events add constraint events_event_check
check (event in ('deploy', 'revert', 'fail'));
comment on schema sqitch is 'Sqitch database deployment metadata.';
"""
