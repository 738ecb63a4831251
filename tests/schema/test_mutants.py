"""Each mutant can be made, changes the catalog, and has a name that stays."""

from __future__ import annotations

import sys
import uuid
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fix_database import ROOT
from learnplan_db.engine import runner, session, state
from learnplan_db.errors import MutationError
from learnplan_db.mutation.controls import controls
from learnplan_db.mutation.mutants import mutants, skipped
from learnplan_db.mutation.predicates import Predicate
from learnplan_db.mutation.surface import read
from learnplan_db.security import render
from learnplan_db.security.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_database import TestServer
    from fix_personas import World
    from learnplan_db.proof.nouns import Mutant

pytestmark = pytest.mark.gate

DEFAULTS = Variables()
KINDS = set(
    """
    check-dropped column-granted column-option column-revoked column-widened
    default-changed foreign-cascade foreign-dropped function-claim function-column
    function-comparison function-conjunct function-constant function-definer
    function-disjunct function-granted function-option function-path function-revoked
    function-volatility function-widened null-allowed policy-added policy-check
    policy-column policy-command policy-conjunct policy-disjunct policy-dropped
    policy-restrictive policy-role policy-using primary-dropped role-bypass role-member
    schema-granted schema-option schema-revoked schema-widened security-disabled
    security-unforced table-granted table-option table-revoked table-widened
    trigger-disabled trigger-dropped trigger-empty unique-dropped view-invoker
    """.split()  # noqa: SIM905 - a list of words reads better than of literals
)
OURS = "('learnplan'::regnamespace, 'learnplan_private'::regnamespace)"
# All that a mutant can touch, without what a drop and a create change by themselves.
FINGERPRINT = f"""
select md5(string_agg(line, E'\\n' order by line)) from (
  select concat_ws('|', polrelid::regclass, polname, polcmd, polpermissive,
    polroles::text, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid),
    obj_description(oid, 'pg_policy')) as line from pg_policy
  union all
  select concat_ws('|', oid::regclass, relrowsecurity, relforcerowsecurity,
    reloptions::text, array(select a::text from unnest(relacl) as a order by 1)::text)
  from pg_class where relnamespace in {OURS}
  union all
  select concat_ws('|', attrelid::regclass, attname, attnotnull,
    array(select a::text from unnest(attacl) as a order by 1)::text, pg_get_expr(adbin, adrelid))
  from pg_attribute inner join pg_class as c on c.oid = attrelid
  left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where relnamespace in {OURS} and attnum > 0
  union all
  select concat_ws('|', proname, proowner, provolatile, prosecdef, proconfig::text, prosrc,
    array(select a::text from unnest(proacl) as a order by 1)::text)
  from pg_proc where pronamespace in {OURS}
  union all
  select concat_ws('|', tgrelid::regclass, tgname, tgenabled) from pg_trigger
  where not tgisinternal
  union all
  select concat_ws('|', conrelid::regclass, conname, pg_get_constraintdef(oid))
  from pg_constraint where connamespace in {OURS}
  union all
  select concat_ws('|', oid::regnamespace,
    array(select a::text from unnest(nspacl) as a order by 1)::text)
  from pg_namespace where oid in {OURS}
  union all
  select concat_ws('|', rolname, rolbypassrls) from pg_roles
  union all
  select concat_ws('|', 'member', roleid, member) from pg_auth_members
) as all_of_it"""


def fingerprint(connection: psycopg.Connection[Any]) -> Any:
    """Return one text for the whole security surface."""
    row = connection.execute(FINGERPRINT).fetchone()
    assert row
    return row[0]


def apply(connection: psycopg.Connection[Any], mutant: Mutant) -> None:
    """Make a mutant, as whoever proves will do it."""
    for statement in mutant.statements:
        connection.execute(statement.encode())


def named(connection: psycopg.Connection[Any], name: str) -> Mutant:
    """Return the one mutant of this name."""
    found = mutants(connection, DEFAULTS)
    (one,) = [mutant for mutant in found if mutant.name == name]
    return one


