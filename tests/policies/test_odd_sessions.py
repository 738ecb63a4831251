"""Identity and policies answer the same whatever an application's session has set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_attacks import everything
from fix_personas import TABLES

if TYPE_CHECKING:
    from fix_attacks import Live

# What an administrator may have set for a login or its database.
ODD = {
    "old strings": "standard_conforming_strings=off escape_string_warning=off",
    "old strings, warned of": "standard_conforming_strings=off",
    "backslash_quote": "backslash_quote=off standard_conforming_strings=off",
    "no path": "search_path=''",
    "a path to nowhere": "search_path=nowhere",
    "a path of shadows": "search_path=shadows,pg_catalog",
    "a path of shadows before pg_temp": "search_path=pg_temp,shadows,public",
    "zone": "TimeZone=America/St_Johns",
    "another zone": "TimeZone=Asia/Kathmandu",
    "dates": "DateStyle=SQL,DMY IntervalStyle=sql_standard",
    "bytes": "bytea_output=escape xmloption=document extra_float_digits=-15",
    "nulls": "transform_null_equals=on array_nulls=off",
    "quotes": "quote_all_identifiers=on",
    "serializable": "default_transaction_isolation=serializable",
    "read only": "default_transaction_isolation=serializable"
    " default_transaction_deferrable=on default_transaction_read_only=on",
    "few messages": "client_min_messages=error",
    "all messages": "client_min_messages=debug1",
    "bodies unchecked": "check_function_bodies=off",
    "generic plans": "plan_cache_mode=force_generic_plan",
    "custom plans": "plan_cache_mode=force_custom_plan",
    "eager JIT": "jit=on jit_above_cost=0",
    "no scans of one kind": "enable_seqscan=off enable_hashjoin=off enable_sort=off",
    "no scans of the other": "enable_indexscan=off enable_bitmapscan=off"
    " enable_indexonlyscan=off enable_nestloop=off enable_mergejoin=off",
    "no memory": "work_mem=64 hash_mem_multiplier=1 enable_memoize=off",
    "no collapsing": "from_collapse_limit=1 join_collapse_limit=1 geqo_threshold=2",
    "parallel": "min_parallel_table_scan_size=0 min_parallel_index_scan_size=0"
    " parallel_setup_cost=0 parallel_tuple_cost=0 max_parallel_workers_per_gather=2",
    "constraint exclusion": "constraint_exclusion=on",
    "plpgsql's variables": "plpgsql.variable_conflict=use_variable",
    "plpgsql's columns": "plpgsql.variable_conflict=use_column",
    "plpgsql's errors": "plpgsql.extra_errors=all plpgsql.extra_warnings=all",
    "plpgsql's asserts": "plpgsql.check_asserts=off",
    "encoding": "client_encoding=UTF8 lo_compat_privileges=off",
}
# Each must be an object; all but the last ones are.
CLAIMS = (
    '{"sub": "ann"}',
    '{"sub": "ann", "q": "\\"quoted\\" \\\\ back \\u00fc \\ud83d\\ude00", "n": -1.5e3}',
    '{"sub": "ann", "deep": [1, {"a": [[], {}, "", null, true]}],\n\t"b": 1}',
    '{"user_id": "00000000-0000-4000-8000-000000000001"}',
    '{"sub": "ben"}',
    '{"sub": "o\'hara \\\\ \\"x\\""}',
    '{"sub": "nobody"}',
    '{"sub": "ann", "email": "a@x.org", "email_verified": true}',
    "",
    "{}",
    "[]",
    "ann",
    '{"sub": "ann"',
    '{"a": 1 2}',
    '{"a": 01, "sub": "ann"}',
    '{"a": "\\x", "sub": "ann"}',
    '{"a": "\\ud800", "sub": "ann"}',
    "{'sub': 'ann'}",
    '{"user_id": "x"}',
)
ASKED = (
    "learnplan.current_claims()::pg_catalog.text",
    "learnplan.current_subject()",
    "learnplan.current_verified_email()",
    "learnplan.current_user_id()::pg_catalog.text",
    "learnplan.weekly_hours('6-10')::pg_catalog.text",
    "learnplan.weekly_hours('7')::pg_catalog.text",
)
VIEWS = ("module_progress", "plan_progress")
ME = "select learnplan.current_user_id()::pg_catalog.text"
WHO = ((0, "ann"), (4, "ben"), (5, "o'hara"), (6, "nobody"))
# As it was once written.
BROKEN = r"""
create or replace function learnplan.current_subject() returns text language plpgsql
stable set search_path = pg_catalog, pg_temp as $$
begin return substring(learnplan.current_claims() ->> 'sub' from '^[\w''\ "\\]+$'); end
$$"""
# Everything that is called where a path is not pinned, under the same name.
SHADOWS = """
create schema shadows;
grant usage on schema shadows to public;
create table shadows.users (id text);
create table shadows.learning_plans (id text);
create domain shadows.jsonb as text check (false);
create domain shadows.uuid as text check (false);
create function shadows.no(anyelement, anyelement) returns boolean language sql
  immutable as 'select false';
