"""
No revert loses rows that nobody agreed to lose.

What a script's text tells is counted before anything is reverted, and asked again in
the script's own transaction, under the lock that it takes anyway. At the end of that
transaction all tables are looked at: what vanished uncounted, as by dynamic SQL, ends
it, is counted where it is back, and the script runs again only if that was nothing.
May import lower floors; never prints.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from learnplan_db.engine.locks import blockers
from learnplan_db.engine.session import look
from learnplan_db.errors import DataLossError, Loss
from learnplan_db.psql.removals import harmless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from learnplan_db.engine.census import Census, Standing, Thing
    from learnplan_db.engine.rows import Statements
    from learnplan_db.psql.script import Script

_STATE = "LPLST"
_TRIES = 10
# The statistics of an attempt that fails are not counted to the next one.
_FLUSH = b"select pg_catalog.pg_stat_force_next_flush()"
_EMPTY = """
declare
  hidden pg_catalog.bool := pg_catalog.row_security_active({oid}::pg_catalog.oid);
begin
  lock table {table} in access exclusive mode;
  if hidden then
    alter table {table} no force row level security;
  end if;
  if exists (select from {table} as counted where {where}) then
    raise exception 'rows would be lost'
      using errcode = '{state}', detail = '[[{oid}, {attnum}, 0]]';
  end if;
  if hidden then
    alter table {table} force row level security;
  end if;
end"""
_NOTHING_VANISHED = """
declare
  lost pg_catalog.text;
begin
  with standing (oid, node, gone) as (values {standing}),
  known (oid, attnum) as (values {known}),
  lost (oid, attnum, deleted) as (
    select s.oid, 0, 0 from standing as s
    where not exists (select from pg_class as c where c.oid = s.oid)
    union all
    select s.oid, a.attnum, 0 from standing as s
    inner join pg_attribute as a
      on a.attrelid = s.oid and a.attisdropped and a.attnum <> all(s.gone)
    union all
    select s.oid, 0, 0 from standing as s
    inner join pg_class as c on c.oid = s.oid
    where pg_relation_filenode(s.oid) <> s.node
      and (pg_relation_size(s.oid) = 0 or pg_stat_get_xact_tuples_inserted(s.oid) > 0)
    union all
    select s.oid, 0, pg_stat_get_xact_tuples_deleted(s.oid) from standing as s
    inner join pg_class as c on c.oid = s.oid
    where {deletes} and pg_stat_get_xact_tuples_deleted(s.oid) > 0
  )
  select json_agg(json_build_array(l.oid::bigint, l.attnum, l.deleted))::text into lost
  from lost as l
  where l.deleted > 0 or not exists (
    select from known as k where k.oid = l.oid and k.attnum = l.attnum);
  if lost is not null then
    raise exception 'rows would be lost' using errcode = '{state}', detail = lost;
  end if;
