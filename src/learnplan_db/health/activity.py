"""
Checks of what others do now, as far as a deploy would wait for it.

May import lower floors; only reads.
Source: PostgreSQL, "pg_locks" and "pg_stat_activity"; Sqitch 1.3.1, its advisory lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.engine.locks import LOCK
from learnplan_db.engine.session import TABLE_LOCK_TIMEOUT
from learnplan_db.health.nouns import listed, ok, skip, sql, warn
from learnplan_db.health.patient import SCHEMAS

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Patient

_WHO = """concat_ws(', ', 'pid ' || {pid}, a.usename, nullif(a.application_name, ''),
  a.state, round(extract(epoch from clock_timestamp() - {since})) || ' s')"""
_HELD = f"""
select l.pid, {_WHO.format(pid="l.pid", since="a.query_start")}
from pg_locks as l
left join pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objid = %s and l.classid = 0
  and l.objsubid = 1 and l.pid <> pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())"""
_IN_THE_WAY = f"""
select l.pid, {_WHO.format(pid="l.pid", since="a.xact_start")},
  a.xact_start is null as hidden
from pg_locks as l
inner join pg_class as c on c.oid = l.relation
inner join pg_namespace as n on n.oid = c.relnamespace
left join pg_stat_activity as a on a.pid = l.pid
where n.nspname = any (%s) and l.granted and l.pid <> pg_backend_pid()
  and l.database = (select oid from pg_database where datname = current_database())
  and (a.xact_start is null or a.xact_start < clock_timestamp() - %s * interval '1 s')
  and a.backend_type is distinct from 'autovacuum worker'
group by l.pid, a.usename, a.application_name, a.state, a.xact_start
order by a.xact_start, l.pid"""
_PREPARED = """
select gid, owner, format('rollback prepared %%L', gid),
  round(extract(epoch from clock_timestamp() - prepared))
from pg_prepared_xacts where database = current_database() order by prepared"""


def deploy_lock(patient: Patient) -> Verdict:
    """Tell who holds the lock that lets one deploy at a time through."""
    found = patient.rows(_HELD, LOCK)
    if not found:
        return ok("nobody deploys")
    pid, who = found[0]
    return warn(
        f"held by a deploy or revert, of learnplan-db or Sqitch: {who}",
        sql(f"select pg_terminate_backend({pid})"),
    )


def transactions(patient: Patient) -> Verdict:
    """Tell whose open transaction holds locks that a deploy would wait for in vain."""
    schemas = [*SCHEMAS, patient.registry.schema]
    found = patient.rows(_IN_THE_WAY, schemas, TABLE_LOCK_TIMEOUT)
    shown = [(pid, who) for pid, who, hidden in found if not hidden]
    if shown:
        return warn(
            f"would stop a deploy: {listed([f'({who})' for _, who in shown])}",
            sql(*(f"select pg_terminate_backend({pid})" for pid, _ in shown)),
        )
    hidden = [str(pid) for pid, *_ in found if pid is not None]
    if hidden:
        (login,) = patient.row("select quote_ident(session_user)")
        return skip(
            f"this login may not see how long others hold locks: pid {listed(hidden)}",
            sql(f"grant pg_read_all_stats to {login}"),
        )
    return ok("no transaction is open on the tables")


def prepared(patient: Patient) -> Verdict:
    """Tell which transactions were prepared and never ended: they outlive restarts."""
    found = patient.rows(_PREPARED)
    if not found:
        return ok("none is left open")
    named = [f"{gid} of {owner}, {age} s" for gid, owner, _, age in found]
    return warn(
        f"left open, with their locks: {listed(named)}",
        sql(*(cure for *_, cure, _ in found)),
    )