create function shadows.jsonb_typeof(pg_catalog.jsonb) returns text language sql
  immutable as $$select 'array'::text$$;
create function shadows.current_setting(text, boolean) returns text language sql
  stable as $$select '{"sub": "ben"}'::text$$;
create function shadows.current_user_id() returns pg_catalog.uuid language sql
  immutable as 'select null::pg_catalog.uuid';
create operator shadows.= (leftarg = anyelement, rightarg = anyelement,
  function = shadows.no);
create operator shadows.!~ (leftarg = anyelement, rightarg = anyelement,
  function = shadows.no);
"""


@pytest.fixture
def peopled(live: Live) -> Live:
    """Provide a database with rows of two users, one of them public, and shadows."""
    everything(live.rows, "ann")
    everything(live.rows, "ben", "public")
    live.rows.user('o\'hara \\ "x"')
    live.admin.execute(SHADOWS)
    return live


def told(connection: psycopg.Connection[Any], statement: str) -> list[str]:
    """Return the rows as texts, sorted, or the SQLSTATE; nothing stays."""
    try:
        with connection.transaction(force_rollback=True):
            rows = connection.execute(statement.encode()).fetchall()
    except psycopg.Error as error:
        return [str(error.sqlstate)]
    return sorted(str(row) for row in rows)


def answers(dsn: str) -> dict[str, list[str]]:
    """Return what a fresh session of a login is told, by question."""
    found = {}
    calls = [f"select {call}" for call in ASKED]
    reads = [f"select id::pg_catalog.text from learnplan.{name}" for name in TABLES]
    reads += [
        f"select pg_catalog.to_jsonb(v) from learnplan.{name} v" for name in VIEWS
    ]
    with psycopg.connect(dsn, prepare_threshold=None) as connection:
        for role, claims in (*(("authenticated", one) for one in CLAIMS), ("anon", "")):
            connection.rollback()
            connection.execute(
                "select pg_catalog.set_config('role', %s, true),"
                " pg_catalog.set_config('request.jwt.claims', %s, true)",
                [role, claims],
            )
            somebody = claims in {CLAIMS[n] for n, _ in WHO}
            for statement in calls + reads * (somebody or role == "anon"):
                found[f"{role} {claims}: {statement}"] = told(connection, statement)
    return found


def set_for(live: Live, settings: str) -> None:
    """Set what a login's next sessions in this database begin with, and no more."""
    known = conninfo_to_dict(live.app)
    alter = f"alter role {known['user']} in database {known['dbname']}"
    live.admin.execute(f"{alter} reset all".encode())
    for one in settings.split():
        name, _, value = one.partition("=")
        shown = value if name == "search_path" else f"'{value}'"
        live.admin.execute(f"{alter} set {name} = {shown}".encode())


def test_answers_are_the_same_under_each_setting(peopled: Live) -> None:
    """Who somebody is and what they see does not depend on the session (design, 5)."""
    plain = answers(peopled.app)
    seen = "select id::pg_catalog.text from learnplan.learning_plans"
    rows = {who: len(plain[f"authenticated {CLAIMS[n]}: {seen}"]) for n, who in WHO}
    assert {"ann": 2, "ben": 1, "o'hara": 1, "nobody": 0} == rows
    malformed = {plain[f"authenticated {one}: {ME}"][0] for one in CLAIMS[-9:]}
    assert {"LPCLM"} == malformed
    odd = {}
    for name, settings in ODD.items():
        set_for(peopled, settings)
        got = answers(peopled.app)
        differ = {key: got[key] for key in plain if got[key] != plain[key]}
        if differ:
            odd[name] = differ
    assert {} == odd


def test_row_security_that_is_off_for_a_login_shows_nothing(peopled: Live) -> None:
    """A login with row_security off is refused every row, and sees none too many."""
    set_for(peopled, "row_security=off")
    got = answers(peopled.app)
    tables = [key for key in got if " from learnplan." in key]
    assert {"42501"} == {line for key in tables for line in got[key]}


def test_a_broken_identity_would_differ(peopled: Live) -> None:
    """The control: a function whose text the session reads anew is noticed."""
    plain = answers(peopled.app)
    peopled.admin.execute(BROKEN)
    assert plain == answers(peopled.app)
    set_for(peopled, ODD["old strings"])
    assert plain != answers(peopled.app)
