"""
A script that is not one transaction, run again after it was ended in the middle.

An INVALID index is dropped and built again; what an earlier attempt of the same change
had done is not done twice, if that can be known. May import lower floors; never prints.
Source: PostgreSQL, "Building Indexes Concurrently".
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from learnplan_db.errors import ScriptError
from learnplan_db.psql.concurrent import Build, Drop, Rebuild, Value, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Connection = psycopg.Connection[Any]

_POLL = 0.2  # seconds
# Who builds an index holds a lock on its table all the while, and reports its progress.
_INDEX = """select format('%%I.%%I', n.nspname, c.relname), i.indisvalid,
  pg_catalog.pg_get_indexdef(i.indexrelid),
  (select min(p.pid) from pg_catalog.pg_stat_progress_create_index as p
    inner join pg_catalog.pg_locks as l on l.pid = p.pid
    where l.relation = i.indrelid and l.granted
      and p.pid <> pg_catalog.pg_backend_pid())
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on c.oid = i.indexrelid
inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'i' """
_OF_TABLE = """and i.indrelid = pg_catalog.to_regclass(%s)
  and c.relname = (pg_catalog.parse_ident(%s))[1]::name"""
_LEFT = """and not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'
  and n.nspname <> 'pg_toast' and (%s = '' or i.indrelid in (
    pg_catalog.to_regclass(%s), (select o.indrelid from pg_catalog.pg_index as o
      where o.indexrelid = pg_catalog.to_regclass(%s))))"""


class Resumption:
    """
    What is looked at before each statement of such a script.

    ``begun`` counts the statements. Args: attempted: whether an attempt of this very
    change is on record that did not come to its end; say: told what is not as usual;
        seconds: how long to wait for somebody who builds the same index.
    """

    def __init__(
        self,
        connection: Connection,
        say: Callable[[str], None],
        seconds: float,
        *,
        attempted: bool,
    ) -> None:
        """Look at nothing yet."""
        self.connection, self.say, self.attempted = connection, say, attempted
        self.seconds, self.begun = seconds, 0

    def __call__(self, text: str, where: str) -> bool:
        """
        Make way for a statement; tell whether it was done before, and is not to run.

        Raises: ScriptError: somebody else is at it. psycopg.Error: it failed.
        """
        self.begun += 1
        status = self.connection.info.transaction_status
        known = read(text) if status == TransactionStatus.IDLE else None
        if isinstance(known, Build):
            return self._build(known, where)
        if isinstance(known, Drop):
            return self._drop(known)
        if isinstance(known, Value):
            return self._value(known)
        if isinstance(known, Rebuild):
            self._rebuild(known)
        return False

    def _build(self, build: Build, where: str) -> bool:
        end, builder = time.monotonic() + self.seconds, 0
        while builder is not None:
            found = self._rows(_INDEX + _OF_TABLE, build.table, build.name)
            if not found:
                return False
            shown, valid, definition, builder = found[0]
            if valid:
                break
            if builder is not None and time.monotonic() > end:
                raise ScriptError.index_in_making(shown, builder, where)
            time.sleep(_POLL if builder else 0)
        if not valid:
            self._remove(shown, "dropped and built again")
            return False
        if build.lenient or not self.attempted:
            return False
        same = self._definition(build) == _essence(definition)
        if same:
            self.say(f"index {shown} is kept: an earlier attempt has built it")
        return same

    def _definition(self, build: Build) -> str | None:
        """Return how the server would show the index, had it to build it."""
        table = build.table.rpartition(".")[2]
        unique = "unique" if build.unique else ""
        with suppress(psycopg.Error), self.connection.transaction(force_rollback=True):
            for text in (
                f"create temporary table {table} (like {build.table})",
                f"create {unique} index {build.name} on pg_temp.{table} {build.rest}",
            ):
                self.connection.execute(text.encode())
            query = "select pg_catalog.pg_get_indexdef(pg_catalog.to_regclass(%s))"
            return _essence(self._rows(query, f"pg_temp.{build.name}")[0][0])
        return None

    def _drop(self, drop: Drop) -> bool:
        query = "select pg_catalog.to_regclass(%s) is null"
        gone = self._rows(query, drop.name)[0][0]
        done = bool(gone) and self.attempted and not drop.lenient
        if done:
            self.say(f"index {drop.name} is gone: an earlier attempt has dropped it")
        return done

    def _value(self, value: Value) -> bool:
        query = (
            "select 1 from pg_catalog.pg_enum where enumtypid ="
            f" pg_catalog.to_regtype(%s) and enumlabel = {_doubled(value.literal)}"
        )
        there = bool(self._rows(query, value.type))
        done = there and self.attempted and not value.lenient
        if done:
            text = f"value {value.literal} of {value.type} is there"
            self.say(f"{text}: an earlier attempt has added it")
        return done

    def _rebuild(self, rebuild: Rebuild) -> None:
        for shown, _, _, builder in self._rows(_INDEX + _LEFT, *3 * [rebuild.name]):
            if builder is None:
                self._remove(shown, "dropped")

    def _remove(self, shown: str, done: str) -> None:
        self.connection.execute(f"drop index concurrently {shown}".encode())
        self.say(f"index {shown} was INVALID, left by what was ended: {done}")

    def _rows(self, query: str, *values: str) -> Sequence[Any]:
        cursor = self.connection.cursor(row_factory=tuple_row)
        return cursor.execute(query.encode(), values).fetchall()


def _essence(definition: str) -> str:
    """Return a definition without the names of the index and its table."""
    head, _, rest = definition.partition(" USING ")
    return f"{'UNIQUE' in head.split(maxsplit=2)[:2]} {rest}"


def _doubled(text: str) -> str:
    return text.replace("%", "%%")