end"""


@dataclass(frozen=True, slots=True)
class Checks:
    """Our statements behind the ``begin`` of a script and before its ``commit``."""

    first: Statements = ()
    last: Statements = ()


class Keeper:
    """
    Keeps rows: counts what reverts would lose, and stops those that would.

    Args: where: the database, for errors. ``census.own``: rows of these transactions
        may go, and so may whatever a script deletes.
    """

    def __init__(self, census: Census, where: str, seconds: float) -> None:
        """Look at nothing yet."""
        self.census, self.where, self.seconds = census, where, seconds

    @staticmethod
    def watchable(label: str, script: Script) -> None:
        """Raise DataLossError if what a script may lose cannot be watched."""
        if not script.wrapped and not harmless(script):
            raise DataLossError.unwrapped(label, script.source)

    def foresee(self, scripts: Iterable[tuple[str, Script]]) -> list[Loss]:
        """Return what scripts would lose, by their text."""
        found: dict[tuple[int, int, str], Loss] = {}
        for label, script in scripts:
            for thing in self.census.find(script):
                key = thing.oid, thing.attnum, thing.condition
                if key not in found and (loss := self._loss(label, thing)):
                    found[key] = loss
        return list(found.values())

    def run(
        self, label: str, script: Script, attempt: Callable[[Checks], None]
    ) -> None:
        """
        Run a script, unless it loses rows.

        Args: attempt: runs it with our statements inside, if it is one transaction.
        Raises: DataLossError: it was taken back, or cannot be watched.
        """
        self.watchable(label, script)
        if harmless(script):
            attempt(Checks())
            return
        things: dict[tuple[int, int], Thing] = {}
        for thing in self.census.find(script):
            if not thing.condition:
                things[thing.oid, thing.attnum] = thing
            elif self.census.own and (loss := self._loss(label, thing)):
                raise DataLossError.came_meanwhile([loss], self.where)
        for _ in range(_TRIES):
            lost = self._attempt(things, attempt)
            if not lost:
                return
            if losses := self._counted(label, lost, things):
                raise DataLossError.came_meanwhile(losses, self.where)
        raise DataLossError.restless(label, self.where)

    def _loss(self, label: str, thing: Thing) -> Loss | None:
        """Count a thing; again while somebody holds its lock."""
        try:
            number, words = look(lambda: self.census.count(thing), self.seconds)
        except psycopg.errors.LockNotAvailable as error:
            holders = blockers(self.census.connection, thing.table)
            told = DataLossError.uncounted(thing.shown, self.where, holders)
            raise told from error
        return None if number == 0 else Loss(label, thing.shown, number, words)

    def _attempt(
        self, things: dict[tuple[int, int], Thing], attempt: Callable[[Checks], None]
    ) -> list[tuple[int, int, int]]:
        """Return (table, column or 0, rows deleted or 0) that made it fail, if any."""
        standing = self.census.standing()
        first = (_FLUSH, *(self._empty(one) for one in things.values() if one.where))
        last = (self._nothing_vanished(standing, things.values()),) if standing else ()
        try:
            attempt(Checks(first, last))
        except psycopg.DatabaseError as error:
            if error.sqlstate != _STATE:
                raise
            return [(*found,) for found in json.loads(error.diag.message_detail or "")]
        return []

    def _counted(
        self,
        label: str,
        lost: Sequence[tuple[int, int, int]],
        things: dict[tuple[int, int], Thing],
    ) -> list[Loss]:
        """Count what would have gone; take into ``things`` what is nothing."""
        losses = []
        for oid, attnum, deleted in lost:
            thing = self.census.describe(oid, attnum)
            if thing is None:
                continue  # somebody else has dropped it meanwhile
            if deleted:
                words = f"{deleted} row{'s' * (deleted != 1)}"
                losses.append(Loss(label, f"rows of {thing.shown}", deleted, words))
            elif loss := self._loss(label, thing):
                losses.append(loss)
            else:
                things[oid, attnum] = thing
        return losses

    def _empty(self, thing: Thing) -> bytes:
        """Return what raises if somebody has written into a thing meanwhile."""
        return self._block(
            _EMPTY.format(
                oid=thing.oid,
                attnum=thing.attnum,
                table=thing.table,
                where=thing.where,
                state=_STATE,
            )
        )

    def _nothing_vanished(
        self, standing: Iterable[Standing], things: Iterable[Thing]
    ) -> bytes:
        """Return what raises if anything is gone that was not known to be empty."""
        before = ", ".join(
            f"({one.oid}::oid, {one.node}::oid,"
            f" '{{{', '.join(map(str, one.gone))}}}'::int2[])"
            for one in standing
        )
        covered = {(0, 0)}.union(*(thing.covers for thing in things))
        known = ", ".join(f"({oid}::oid, {attnum})" for oid, attnum in sorted(covered))
        return self._block(
            _NOTHING_VANISHED.format(
                standing=before,
                known=known,
                deletes="false" if self.census.own else "true",
                state=_STATE,
            )
        )

    def _block(self, text: str) -> bytes:
        return b"do " + sql.Literal(text).as_bytes(self.census.connection)
