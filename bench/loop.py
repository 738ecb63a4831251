"""
A bare loop: the same statements on the same server, and nobody judges them.

One file for psql, in which a loop in the server tries them, so that there is no round
trip for each and no client to wait for: it shows what the statements alone take. Pure.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from uuid import uuid4

from bench import pgtap
from learnplan_db.proof import situations
from learnplan_db.proof.statements import Wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from learnplan_db.proof.nouns import Cell

# An exception rolls the statement back, whether it worked or was refused.
TRIED = """
create function pg_temp.tried(statements text[]) returns bigint language plpgsql as $$
declare
  statement text;
begin
  foreach statement in array statements loop
    begin
      execute statement;
      raise exception using errcode = 'LPDON';
    exception when others then
      null;
    end;
  end loop;
  return cardinality(statements);
end $$;
"""


def script(cells: Iterable[Cell], roles: Mapping[str, str]) -> str:
    """Return the file: it prints how many statements were tried, by persona."""
    return "\n".join(_lines(cells, Wording(uuid4(), roles))) + "\n"


def _lines(cells: Iterable[Cell], wording: Wording) -> Iterator[str]:
    yield "begin;"
    yield TRIED
    for row in situations.world().rows:
        yield f"{wording.row(row)};"
    tried = pgtap.tries(cells, wording)
    for become, group in groupby(tried, key=lambda one: one.become):
        yield pgtap.acting(become)
        listed = ",\n".join(pgtap.quoted(one.statement) for one in group)
        yield f"select pg_temp.tried(array[\n{listed}]);"
        yield "reset role;"
    yield "rollback;"
