"""
Checks of settings that a database, a role or the server has for new sessions.

Looked at is what a session begins with, not what ours set. May import lower floors;
only reads.
Source: PostgreSQL, "Client Connection Defaults", pg_db_role_setting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from learnplan_db.health.nouns import FAIL, OK, WARN, Verdict, ok, sql, words

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Fix
    from learnplan_db.health.patient import Examine, Patient

# What is set for roles and databases; of others' databases nothing.
_STORED = """
select option_value, concat_ws(' in ', 'role ' || r.rolname, 'database ' || d.datname),
  'alter ' || case when r.rolname is null then format('database %%I', d.datname)
    when d.datname is null then format('role %%I', r.rolname)
    else format('role %%I in database %%I', r.rolname, d.datname) end
  || format(' reset %%I', option_name)
from pg_db_role_setting as s
cross join lateral pg_options_to_table(s.setconfig)
left join pg_roles as r on r.oid = s.setrole
left join pg_database as d on d.oid = s.setdatabase
where option_name = %(name)s
  and (s.setdatabase = 0 or d.datname = current_database())
order by 2"""
_SERVER = """
select reset_val, source, coalesce(sourcefile, '') from pg_settings
where name = %(name)s"""
_OFF = {"off", "false", "no", "0", "of", "f", "n", "fa", "fal", "fals"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a setting should be: ``state`` is how bad it is otherwise, and ``why``."""

    good: str
    state: str
    why: str


WANTED = {
    "row_security": Wanted(
        "on", FAIL, "a query that policies would narrow is an error, and nothing works"
    ),
    "session_replication_role": Wanted(
        "origin", FAIL, "no trigger fires and no foreign key is checked"
    ),
    "default_transaction_read_only": Wanted("off", WARN, "nothing can be written"),
    "standard_conforming_strings": Wanted(
        "on", WARN, "a backslash in a text escapes, as attackers like it"
    ),
    "search_path": Wanted(
        "pg_catalog first", WARN, "somebody's function may be taken for the system's"
    ),
    "statement_timeout": Wanted("", OK, ""),
    "autovacuum": Wanted("on", WARN, "tables grow, and statistics are never renewed"),
}


def setting(name: str) -> Examine:
    """Return the check of one setting."""

    def check(patient: Patient) -> Verdict:
        return _checked(patient, name, WANTED[name])

    check.__doc__ = f"Tell what sessions begin with: {name}."
    return check


def _checked(patient: Patient, name: str, wanted: Wanted) -> Verdict:
    stored = patient.rows(_STORED, name=name)
    bad = [one for one in stored if not _is(one[0], wanted)]
    value, source, _ = patient.row(_SERVER, name=name)
    if bad:
        value, where, _ = bad[0]
        also = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        text = f"{value} for {where}{also}: {wanted.why}"
        return Verdict(wanted.state, text, sql(*(cure for *_, cure in bad)))
    if not _is(value, wanted):
        text = f"{value}, from {source}: {wanted.why}"
        return Verdict(wanted.state, text, _cure(name, source))
    return ok(_good(name, value, stored))


def _is(value: str, wanted: Wanted) -> bool:
    if wanted.good in {"on", "off"}:
        return (value.lower() in _OFF) == (wanted.good == "off")
    if wanted.good == "pg_catalog first":
        path = [one.strip().strip('"') for one in value.split(",")]
        return "pg_catalog" not in path[1:] and path[:1] != ["pg_temp"]
    return not wanted.good or value.lower() == wanted.good


def _cure(name: str, source: str) -> Fix:
    if source in {"configuration file", "default"}:
        return sql(f"alter system reset {name}", "select pg_reload_conf()")
    return words(f"take {name} out of the connection's options (PGOPTIONS, options=)")


def _good(name: str, value: str, stored: list[tuple[str, str, str]]) -> str:
    if name != "statement_timeout":
        return value
    each = ", ".join(f"{one} for {where}" for one, where, _ in stored)
    general = "none" if value == "0" else f"{value} ms"
    return f"{general}{'; ' if each else ''}{each}; a deploy sets its own"
