-- Deploy learnplan-db:enum_resource_type to pg
-- requires: schema_learnplan
-- requires: function_assert_same
--
-- What kind of thing a resource is. Values stand in the order in which they are compared.
-- Source: outline, enums.

begin;
set local search_path = pg_catalog, pg_temp;

create type learnplan.resource_type as enum ('youtube', 'article', 'course', 'doc', 'other');

comment on type learnplan.resource_type is
  'What a resource is: youtube video, article, course, doc (reference documentation), or other.';

commit;