def failures(connection: psycopg.Connection[Any], found: list[Mutant]) -> list[str]:
    """Return the mutants that cannot be made, or that change nothing."""
    before, bad = fingerprint(connection), []
    for mutant in found:
        with connection.transaction(force_rollback=True):
            try:
                apply(connection, mutant)
                if fingerprint(connection) == before:
                    bad.append(f"{mutant.name}: changes nothing")
            except psycopg.Error as error:
                bad.append(f"{mutant.name}: {error}")
    assert before == fingerprint(connection)
    return bad


def test_each_mutant_applies_and_changes_the_catalog(
    tx: psycopg.Connection[Any],
) -> None:
    """No mutant fails, and none changes nothing; a rollback takes each back."""
    assert [] == failures(tx, mutants(tx, DEFAULTS))


def test_there_is_every_kind_of_mutant(tx: psycopg.Connection[Any]) -> None:
    """Each kind is there, each policy and table is damaged, each name is used once."""
    found = mutants(tx, DEFAULTS)
    assert set(Counter(mutant.kind for mutant in found)) == KINDS
    assert len(found) > 600
    assert len(found) == len({mutant.name for mutant in found})
    assert len(found) == len({mutant.statements for mutant in found})
    assert all(mutant.says and mutant.object for mutant in found)
    surface = read(tx, DEFAULTS)
    dropped = {m.name for m in found if m.kind == "policy-dropped"}
    assert dropped == {f"{p.table}: policy {p.name} dropped" for p in surface.policies}


def test_names_and_statements_stay_the_same(
    tx: psycopg.Connection[Any], cloned: psycopg.Connection[Any]
) -> None:
    """Another database and another search_path give the same, which it keeps."""
    cloned.execute("set search_path = learnplan, learnplan_private, public")
    assert mutants(tx, DEFAULTS) == mutants(cloned, DEFAULTS)
    path = cloned.execute("show search_path").fetchone()
    assert path == ("learnplan, learnplan_private, public",)


def test_parser_writes_what_the_server_reads_back(
    tx: psycopg.Connection[Any],
) -> None:
    """An expression that the parser only copied is the same to the server."""
    surface = read(tx, DEFAULTS)
    tx.execute("set local search_path = pg_catalog")
    for policy in surface.policies:
        for clause, words in (("using", "using"), ("check", "with check")):
            text = getattr(policy, clause)
            if text is None:
                continue
            copied = Predicate(text, policy.name, columns=surface.columns).text()
            target = f"{policy.quoted} on {policy.sql}"
            tx.execute(f"alter policy {target} {words} ({copied})".encode())
    assert surface.policies == read(tx, DEFAULTS).policies


def test_nothing_is_known_of_the_schema_beforehand(
    tx: psycopg.Connection[Any],
) -> None:
    """A new table's policy loses what stands in NOT, in EXISTS, in both."""
    tx.execute(
        'create table learnplan."Odd one" (id uuid primary key, "order" uuid, a int);'
        ' create policy "p q" on learnplan."Odd one" for update to authenticated'
        " using (not (a = 1 and exists (select from learnplan.users as u"
        " where u.id = \"order\" and (u.name = 'x' or a = 2))))"
    )
    found = [m for m in mutants(tx, DEFAULTS) if m.object == "Odd one"]
    lost = {m.name.split(" using ")[-1] for m in found if "junct" in m.kind}
    assert lost == {
        "without a = 1",
        "without EXISTS(SELECT FROM learnplan.users AS u WHERE ((u.id ="
        ' "Odd one"."order") AND ((u.name = \'x\') OR ("Odd one".a = 2))))',
        'without u.id = "Odd one"."order"',
        "without (u.name = 'x') OR (\"Odd one\".a = 2)",
        "without u.name = 'x'",
        'without "Odd one".a = 2',
    }
    swapped = {m.name.split(" with ")[-1] for m in found if m.kind == "policy-column"}
    assert '"Odd one"."order" as id' in swapped
    assert [] == failures(tx, found)


