"""
The database that is to be proved: fit for it, and what guards its tables.

Only reads, but for settings of the transaction. May import errors and nouns.
Source: PostgreSQL, "System Catalogs" and "System Information Functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from learnplan_db.errors import ProofError
from learnplan_db.proof.nouns import TABLES, VIEWS
from learnplan_db.proof.statements import PRIVATE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from learnplan_db.proof.nouns import Cell

    Connection = psycopg.Connection[Any]

# Nobody waits for the prover long, and it waits for nobody long.
# The login's own settings are as odd as its owner likes; a prover that is halted lets
# go after a while.
_SETTINGS = """
set local statement_timeout = '10s';
set local lock_timeout = '2s';
set local idle_in_transaction_session_timeout = '60s';
set local search_path = pg_catalog;
set local standard_conforming_strings = on;
set local role none;
set local row_security = on;
set local jit = off
"""
_LEVEL = "pg_catalog.current_setting('transaction_isolation')"
_SCHEMA = """
select c.relname, a.attname, a.attgenerated <> ''
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid
where c.relnamespace = pg_catalog.to_regnamespace(%s)
    and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum"""
_POLICIES = """
select tablename, policyname, cmd, roles::text[], permissive, qual, with_check
from pg_catalog.pg_policies where schemaname = %s order by tablename, policyname"""
_GRANTS = """
select c.relname, x.grantee, x.privilege_type, null
from pg_catalog.pg_class as c
cross join lateral pg_catalog.aclexplode(c.relacl) as x
where c.relnamespace = pg_catalog.to_regnamespace(%(schema)s)
    and c.relkind in ('r', 'v', 'p') and x.grantee <> c.relowner
union all
select c.relname, x.grantee, x.privilege_type, a.attname
from pg_catalog.pg_class as c
inner join pg_catalog.pg_attribute as a on a.attrelid = c.oid
cross join lateral pg_catalog.aclexplode(a.attacl) as x
where c.relnamespace = pg_catalog.to_regnamespace(%(schema)s)
    and c.relkind in ('r', 'v', 'p') and x.grantee <> c.relowner
union all
select 'functions', x.grantee, x.privilege_type, p.proname
from pg_catalog.pg_proc as p
cross join lateral pg_catalog.aclexplode(
    coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))
) as x
where p.pronamespace = any (array[pg_catalog.to_regnamespace(%(schema)s),
        pg_catalog.to_regnamespace(%(private)s)]::oid[])
    and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype
    and x.grantee <> p.proowner
union all
select 'functions', x.grantee, x.privilege_type, n.nspname
from pg_catalog.pg_namespace as n
cross join lateral pg_catalog.aclexplode(n.nspacl) as x
where n.nspname in (%(schema)s, %(private)s) and x.grantee <> n.nspowner"""
_SCHEMAS = {"schema": SCHEMA, "private": PRIVATE}
# Those that can be called; the second schema is for the policies alone.
_FUNCTIONS = """
select distinct p.proname, p.pronamespace = pg_catalog.to_regnamespace(%(schema)s)
from pg_catalog.pg_proc as p
where p.pronamespace = any (array[pg_catalog.to_regnamespace(%(schema)s),
        pg_catalog.to_regnamespace(%(private)s)]::oid[])
    and p.prorettype <> 'pg_catalog.trigger'::pg_catalog.regtype order by p.proname"""


def make_fit(
    connection: Connection, roles: Mapping[str, str], *, reading: bool = False
) -> None:
    """
    Check that the login can do what the proof needs, and set the transaction up.

    Args: roles: the database's names of user, anonymous and service; reading: the
        proof will not write, and its transaction must show one moment only.
    Raises: ProofError: a standby, no schema, a role that is missing or out of reach.
    """
    where = connection.info.dbname
    psycopg.Cursor(connection).execute(_SETTINGS, prepare=False)
    if reading:
        if _one(connection, f"select {_LEVEL}") == "read committed":
            raise ProofError.moving(where)
    elif _one(connection, "select pg_catalog.pg_is_in_recovery()"):
        raise ProofError.standby(where)
    elif _one(connection, "select current_setting('transaction_read_only')") == "on":
        raise ProofError.read_only(where)
    elif _one(connection, "show session_replication_role") == "replica":
        raise ProofError.no_triggers(
            str(_one(connection, "select session_user")), where
        )
    if not _one(connection, "select pg_catalog.to_regnamespace(%s)", SCHEMA):
        raise ProofError.no_schema(where)
    known = "select 1 from pg_catalog.pg_roles where rolname = %s"
    for role in roles.values():
        if not _one(connection, known, role):
            raise ProofError.no_role(role, where)
    right = "SET" if connection.info.server_version >= 160000 else "MEMBER"  # noqa: PLR2004
    member = "select pg_catalog.pg_has_role(session_user, %s, %s)"
    barred = [r for r in roles.values() if not _one(connection, member, r, right)]
    if barred:
        login = _one(connection, "select session_user")
        raise ProofError.not_member(login, barred, where)


def _rows(
    connection: Connection,
    query: str,
    *values: object,
    named: Mapping[str, object] | None = None,
) -> list[Any]:
    """Ask with a plain cursor, whatever the caller's connection makes."""
    cursor = psycopg.Cursor(connection, row_factory=tuple_row)
    given = named or values or None
    return cursor.execute(query.encode(), given, prepare=False).fetchall()


