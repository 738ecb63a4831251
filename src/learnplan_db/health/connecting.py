"""
Checks of the way to the server: the connection, its encryption, poolers, standbys.

May import lower floors; only reads.
Source: libpq; PgBouncer, pool_mode; PostgreSQL, "High Availability".
"""

from __future__ import annotations

import time
from contextlib import closing, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

import psycopg

from learnplan_db.engine import session
from learnplan_db.engine.watch import Brief, local, way_back
from learnplan_db.health.nouns import fail, ok, shell, sql, warn, words
from learnplan_db.health.patient import asked

if TYPE_CHECKING:
    from learnplan_db.health.nouns import Verdict
    from learnplan_db.health.patient import Patient

LATE = 0.1  # seconds: a deploy sends some hundred statements, one after the other
TRIES = 3  # the first answer of a session is slow
NEWEST = 18  # that the plan is tested on
RETAINED = 64 << 20  # bytes of WAL kept for nobody
_PID = "select pg_catalog.pg_backend_pid()"
_SLOTS = """
select format('pg_drop_replication_slot(%%L)', slot_name), slot_name,
  coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)
from pg_replication_slots
where not active and not temporary and restart_lsn is not null
  and pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) >= %s
order by 2"""


def connection(patient: Patient) -> Verdict:
    """Tell where we are, as whom, and how long an answer takes."""
    info, took = patient.connection.info, []
    for _ in range(TRIES):
        began = time.monotonic()
        patient.rows("select 1")
        took.append(time.monotonic() - began)
    host = info.host or "a local socket"
    where = host if local(patient.connection) else f"{host}:{info.port}"
    ms = min(took) * 1000
    what = f"database {info.dbname} at {where} as {info.user}, {ms:.1f} ms away"
    if min(took) < LATE:
        return ok(what)
    return warn(
        f"{what}: a deploy takes some minutes",
        words("run deploys, and the application, near the server"),
    )


def encryption(patient: Patient) -> Verdict:
    """Tell whether others on the network can read along."""
    pgconn, info = patient.connection.pgconn, patient.connection.info
    if pgconn.ssl_in_use:
        if info.get_parameters().get("sslmode", "")[:6] == "verify":
            return ok("TLS, and the server's certificate is verified")
        return ok('TLS; "sslmode=verify-full" would make sure who the server is')
    if local(patient.connection):
        return ok("a socket of this machine, no network")
    if _loopback(info.hostaddr or info.host):
        return ok("the loopback, no network")
    return warn(
        f"the network to {info.host} can read along: no TLS",
        words('add "sslmode=require" to the target, or better "sslmode=verify-full"'),
    )


def _loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def version(patient: Patient) -> Verdict:
    """Tell whether the server's version is supported, and its minor without holes."""
    major, minor = divmod(patient.version, 10000)
    if warning := session.outdated(patient.connection):
        return warn(
            warning, words("install the newest minor, and start the server again")
        )
    if major > NEWEST:
        return warn(
            f"PostgreSQL {major}.{minor} is newer than the plan was tested on",
            shell("python -m pip install --upgrade learnplan-db"),
        )
    return ok(f"PostgreSQL {major}.{minor}")


def pooling(patient: Patient) -> Verdict:
    """Tell whether a pooler lends us its sessions, and for how long."""
    ours = patient.connection.info.backend_pid
    first = patient.row(_PID)[0]
    if first == ours:
        return ok("a session of our own, no pooler in between")
    mode = _mode(patient, first)
    means = {
        "transaction": "acting_as works, a deploy does not",
        "session": "acting_as works; a deploy does not, since the next client would "
        "find its settings",
    }.get(mode, "acting_as works, a deploy does not")
    return warn(
        f"a pooler in between, in {mode} mode: {means}",
        words(f"to deploy, connect to PostgreSQL itself{_direct(patient)}"),
    )


def _mode(patient: Patient, first: int) -> str:
    """Return the mode: is our session lent to others between two transactions?"""
    where = way_back(patient.connection, connect_timeout=5)
    with suppress(psycopg.Error), closing(Brief.connect(where, autocommit=True)) as two:
        for _ in range(TRIES):
            patient.connection.rollback()
            if asked(two, _PID)[0][0] == first:
                return "transaction"
            with patient.looking():
                if patient.row(_PID)[0] != first:
                    return "transaction"
        return "session"
    return "an unknown"


def _direct(patient: Patient) -> str:
    """Return where PostgreSQL itself listens, as far as it says so."""
    host, port = patient.row(
        "select coalesce(host(inet_server_addr()),"
        " (string_to_array(current_setting('unix_socket_directories', true), ','))[1]),"
        " current_setting('port')"
    )
    return f": {host or ''} port {port}"


def statement_pooling(error: psycopg.Error) -> Verdict:
    """Tell that there are no transactions at all, whatever else is asked."""
    text = " ".join(str(error).split())
    return fail(
        f"no transaction can begin, and without one there is no identity: {text}",
        words("set pool_mode = transaction in the pooler for this database"),
    )


def replication(patient: Patient) -> Verdict:
    """Tell whether this is a standby, and whether log is kept for a lost one."""
    (standby,) = patient.row("select pg_is_in_recovery()")
    if standby:
        return _standby(patient)
    slots = patient.rows(_SLOTS, RETAINED)
    if slots:
        held = [f"{name} ({size / (1 << 20):.0f} MB)" for _, name, size in slots]
        return warn(
            f"log is kept for nobody, by slots that are not in use: {', '.join(held)}",
            sql(*(f"select {call}" for call, *_ in slots)),
        )
    (count,) = patient.row("select count(*) from pg_stat_replication")
    return ok(f"a primary with {count} connected standby{'s' * (count != 1)}")


def _standby(patient: Patient) -> Verdict:
    paused, age = patient.row(
        "select pg_is_wal_replay_paused(),"
        " extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())"
    )
    last = "" if age is None else f", last transaction {age:.0f} s ago"
    if paused:
        return warn(
            f"a standby whose replay is paused{last}",
            sql("select pg_wal_replay_resume()"),
        )
    return ok(f"a standby, which is only read{last}; deploy on its primary")
