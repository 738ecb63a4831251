"""
What keeps ``row_security = off`` in force while a script runs.

Off, PostgreSQL refuses any statement that a policy would narrow, even one that lets
all rows pass. So it is on for as long as a script has taken a role from which its
policies hide nothing, and off again with the next role. May import errors and script;
does no I/O.
Source: PostgreSQL, "Row Security Policies", row_security, SET ROLE.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from psycopg import sql

from learnplan_db.errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from learnplan_db.psql.script import Script

_BLANK = r"(?:\s|--[^\n]*\n|/\*(?:[^*]|\*(?!/))*\*/)"
# What takes another role, or may undo our setting; "local" only to the transaction.
_TURN = re.compile(
    rf"{_BLANK}*(?:set{_BLANK}+(?:(local|session){_BLANK}+)?(?:role|session)\b"
    rf"|reset{_BLANK}+(?:role|session|all)\b|discard{_BLANK}+all\b)",
    re.IGNORECASE,
)
# To make a function runs nothing, but PostgreSQL looks at the queries of one in SQL.
_MADE = re.compile(
    rf"{_BLANK}*create{_BLANK}+(?:or{_BLANK}+replace{_BLANK}+)?(?:function|procedure)\b"
    r".*\blanguage\s+'?sql\b",
    re.IGNORECASE | re.DOTALL,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_UNDONE = re.compile(
    r"\brow_security(?:\s*=\s*|\s+to\s+|'\s*,\s*)'?(?:on|true|yes|1|default)\b"
    r"|\breset\s+row_security\b",
    re.IGNORECASE,
)
# On for a role that owns no table, and may read some with policies which let every row
# pass that it has a right on: permissive ones that say true, and no restrictive ones.
# Off all the same where a view or a definer function is named through which another
# role would look, whose rows may be hidden.
_SEES_ALL = """select pg_catalog.set_config('row_security', case
  when exists (
    select from pg_catalog.pg_class as c
    where c.relkind in ('r', 'p') and c.oid >= 16384
      and pg_catalog.pg_has_role(c.relowner, 'USAGE')
  ) then 'off'
  when exists (
    select from pg_catalog.pg_class as c
    cross join (
      values ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')
    ) as command (name, letter)
    where c.relkind in ('r', 'p') and c.relrowsecurity
      and case command.letter
        when 'd' then pg_catalog.has_table_privilege(c.oid, 'DELETE')
        else pg_catalog.has_any_column_privilege(c.oid, command.name) end
      and not (
        select coalesce(pg_catalog.bool_or(p.polpermissive and p.all_pass), false)
          and coalesce(pg_catalog.bool_and(p.polpermissive), false)
        from (
          select q.polpermissive,
            coalesce(pg_catalog.pg_get_expr(q.polqual, q.polrelid), 'true') = 'true'
            and coalesce(pg_catalog.pg_get_expr(q.polwithcheck, q.polrelid), 'true')
              = 'true' as all_pass
          from pg_catalog.pg_policy as q
          where q.polrelid = c.oid and q.polcmd in ('*', command.letter::"char")
            and exists (
              select from pg_catalog.unnest(q.polroles) as r (oid)
              where r.oid = 0 or pg_catalog.pg_has_role(r.oid, 'USAGE'))
        ) as p
      )
  ) then 'off'
  when exists (
    select from pg_catalog.pg_class as v
    inner join pg_catalog.pg_roles as o on o.oid = v.relowner
    where v.relkind = 'v' and v.relname = any({words})
      and not o.rolsuper and not o.rolbypassrls and o.rolname <> current_user
      and not coalesce(v.reloptions::pg_catalog.text[] && {invoker}, false)
      and exists (
        select from pg_catalog.pg_rewrite as r
        inner join pg_catalog.pg_depend as d on d.objid = r.oid
        inner join pg_catalog.pg_class as c on c.oid = d.refobjid
        where r.ev_class = v.oid and c.oid <> v.oid
          and (c.relrowsecurity or c.relkind = 'v'))
  ) then 'off'
  when exists (
    select from pg_catalog.pg_proc as f
    inner join pg_catalog.pg_roles as o on o.oid = f.proowner
    where f.prosecdef and f.oid >= 16384
      and not o.rolsuper and not o.rolbypassrls and o.rolname <> current_user
      and (f.proname = any({words}) or exists (
        select from pg_catalog.pg_trigger as t
        inner join pg_catalog.pg_class as c on c.oid = t.tgrelid
        where t.tgfoid = f.oid and c.relname = any({words})))
  ) then 'off'
  when exists (
    select from pg_catalog.pg_class as c
    where c.relkind in ('r', 'p') and c.relrowsecurity
      and pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
  ) then 'on' else 'off' end, {local})"""
_INVOKER = "'{security_invoker=true,security_invoker=on,security_invoker=1}'"
_WORD = re.compile(r'"([^"]+)"|(\w+)')


def turns(text: str) -> bool:
    """Tell whether a statement may undo the guard, by taking another role or so."""
    return _TURN.match(text) is not None


def before(text: str, *, local: bool) -> tuple[bytes, ...]:
    """Return what lets a statement pass that runs nothing, and would be refused."""
    if _MADE.match(text) is None:
        return ()
    scope = "true" if local else "false"
    return (f"select pg_catalog.set_config('row_security', 'on', {scope})".encode(),)


def behind(
    text: str, others: Iterable[str], *, local: bool = True
) -> tuple[bytes, ...]:
    """
    Return what sets the guard anew behind a statement that may have undone it.

    Args: others: the statements that may run under it; local: in a transaction.
    """
    match = _TURN.match(text)
    if match is not None:
        local = (match[1] or "").lower() == "local"
    elif _MADE.match(text) is None:
        return ()
    words: set[str] = set()
    for one in others:
        words.update(quoted or word.lower() for quoted, word in _WORD.findall(one))
    listed = sql.Literal(sorted(words)).as_string() + "::pg_catalog.name[]"
    scope = "true" if local else "false"
    return (_SEES_ALL.format(words=listed, invoker=_INVOKER, local=scope).encode(),)


def check(script: Script) -> None:
    """
    Refuse a script that would undo the guard where nobody can set it anew.

    Raises: ScriptError: exit code 2, with file and line.
    """
    if not any("row_security" in text.lower() for text in script.texts):
        return
    for statement in script.statements:
        text = statement.text
        blanked = _COMMENT.sub(lambda match: " " * len(match[0]), text)
        if match := _UNDONE.search(blanked):
            place = statement.locate(match.start())
            line = statement.end_line - statement.origin.count("\n", place)
            raise ScriptError.guard_undone(f"{script.source}:{line}")
