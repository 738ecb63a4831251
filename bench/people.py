"""Who asks, and about what: people of a world, the same in a world of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import dict_row

if TYPE_CHECKING:
    import psycopg

# Towns are alike, so a person is a citizen of the one in the middle. Each has a plan of
# 8 modules and 24 tasks, half done, and another; one of 8 is public somewhere else.
PEOPLE = """
with mine as (
  select
    citizen, plans, array_agg(slot order by slot) as slots,
    min(slot) filter (where modules = 8 and quarters = 2 and not public) as page,
    min(slot) filter (where modules = 10 and quarters > 0 and not public) as long
  from bench.slots group by citizen, plans
),
asking as (
  (select 'small' as who, citizen, slots, page from mine
    where plans = 4 and page is not null order by citizen limit %(each)s)
  union all
  (select 'heavy', citizen, slots, page from mine where plans = 300)
  union all
  (select 'long', citizen, slots, long from mine
    where plans between 2 and 5 and long is not null order by citizen limit %(each)s)
),
numbered as (
  select
    a.*, w.towns, w.towns / 2 as town,
    (select o from unnest(a.slots) as o where o <> a.page limit 1) as other,
    -- Somebody else's, on which this one has not begun.
    (
      select min(s.slot) from bench.slots as s
      where s.public and s.modules = 8 and s.citizen > a.citizen
        and (s.citizen + 7) %% 3000 <> a.citizen
    ) as shown
  from asking as a cross join bench.world as w
),
placed as (
  select n.*,
    bench.number_in(page, town, towns) * 16::bigint as p,
    bench.number_in(other, town, towns) * 16::bigint as o,
    bench.number_in(shown, town, towns) * 16::bigint as s
  from numbered as n
)
select
  who,
  'user_' || town * 3000 + citizen as sub,
  bench.id('user', town * 3000 + citizen) as me,
  bench.id('plan', p / 16) as plan,
  bench.id('plan', o / 16) as other_plan,
  bench.id('module', p + 2) as module,
  bench.id('task', (p + 2) * 64 + 1) as task,
  bench.id('task', (p + 8) * 64 + 3) as open_task,
  bench.id('resource', 0) as resource,
  bench.id('plan', s / 16) as public_plan,
  bench.id('task', (s + 8) * 64 + 3) as public_task,
  bench.id('module', p + 1) as long_module,
  array(
    select bench.id('task', (p + 1) * 64 + t) from generate_series(50, 1, -1) as t
  ) as "order",
  'guitar' as word,
  'Knitting' as rare
from placed
order by who, citizen
"""


@dataclass(frozen=True, slots=True)
class Person:
    """
    Somebody who asks.

    Args: who: the kind; sub: the subject of the token; values: by parameter.
    """

    who: str
    sub: str
    values: dict[str, Any]


def choose(connection: psycopg.Connection[Any], each: int) -> list[Person]:
    """Return so many people of each kind, of the heavy the one there is."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(PEOPLE, {"each": each}).fetchall()
    return [Person(row.pop("who"), row.pop("sub"), row) for row in rows]
