-- Deploy learnplan-db:enum_resource_type to pg
-- requires: enum_resource_type@v1.0.0
--
-- A change of its own: the value can be used only after the commit.

begin;

alter type learnplan.resource_type add value if not exists 'podcast';

commit;