def _one(connection: Connection, query: str, *values: object) -> Any:
    return next((row[0] for row in _rows(connection, query, *values)), None)


def sees_all(connection: Connection) -> bool:
    """Tell whether row security does not apply to the login."""
    query = (
        "select rolsuper or rolbypassrls from pg_catalog.pg_roles"
        " where rolname = session_user"
    )
    return bool(_one(connection, query))


def unproved(connection: Connection, cells: Sequence[Cell]) -> tuple[str, ...]:
    """
    Return what of the schema the matrix does not speak of: tables, columns, functions.

    Raises: ProofError: the matrix speaks of some that are not there.
    """
    found: dict[str, bool] = {}
    for table, column, generated in _rows(connection, _SCHEMA, SCHEMA):
        found[table] = True
        found[f"{table}.{column}"] = not generated and table not in VIEWS
    for name, ours in _rows(connection, _FUNCTIONS, named=_SCHEMAS):
        found[f"{name}()"] = ours
    said = {*TABLES, *VIEWS}
    said |= {f"{cell.table}.{cell.column}" for cell in cells if cell.column}
    said |= {f"{cell.row}()" for cell in cells if cell.command == "execute"}
    if missing := [name for name in sorted(said) if name not in found]:
        named = [f'"{SCHEMA}.{name}"' for name in missing]
        raise ProofError.incomplete(named, connection.info.dbname)
    return tuple(name for name, asked in found.items() if asked and name not in said)


def policies(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Return the policies by table, each as a line."""
    found: dict[str, list[str]] = {}
    for table, name, cmd, roles, permissive, using, check in _rows(
        connection, _POLICIES, SCHEMA
    ):
        kind = "" if permissive == "PERMISSIVE" else " as restrictive"
        line = f"{name}{kind} for {cmd.lower()} to {', '.join(roles)}"
        line += f" using ({_flat(using)})" if using else ""
        line += f" with check ({_flat(check)})" if check else ""
        found.setdefault(table, []).append(line)
    return {table: tuple(lines) for table, lines in found.items()}


def _flat(expression: str) -> str:
    return " ".join(expression.split())


def grants(connection: Connection) -> dict[str, tuple[str, ...]]:
    """
    Return by table what each grantee may do, a line each; owners left out.

    The functions are one table, with what of the schemas is needed to call them.
    """
    names = "select oid, rolname from pg_catalog.pg_roles"
    roles = dict(_rows(connection, names)) | {0: "public"}
    found: dict[str, dict[str, dict[str, list[str]]]] = {}
    for table, grantee, right, column in _rows(connection, _GRANTS, named=_SCHEMAS):
        role = str(roles.get(grantee, grantee))
        given = found.setdefault(table, {}).setdefault(role, {})
        given.setdefault(right.lower(), []).extend([column] if column else [])
    return {
        table: tuple(
            f"{role}: " + ", ".join(_right(*one) for one in sorted(given.items()))
            for role, given in sorted(by_role.items())
        )
        for table, by_role in found.items()
    }


def _right(right: str, columns: list[str]) -> str:
    return f"{right} ({', '.join(sorted(columns))})" if columns else right
