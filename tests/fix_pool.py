"""A crowd behind the real PgBouncer: 200 people, each with private plans of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

if TYPE_CHECKING:
    import uuid

    from fix_attacks import Live
    from fix_servers import Pooler

PEOPLE = 200
MAKE = """
with people as (
  insert into learnplan.users (clerk_user_id, email)
  select 'person-' || n, 'person-' || n || '@example.org'
  from generate_series(1, %s) as n returning id, clerk_user_id
), plans as (
  insert into learnplan.learning_plans
    (user_id, topic, skill_level, weekly_hours, learning_style, visibility)
  select id, 'SQL', 'beginner', 5, 'mixed', 'private'
  from people, generate_series(1, 1 + mod(length(clerk_user_id), 3)) returning user_id, id
)
select people.clerk_user_id, people.id, array_agg(plans.id)
from people inner join plans on plans.user_id = people.id group by 1, 2 order by 1
"""
# All that a session of the server could keep of whoever used it: asked by the login
# itself, in a transaction that took no identity.
LOOK = """
select pg_backend_pid() as pid,
  current_user = session_user as itself,
  current_setting('role') as role,
  coalesce(current_setting('request.jwt.claims', true), '') as claims,
  learnplan.current_user_id() as identity,
  array(select id from learnplan.learning_plans) as rows,
  array(select name || '=' || setting from pg_settings
    where source = 'session' order by 1) as settings,
  array(select name from pg_prepared_statements) as prepared,
  array(select name from pg_cursors where name <> '') as cursors,
  array(select pg_listening_channels()) as channels,
  array(select objid from pg_locks
    where pid = pg_backend_pid() and locktype = 'advisory') as locks,
  array(select relname from pg_class
    where relnamespace = nullif(pg_my_temp_schema(), 0)) as temporary
"""


@dataclass(frozen=True)
class Person:
    """One identity, and the rows (user_id, id) that it may see: its own, and no other."""

    sub: str
    id: uuid.UUID
    plans: frozenset[tuple[uuid.UUID, uuid.UUID]]


@dataclass(frozen=True)
class Crowd:
    """All the people, and the conninfo of the application's login through the pool."""

    dsn: str
    admin_dsn: str
    people: tuple[Person, ...]
    clean: dict[str, Any]  # how a session looks before anybody used it


@pytest.fixture
def crowd(live: Live, pgbouncer: Pooler) -> Crowd:
    """Provide 200 people in a database of their own, as many as three sessions serve."""
    found = live.admin.execute(MAKE, [PEOPLE]).fetchall()
    live.admin.execute("analyze")
    people = tuple(
        Person(s, i, frozenset((i, plan) for plan in p)) for s, i, p in found
    )
    known = conninfo_to_dict(live.app)
    dsn = pgbouncer.dsn(str(known["dbname"]), user=known["user"])
    with psycopg.connect(dsn, prepare_threshold=None, row_factory=dict_row) as conn:
        clean = conn.execute(LOOK).fetchone() or {}
    return Crowd(dsn, live.admin.info.dsn, people, clean)
