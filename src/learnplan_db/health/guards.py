"""
Checks of the tables: row security, policies, indexes, and what the planner knows.

May import lower floors; only reads.
Source: PostgreSQL, "Row Security Policies", "Building Indexes Concurrently".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.health.deployed import known
from learnplan_db.health.nouns import fail, listed, ok, shell, skip, sql, warn, words
from learnplan_db.health.patient import SCHEMAS

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Patient

MAIN = SCHEMAS[0]
_TABLES = """
select c.relname, format('alter table %%I.%%I enable row level security,'
  ' force row level security', n.nspname, c.relname),
  c.relrowsecurity and c.relforcerowsecurity,
  exists (select from pg_policy as p where p.polrelid = c.oid)
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any (%s) and c.relkind in ('r', 'p') order by 1"""
# An index that is being built is invalid until it is done.
_INVALID = """
select i.indexrelid::regclass::text, c.relname ~ '_cc(new|old)[0-9]*$'
from pg_index as i
inner join pg_class as c on c.oid = i.indexrelid
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any (%s) and not (i.indisvalid and i.indisready and i.indislive)
  and not exists (select from pg_stat_progress_create_index as b
    where b.index_relid = i.indexrelid or b.relid = i.indrelid)
order by 1"""
_TRIGRAM = """
select to_regclass('learnplan.learning_plans') is not null,
  exists (select from pg_class as c where c.relnamespace = to_regnamespace('learnplan')
    and c.relname in ('idx_learning_plans_topic', 'idx_learning_plans_topic_public')),
  (select quote_ident(n.nspname) from pg_extension as e
    inner join pg_namespace as n on n.oid = e.extnamespace
    where e.extname = 'pg_trgm'),
  exists (select from pg_available_extensions where name = 'pg_trgm')"""
# As the change index_learning_plans_topic_public makes it.
_INDEX = (
    "create index idx_learning_plans_topic_public on learnplan.learning_plans using gin"
    " (topic {schema}.gin_trgm_ops) with (fastupdate = off) where visibility = 'public'"
)
_COMMENT = (
    "comment on column learnplan.learning_plans.topic is 'What the plan teaches. Public"
    " ones are searched through idx_learning_plans_topic_public.'"
)
_UNKNOWN = """
select c.oid::regclass::text from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = any (%s) and c.relkind in ('r', 'm') and c.reltuples < 0
  and pg_relation_size(c.oid) > 0
order by 1"""


def row_security(patient: Patient) -> Verdict:
    """Tell whether row security is on, for owners too, on every table."""
    tables = patient.rows(_TABLES, [MAIN])
    if not tables:
        return skip("there is no table of the plan")
    open_ = [(name, cure) for name, cure, forced, _ in tables if not forced]
    if open_:
        return fail(
            f"not on and forced on {listed([name for name, _ in open_])}",
            sql(*(cure for _, cure in open_)),
        )
    return ok(f"on and forced on all {len(tables)} tables")


def policies(patient: Patient) -> Verdict:
    """Tell whether there are as many policies as the plan made, and on every table."""
    tables = patient.rows(_TABLES, [MAIN])
    if not tables:
        return skip("there is no table of the plan")
    repair = shell(patient.line("drift", "--sql", ">", "repair.sql"))
    (count,) = patient.row(
        "select count(*) from pg_policy as p inner join pg_class as c"
        " on c.oid = p.polrelid where c.relnamespace = to_regnamespace(%s)",
        MAIN,
    )
    if bare := [name for name, *_, has in tables if not has]:
        return fail(f"none, so that nobody sees a row, on {listed(bare)}", repair)
    expected = [one["policies"] for one in known(patient)]
    if expected and count not in expected:
        return fail(f"{count}, and the plan made {expected[-1]}", repair)
    return ok(f"{count} on {len(tables)} tables")


def indexes(patient: Patient) -> Verdict:
    """Tell which index was left half built: it costs writes and helps no read."""
    found = patient.rows(_INVALID, [*SCHEMAS, patient.registry.schema])
    if not found:
        return ok("all are valid")
    return warn(
        f"invalid: {listed([name for name, _ in found])}",
        sql(
            *(
                f"drop index concurrently {name}"
                if leftover
                else f"reindex index concurrently {name}"
                for name, leftover in found
            )
        ),
    )


def trigram(patient: Patient) -> Verdict:
    """Tell whether the search of topics has its index, which needs pg_trgm."""
    deployed, indexed, schema, available = patient.row(_TRIGRAM)
    if not deployed:
        return skip("there is no table of the plan")
    if indexed:
        return ok("topics are searched through an index")
    if schema:
        making = [_INDEX.format(schema=schema), _COMMENT]
        return warn("topics are searched one by one: no index", sql(*making))
    if not available:
        return warn(
            "topics are searched one by one: the server has no pg_trgm",
            words("install PostgreSQL's contrib modules (postgresql-contrib)"),
        )
    making = ["create extension pg_trgm schema public", _INDEX.format(schema="public")]
    return warn(
        "topics are searched one by one: pg_trgm is not in the database",
        sql(*making, _COMMENT),
    )


def statistics(patient: Patient) -> Verdict:
    """Tell which table with rows was never analyzed, so that plans are guesses."""
    found = [name for (name,) in patient.rows(_UNKNOWN, [MAIN])]
    if not found:
        return ok("every table with rows was analyzed")
    return warn(
        f"never analyzed: {listed(found)}", sql(*(f"analyze {name}" for name in found))
    )
