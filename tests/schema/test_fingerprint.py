"""The fingerprint says whether anything differs: nothing else changes it, and all that does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fix_catalog import OURS, of
from learnplan_db.catalog import reading
from learnplan_db.catalog.fingerprint import fingerprint, lines
from learnplan_db.catalog.objects import KINDS, Key
from sample_edits import EDITS

if TYPE_CHECKING:
    from learnplan_db.catalog.objects import Catalog

QUERIES = Path(reading.__file__).with_name("queries")
EDITED = [line.split(": ", 1) for line in EDITS.strip().split("\n")]
# What comes or goes, and the kinds of objects that come or go with it.
APPEARANCES = {
    "create table learnplan.t (i int)": {"table", "column"},
    "create index on learnplan.users (name)": {"index"},
    "alter table learnplan.users add column c int": {"column"},
    "alter table learnplan.users add check (name <> '')": {"constraint"},
    "create policy p on learnplan.users using (true)": {"policy"},
    "create function learnplan.f() returns int language sql return 1": {"function"},
    "create type learnplan.t as enum ()": {"enum"},
    "create domain learnplan.t as int check (value > 1)": {"domain", "constraint"},
    "create type learnplan.t as (i int)": {"composite", "column"},
    "create type learnplan.t": {"other"},
    "create sequence learnplan.t": {"sequence"},
    "create view learnplan.t as select 1 as i": {"view", "column"},
    "create rule r as on insert to learnplan.users do instead nothing": {"rule"},
    "create statistics learnplan.t on email, name from learnplan.users": {"statistics"},
    "create operator learnplan.=== (leftarg = int, rightarg = int, procedure = int4eq)": {
        "other"
    },
    'create collation learnplan.c from "C"': {"other"},
    "create cast (learnplan.skill_level as int) with inout": {"cast"},
    "create trigger t after insert on learnplan.users execute function tsvector_update_trigger()": {
        "trigger"
    },
    "drop view learnplan.plan_progress": {"view", "column"},
    "alter default privileges in schema learnplan grant select on tables to public": {
        "default_acl"
    },
    "grant select on learnplan.users to anon": {"role"},
}
# What leaves the plan's objects as they are, or the host may do as it likes.
SAME = """
alter role service_role bypassrls
alter role anon createdb login
alter role authenticated set search_path = public
alter role learnplan_reader connection limit 3
grant authenticated to pg_monitor
alter extension pg_trgm set schema zoo
create table public.t (i int)
alter extension citext set schema learnplan
alter table learnplan.users add column gone int; alter table learnplan.users drop column gone
revoke select on learnplan.users from authenticated; grant select on learnplan.users to authenticated
grant select on learnplan.users to service_role with grant option; set role service_role; grant select on learnplan.users to authenticated; reset role; revoke grant option for select on learnplan.users from service_role cascade
drop policy users_update_service_role on learnplan.users; create policy users_update_service_role on learnplan.users for update to service_role using (true) with check (true); comment on policy users_update_service_role on learnplan.users is 'The service may update any row.'
alter table learnplan.users alter email set not null
insert into learnplan.users (clerk_user_id, email) values ('x', 'x@y.org')
alter table learnplan.users set (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, toast.autovacuum_enabled = off)
"""


def told(facts: Catalog) -> set[tuple[str, str]]:
    """Return the facets of each kind; whom a right is granted to does not matter."""
    return {
        (key.kind, facet.partition(":")[0]) for key in facts for facet in facts[key]
    }


@pytest.mark.parametrize(("where", "edit"), EDITED)
def test_every_fact_is_told(zoo: str, clean: Catalog, where: str, edit: str) -> None:
    """Each fact of each kind changes when somebody edits it, and the fingerprint too."""
    found = of(zoo, edit)
    changed = {
        (key.kind, facet.partition(":")[0])
        for key in clean.keys() & found.keys()
        for facet in clean[key].keys() | found[key].keys()
        if clean[key].get(facet) != found[key].get(facet)
    }
    assert tuple(where.split()) in changed
    assert fingerprint(clean) != fingerprint(found)


def test_no_fact_is_left_out_of_the_edits(clean: Catalog) -> None:
    """What is read without a test above that changes it is read in vain."""
    edited = {tuple(where.split()) for where, _ in EDITED}
    assert set() == told(clean) - edited
    assert {key.kind for key in clean} <= set(KINDS)
    written = {
        facet
        for path in QUERIES.glob("*.sql")
        for facet in re.findall(
            r"^ *(?:jsonb_build_object\()?'(\w+)', ", path.read_text(), re.MULTILINE
        )
    }
    assert set() == written - {facet for _, facet in edited}


@pytest.mark.parametrize("edit", APPEARANCES)
def test_what_appears_or_disappears_is_told(
    zoo: str, clean: Catalog, edit: str
) -> None:
    """An object more or less of any kind is a difference."""
    found = of(zoo, edit)
    assert APPEARANCES[edit] == {key.kind for key in clean.keys() ^ found.keys()}
    assert fingerprint(clean) != fingerprint(found)


@pytest.mark.parametrize("edit", SAME.strip().split("\n"))
def test_what_the_host_may_do_changes_nothing(zoo: str, edit: str) -> None:
    """Data, other schemas, extensions' places and roles of the host are no difference."""
    clean = of(zoo, schemas=OURS)
    assert lines(clean) == lines(of(zoo, edit, schemas=OURS))


def test_what_the_server_keeps_for_itself_changes_nothing(zoo: str) -> None:
    """
    PostgreSQL's own ``pg_attver``, of the minors since November 2026, is no difference.

    No DDL sets it, so a superuser writes what such a server does; the options that
    people set stand beside it and are told.
    """
    mine = "alter table learnplan.users alter column email set (n_distinct = 5)"
    own = "update pg_attribute set attoptions = '{pg_attver=7}' || attoptions"
    where = "where attrelid = 'learnplan.users'::regclass and attnum > 0"
    assert lines(of(zoo, mine)) == lines(of(zoo, f"{mine}; {own} {where}"))
    assert lines(of(zoo, "select")) != lines(of(zoo, mine))


def test_where_extensions_are_changes_nothing(zoo: str, clean: Catalog) -> None:
    """Types, operator classes and functions of an extension are named without a schema."""
    moves = (f"alter extension {name} set schema x" for name in ("citext", "pg_trgm"))
    assert Key("function", "zoo.lent(citext)") in clean
    assert lines(clean) == lines(of(zoo, "create schema x", *moves))