@pytest.mark.parametrize(
    "name",
    [
        "users: policy users_select_authenticated using true",
        "users: row security disabled",
        "users: row security not forced",
        "modules: delete revoked from authenticated",
        "modules: update (title) revoked from authenticated",
        "modules: select granted to anon",
        "authenticated: member of service_role",
        "anon: bypasses row security",
        "learning_plans: default of visibility 'public'",
        "modules: trigger _100_touch_updated_at dropped",
        "module_progress: security_invoker off",
        "owns_plan: function learnplan_private.owns_plan(uuid,uuid) security invoker",
        "owns_plan: function learnplan_private.owns_plan(uuid,uuid) returns true at once",
        "tg__stamp_created_at: function learnplan_private.tg__stamp_created_at()"
        " returns new at once",
    ],
)
def test_what_is_already_so_is_no_mutant(
    tx: psycopg.Connection[Any], name: str
) -> None:
    """Once a fault is there, it is not made again."""
    mutant = named(tx, name)
    apply(tx, mutant)
    assert mutant.statements not in {m.statements for m in mutants(tx, DEFAULTS)}


def test_policy_for_all_keeps_its_comment(tx: psycopg.Connection[Any]) -> None:
    """What is damaged is the command alone, not what a verify script sees beside it."""
    before = {p.name: p for p in read(tx, DEFAULTS).policies}
    apply(tx, named(tx, "users: policy users_insert_authenticated for all"))
    after = {p.name: p for p in read(tx, DEFAULTS).policies}
    old, new = (one["users_insert_authenticated"] for one in (before, after))
    assert new == old._replace(command="all", using=old.check)


def test_new_body_keeps_all_else(tx: psycopg.Connection[Any]) -> None:
    """Owner, rights, attributes and settings of a function stay; only its text differs."""
    before, rights = read(tx, DEFAULTS).functions, read(tx, DEFAULTS).rights
    function = "learnplan_private.owns_plan(uuid,uuid)"
    apply(tx, named(tx, f"owns_plan: function {function} returns true at once"))
    assert rights == read(tx, DEFAULTS).rights
    for old, new in zip(before, read(tx, DEFAULTS).functions, strict=True):
        if old.sql == function:
            assert "begin return true; end" == new.body
            new = new._replace(body=old.body, definition=old.definition)  # noqa: PLW2901
        assert old == new


SEES = "select count(*) from learnplan.learning_plans where id = %s"


@pytest.mark.parametrize(
    "name",
    [
        "policy learning_plans_select_authenticated using true",
        "policy learning_plans_select_authenticated using without visibility = 'public'",
        "row security disabled",
        "one more policy using true to authenticated",
    ],
)
def test_stranger_can_select_plans_when_mutant(world: World, name: str) -> None:
    """A mutant does what its name says: the rows are open."""
    ann = world.user("ann")
    world.user("ben")
    plan = world.plan(ann)
    for expected in (0, 1):
        with world.as_user("ben"):
            assert expected == world.one(SEES, plan)
        if not expected:
            apply(world.connection, named(world.connection, f"learning_plans: {name}"))


@pytest.mark.parametrize(
    "edit", ["with u.clerk_user_id as email", "reads sub as email"]
)
def test_identity_fails_when_mutant(world: World, edit: str) -> None:
    """A damaged identity function knows nobody, or may not even look."""
    ann = world.user("ann")
    ask = "select learnplan.current_user_id()"
    with world.as_user("ann"):
        assert ann == world.one(ask)
    found = mutants(world.connection, DEFAULTS)
    function = "current_user_id: function learnplan.current_user_id()"
    for mutant in (m for m in found if m.name.startswith(f"{function} {edit}")):
        with world.connection.transaction(force_rollback=True):
            apply(world.connection, mutant)
            with world.as_user("ann"):
                outcome = world.attempt(ask)
            assert ("rows", ((ann,),)) != (outcome.kind, outcome.rows), mutant.name


def test_controls_apply_and_leave_the_meaning(world: World) -> None:
    """Five harmless changes, each one a change, under which a stranger sees the same."""
    found = controls(world.connection)
    assert 5 == len(found)
    assert {"control"} == {control.kind for control in found}
    assert [] == failures(world.connection, found)
    ann = world.user("ann")
    world.user("ben")
    plans = world.plan(ann), world.plan(ann, "public")
    for control in found:
        with world.connection.transaction(force_rollback=True):
            apply(world.connection, control)
            with world.as_user("ben"):
                seen = [world.one(SEES, plan) for plan in plans]
            assert [0, 1] == seen, control.name


def test_missing_parser_names_the_extra(
    tx: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sqlglot nobody gets a traceback, but the command that installs it."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    for ask in (lambda: mutants(tx, DEFAULTS), lambda: controls(tx)):
        with pytest.raises(MutationError) as caught:
            ask()
        assert 'pip install "learnplan-db[proof]"' == caught.value.fix


@contextmanager
def plain_owner(
    server: TestServer, fresh_dsn: Callable[..., str], path: Path, option: str
) -> Iterator[tuple[psycopg.Connection[Any], Variables]]:
    """Deploy as an owner that is no superuser, with other names for the roles."""
    tail = uuid.uuid4().hex[:8]
    given = {"anon": "guest", "authenticated": "user", "service_role": "system"}
    names = {key: f"{value}_{tail}" for key, value in given.items()}
    settings = [f"{key}={value}" for key, value in names.items()]
    variables = Variables.from_settings(settings)
    render.export(ROOT, path / "host", variables)
    owner = f"owner_{tail}"
    with psycopg.connect(server.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"create role {owner} login password 'secret' {option}")
        if option == "nocreaterole":
            for name in names.values():
                admin.execute(f"create role {name} nologin")
            admin.execute(f"grant learnplan_identity, learnplan_reader to {owner}")
        elif admin.info.server_version >= 160000:  # before, CREATEROLE is enough
            how = "admin true, inherit false, set false"
            admin.execute(f"grant learnplan_identity to {owner} with {how}")
            admin.execute(f"grant learnplan_reader to {owner} with {how}")
        dsn = make_conninfo(fresh_dsn(owner), user=owner, password="secret")  # noqa: S106
        try:
            with session.connect(dsn) as connection:
                runner.deploy(connection, state.load(path / "host"))
                yield connection, variables
        finally:
            database = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
            admin.execute(f"drop database {database} with (force)")
            admin.execute(f"drop owned by {owner} cascade")
            for name in (owner, *names.values()):
                admin.execute(f"drop role {name}")


@pytest.mark.parametrize(
    "option", ["createrole", pytest.param("nocreaterole", marks=pytest.mark.long)]
)
def test_plain_owner_makes_all_but_what_is_said(
    *,
    learnplan_noproc: Any,  # the roles are there
    server: TestServer,
    fresh_dsn: Callable[..., str],
    tmp_path: Path,
    tx: psycopg.Connection[Any],
    option: str,
) -> None:
    """The schema's owner can make every mutant offered; the kinds left out have a reason."""
    with plain_owner(server, fresh_dsn, tmp_path, option) as (connection, variables):
        found = mutants(connection, variables)
        reasons = skipped(connection, variables)
        assert [] == failures(connection, found)
        left = KINDS - {mutant.kind for mutant in found}
        assert left <= set(reasons)
        assert "role-bypass" in left
        counts = Counter(mutant.kind for mutant in found)
        for kind, count in Counter(m.kind for m in mutants(tx, DEFAULTS)).items():
            assert count == counts[kind] or kind in reasons, kind
    assert {} == skipped(tx, DEFAULTS)
