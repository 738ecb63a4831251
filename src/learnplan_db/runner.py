"""
Deploy, revert, verify: the plan, the scripts and the registry brought together.

A script that is one ``begin ... commit`` commits together with its registry rows.
Functions return data; they never print, and tell progress through a callback.
Source: Sqitch 1.3.1; design, the engine.
"""

from __future__ import annotations

import random
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from learnplan_db import config, registry, script
from learnplan_db import plan as plans
from learnplan_db.errors import (
    ConnectError,
    LearnplanError,
    PlanError,
    RegistryError,
    ScriptError,
    VerifyError,
)
from learnplan_db.scripts import Scripts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from learnplan_db.model import Change, Plan, Planner
    from learnplan_db.registry import Applied
    from learnplan_db.script import Script

    Connection = psycopg.Connection[Any]
    Tell = Callable[["Progress"], None]

# The lock is asked for this long, then the queue behind us passes and we ask again.
SETTINGS = {
    "application_name": "learnplan-db",
    "lock_timeout": "2s",
    "row_security": "off",
    "default_transaction_read_only": "off",
    "client_min_messages": "warning",
    "standard_conforming_strings": "on",
}
# What a script may leave in a session; DISCARD ALL would give Sqitch's lock away too.
RESETS = (
    "set session authorization default",
    "reset role",
    "reset all",
    "close all",
    "unlisten *",
    "discard temp",
    "discard sequences",
)
TRANSIENT = {"55P03", "40P01", "40001"}
TRIES = 10
OLDEST = 150000
# The first minors without CVE-2024-10976, CVE-2024-10978 and CVE-2025-8713.
SAFE = {15: 150014, 16: 160010, 17: 170006}


@dataclass(frozen=True, slots=True)
class Project:
    """A plan with its scripts, and who runs it."""

    plan: Plan
    scripts: Scripts
    committer: Planner


@dataclass(frozen=True, slots=True)
class Progress:
    """One step: action is deploy, revert, verify or wait; state start, ok or not ok."""

    action: str
    label: str
    state: str
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What is deployed (oldest first), what is pending, and who else is registered."""

    project: str
    applied: tuple[Applied, ...]
    pending: tuple[Change, ...]
    other_projects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """Which change failed, and how; what is planned and not deployed."""

    checked: int
    failures: tuple[tuple[str, LearnplanError], ...]
    pending: tuple[Change, ...]


def load(root: Path) -> Project:
    """
    Return the project of a directory.

    Raises: PlanError: the plan is missing, empty or malformed.
    """
    top = root / "sql"
    shown = "sql/sqitch.plan"
    try:
        data = (top / "sqitch.plan").read_bytes()
    except OSError as error:
        raise PlanError.no_file(shown, error) from error
    plan = plans.parse(data, shown)
    if not plan.changes:
        raise PlanError.no_changes(shown)
    return Project(plan, Scripts(top), config.committer())


def connect(conninfo: str) -> Connection:
    """
    Return a connection in autocommit, set up for a deploy.

    Raises: ConnectError: with the server's reason, and never a password;
        ConfigError: the conninfo is malformed.
    """
    known = conninfo_to_dict(config.usable(conninfo))
    try:
        connection = psycopg.connect(
            conninfo,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="utf8",
            fallback_application_name=SETTINGS["application_name"],
        )
        if connection.info.server_version < OLDEST:
            connection.close()
            raise ConnectError.too_old(config.display(conninfo))
        _set_up(connection)
    except psycopg.Error as error:
        text = str(error)
        if password := known.get("password"):
            text = text.replace(str(password), "…")
        raise ConnectError.refused(config.display(conninfo), text) from error
    return connection


def outdated(connection: Connection) -> str | None:
    """Return a warning if the server's minor version has known holes, else None."""
    found = connection.info.server_version
    safe = SAFE.get(found // 10000, 0)
    if found >= safe:
        return None
    return (
        f"PostgreSQL {found // 10000}.{found % 10000} has known security holes in row "
        f"security and statistics; upgrade to {safe // 10000}.{safe % 10000} or later"
    )


def _set_up(connection: Connection) -> None:
    """Bring the session to the state in which every script starts."""
    for statement in RESETS:
        connection.execute(statement.encode())
    if connection.prepare_threshold is None:  # else psycopg has prepared its own
        connection.execute("deallocate all")
    for name, value in SETTINGS.items():
        connection.execute("select pg_catalog.set_config(%s, %s, false)", [name, value])
    with suppress(psycopg.errors.InvalidParameterValue):  # the server's system lacks it
        # The server looks whether we live, so that a killed deploy frees its locks.
        connection.execute("set client_connection_check_interval = '1s'")


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    """Turn what the server says of the registry into an error with an address."""
    try:
        yield
    except psycopg.Error as error:
        where = config.display(connection.info.dsn) if not connection.closed else None
        text = error.diag.message_primary or str(error).partition("\n")[0]
        if connection.closed:
            raise ConnectError(
                f"the connection to the server is lost: {text}",
                fix="see what became of the server, then run the command again",
            ) from error
        raise RegistryError(
            f"the registry cannot be used: {text}",
            where=where,
            fix="connect as the role that deployed, or let it grant this one usage on "
            "schema sqitch, and select, insert, update, delete on its tables",
        ) from error


def _refuse_unfit(connection: Connection) -> None:
    """Raise where a deploy must not run: a standby, or behind a pooler."""
    if not connection.autocommit:
        raise ValueError("the connection must be in autocommit")
    cursor = connection.cursor(row_factory=tuple_row)
    row = cursor.execute(
        "select pg_catalog.pg_is_in_recovery(), pg_catalog.pg_backend_pid()"
    ).fetchone()
    if row and row[0]:
        raise ConnectError.standby()
    if row and row[1] != connection.info.backend_pid:
        raise ConnectError.pooler()


def _known(connection: Connection, project: Project) -> list[Applied]:
    """Return what is deployed, or nothing where there is no registry."""
    if not _has_registry(connection):
        return []
    return registry.applied(connection, project.plan.project)


def _has_registry(connection: Connection) -> bool:
    """
    Tell whether there is a registry.

    Raises: RegistryError: it is of another version than ours.
    """
    found = registry.version(connection)
    if found not in {None, registry.VERSION}:
        raise RegistryError(
            f"the registry has version {found:g}, and only "
            f"{registry.VERSION} is known here",
            where=config.display(connection.info.dsn),
            fix="older: sqitch upgrade; newer: upgrade learnplan-db",
        )
    return found is not None


def _position(project: Project, applied: list[Applied]) -> int:
    """
    Return how many changes of the plan are deployed.

    Raises: RegistryError: the newest deployed change is not in the plan.
    """
    if not applied:
        return 0
    newest = applied[-1]
    by_id = {change.id: change.index for change in project.plan.changes}
    if newest.change_id in by_id:
        return by_id[newest.change_id] + 1
    names = {change.name for change in project.plan.changes}
    beyond = [a.name for a in applied if a.name not in names]
    first = next(a.name for a in applied if a.change_id not in by_id)
    raise RegistryError.not_our_plan(project.plan.project, first, beyond)


def status(connection: Connection, project: Project) -> Status:
    """Return what is deployed and what is pending; only reads."""
    with _told(connection):
        if not _has_registry(connection):
            return Status(project.plan.project, (), project.plan.changes, ())
        applied = registry.applied(connection, project.plan.project)
        known = registry.projects(connection)
    others = tuple(name for name in known if name != project.plan.project)
    pending = project.plan.changes[_position(project, applied) :]
    return Status(project.plan.project, tuple(applied), pending, others)


def _read_scripts(
    project: Project, kind: Any, changes: list[Change]
) -> dict[str, Script]:
    """Read all scripts before any runs: a missing one stops nothing half-way."""
    return {
        change.id: script.read(
            project.scripts.read(kind, change), project.scripts.shown(kind, change)
        )
        for change in changes
    }


def deploy(  # noqa: PLR0913 - the options of the command
    connection: Connection,
    project: Project,
    *,
    to: str | None = None,
    verify: bool = False,
    lock_timeout: float = 60,
    tell: Tell = lambda _: None,
) -> tuple[Change, ...]:
    """
    Deploy what is pending, in plan order; return the changes deployed.

    Args: to: the last change to deploy; verify: run each verify script too;
        lock_timeout: seconds to ask for Sqitch's lock, and for each change's locks.
    Raises: ScriptError: a script failed; the changes before it stay, it leaves nothing.
    """
    target = plans.resolve(project.plan, to) if to else project.plan.changes[-1]
    with _told(connection):
        _refuse_unfit(connection)
        pending, untagged = _pending(connection, project, target)
        if not pending and not untagged:
            return ()  # told without taking the lock
        with _locked(connection, lock_timeout, tell):
            pending, untagged = _pending(connection, project, target)
            scripts = _read_scripts(project, "deploy", pending)
            proofs = _read_proofs(project, pending if verify else [])
            if untagged:
                registry.record_tags(
                    connection, project.plan, untagged, project.committer
                )
            _register(connection, project)
            for change in pending:
                text = scripts[change.id]
                with _step(tell, "deploy", change.label):
                    _deploy_one(connection, project, change, text, lock_timeout)
                    if verify:
                        proof, undo = proofs[change.id]
                        _prove(connection, project, change, proof, undo)
    return tuple(pending)


def _read_proofs(
    project: Project, changes: list[Change]
) -> dict[str, tuple[Script, Script]]:
    """Read the verify scripts, and the revert scripts that a failure will need."""
    proofs = _read_scripts(project, "verify", changes)
    undos = _read_scripts(project, "revert", changes)
    return {change.id: (proofs[change.id], undos[change.id]) for change in changes}


def _register(connection: Connection, project: Project) -> None:
    """Make the registry and the project known, unless they are."""
    if not _has_registry(connection):
        registry.create(connection, project.committer)
    registry.register(connection, project.plan, project.committer)


def _pending(
    connection: Connection, project: Project, target: Change
) -> tuple[list[Change], Change | None]:
    """
    Return what is to be deployed, and the newest change if it lacks a tag; only reads.

    Raises: RegistryError: a conflict, a requirement that is not met, a repeated script.
    """
    applied = _known(connection, project)
    position = _position(project, applied)
    if position > target.index + 1:
        raise RegistryError.earlier_target(target.name, applied[-1].name)
    untagged = None
    if position:
        newest = project.plan.changes[position - 1]
        if {f"@{tag.name}" for tag in newest.tags} - set(applied[-1].tags):
            untagged = newest
    pending = list(project.plan.changes[position : target.index + 1])
    _check_dependencies(project, applied, pending)
    _check_hashes(project, applied, pending)
    return pending, untagged


def _check_dependencies(
    project: Project, applied: list[Applied], pending: list[Change]
) -> None:
    """Raise for a conflict or a missing requirement of any change, before one runs."""
    there = {a.name for a in applied}
    ids = {a.change_id for a in applied}
    for change in pending:
        where = f"{project.plan.source}:{change.line}"
        clash = sorted(there & set(change.conflicts))
        if clash:
            raise RegistryError.conflict(change.name, clash, where)
        for text, change_id in _requires(project, change):
            if change_id not in ids:
                raise RegistryError(
                    f'change "{change.name}" requires "{text}", which is not deployed',
                    where=where,
                    fix="revert to before it, then deploy: it was planned in between",
                )
        there.add(change.name)
        ids.add(change.id)


def _check_hashes(
    project: Project, applied: list[Applied], pending: list[Change]
) -> None:
    """Raise for a deploy script that repeats another: the registry holds each once."""
    seen = {a.script_hash for a in applied if a.script_hash}
    for change in pending:
        found = project.scripts.script_hash(change)
        if found in seen:
            shown = project.scripts.shown("deploy", change)
            raise RegistryError.not_unique(change.name, shown)
        if found:
            seen.add(found)


def _deploy_one(
    connection: Connection,
    project: Project,
    change: Change,
    text: Script,
    lock_timeout: float,
) -> None:
    by = project.committer

    def record() -> None:
        script_hash = project.scripts.script_hash(change)
        requires = _requires(project, change)
        try:
            registry.record_deploy(
                connection, project.plan, change, by, script_hash, requires
            )
        except psycopg.errors.UniqueViolation as error:
            shown = project.scripts.shown("deploy", change)
            raise RegistryError.not_unique(change.name, shown) from error

    try:
        _run(connection, text, record, lock_timeout)
    except (ScriptError, RegistryError):
        _clean(connection)
        if not connection.closed:
            registry.record_failure(connection, project.plan, change, by)
        raise


def _requires(project: Project, change: Change) -> list[tuple[str, str]]:
    """Return each requirement with the id of the change it resolves to."""
    found = []
    for text in change.requires:
        resolved = plans.dependency(project.plan, text, change)
        if resolved is None:
            raise RegistryError.foreign_requirement(change.name, text)
        found.append((text, resolved.id))
    return found


def _prove(
    connection: Connection,
    project: Project,
    change: Change,
    proof: Script,
    undo: Script,
) -> None:
    """
    Verify a change just deployed; if it fails, revert it and record only that.

    Raises: ScriptError: the connection is lost, or the revert script fails: the change
        stays deployed and recorded.
    """
    try:
        _run_verify(connection, proof)
    except ScriptError as error:
        if connection.closed:
            raise

        def record() -> None:
            registry.forget_deploy(connection, change.id)
            registry.record_failure(connection, project.plan, change, project.committer)

        try:
            _run(connection, undo, record, 60)
        except ScriptError as failure:
            failure.fix = (
                f'"{change.name}" stays deployed and does not verify '
                f"({error.message}): mend its revert script, then revert it"
            )
            raise
        raise VerifyError.after_deploy(change.name, error) from error


def revert(
    connection: Connection,
    project: Project,
    *,
    to: str | None = None,
    lock_timeout: float = 60,
    tell: Tell = lambda _: None,
) -> tuple[str, ...]:
    """
    Revert what is deployed after ``to``, or everything; return names, newest first.

    Raises: ScriptError: a script failed; what was reverted before it stays reverted.
    """
    with _told(connection):
        _refuse_unfit(connection)
        if not to_revert(connection, project, to):
            return ()
    with _told(connection), _locked(connection, lock_timeout, tell):
        doomed = to_revert(connection, project, to)
        changes = [_as_planned(project, one) for one in doomed]
        scripts = _read_scripts(project, "revert", changes)
        for one in doomed:

            def record(change_id: str = one.change_id) -> None:
                registry.record_revert(connection, change_id, project.committer)

            with _step(tell, "revert", one.label):
                _run(connection, scripts[one.change_id], record, lock_timeout)
    return tuple(a.name for a in doomed)


def to_revert(
    connection: Connection, project: Project, to: str | None
) -> list[Applied]:
    """
    Return what a revert would take back, newest first; only reads.

    Raises: RegistryError: nothing of the project is there, or ``to`` is not deployed.
    """
    with _told(connection):
        if not _has_registry(connection):
            raise RegistryError.no_registry(config.display(connection.info.dsn))
        applied = registry.applied(connection, project.plan.project)
        others = registry.projects(connection)
    if not applied:
        if others and project.plan.project not in others:
            raise RegistryError.other_project(project.plan.project, others)
        return []
    doomed = applied[_kept(project, applied, to) :][::-1]
    for one in doomed:
        planned = _as_planned(project, one)
        if not project.scripts.path("revert", planned).is_file():
            _position(project, applied)  # says why the file is not ours
    with _told(connection):
        needed = registry.dependents(connection, [one.change_id for one in doomed])
    if needed:
        raise RegistryError(
            f"what is to be reverted is required by {', '.join(needed)}",
            where="sqitch.dependencies",
            fix="revert that project first",
        )
    return doomed


def _kept(project: Project, applied: list[Applied], to: str | None) -> int:
    """
    Return how many deployed changes stay; ``to`` may be known to the database only.

    Raises: PlanError, RegistryError: ``to`` is not planned, or not deployed.
    """
    if not to:
        return 0
    named = [
        place
        for place, one in enumerate(applied)
        if to in {one.name, one.change_id, *one.tags}
        or to in {f"{one.name}{tag}" for tag in one.tags}
    ]
    try:
        target = plans.resolve(project.plan, to)
    except PlanError:
        if len(named) != 1:
            raise
        return named[0] + 1
    ids = [one.change_id for one in applied]
    if target.id in ids:
        return ids.index(target.id) + 1
    if len(named) != 1:
        raise RegistryError.not_deployed(target.name)
    return named[0] + 1


def _as_planned(project: Project, one: Applied) -> Change:
    """Return the change of the plan, by id, else by name, else one of that name."""
    changes = project.plan.changes
    by_id = {change.id: change for change in changes}
    by_name = {change.name: change for change in changes}
    alike = by_id.get(one.change_id) or by_name.get(one.name)
    if not alike:
        alike = replace(changes[0], name=one.name, tags=(), reworked_tags=())
    return alike if alike.id == one.change_id else replace(alike, id=one.change_id)


def verify(
    connection: Connection, project: Project, *, tell: Tell = lambda _: None
) -> Verification:
    """Run the verify script of every deployed change; collect all that fail."""
    with _told(connection):
        if not _has_registry(connection):
            raise RegistryError.no_registry(config.display(connection.info.dsn))
    known = status(connection, project)
    if not known.applied and known.other_projects:
        raise RegistryError.other_project(known.project, known.other_projects)
    changes = {change.id: change for change in project.plan.changes}
    there = [changes[a.change_id] for a in known.applied if a.change_id in changes]
    latest = [change for change in there if not change.reworked_tags]
    scripts = _read_scripts(project, "verify", latest)
    failures: list[tuple[str, LearnplanError]] = [
        (a.name, RegistryError("the change is deployed, but not planned"))
        for a in known.applied
        if a.change_id not in changes
    ]
    for change in latest:
        with suppress(ScriptError), _step(tell, "verify", change.label):
            try:
                _run_verify(connection, scripts[change.id])
            except ScriptError as error:
                if connection.closed:
                    raise ConnectError(
                        error.message, where=error.where, fix=error.fix
                    ) from error
                failures.append((change.name, error))
                raise
    return Verification(len(known.applied), tuple(failures), known.pending)


def log(connection: Connection) -> list[dict[str, Any]]:
    """Return all events, newest first; nothing where there is no registry."""
    with _told(connection):
        if registry.version(connection) is None:
            return []
        return registry.events(connection)


@contextmanager
def _locked(connection: Connection, seconds: float, tell: Tell) -> Iterator[None]:
    registry.lock(
        connection, seconds, lambda who: tell(Progress("wait", who, "start", seconds))
    )
    try:
        _set_up(connection)
        yield
    finally:
        _clean(connection)
        if not connection.closed:
            with suppress(psycopg.Error):
                registry.unlock(connection)
                connection.execute("reset all")  # of ours, nothing goes to a pool


@contextmanager
def _step(tell: Tell, action: str, label: str) -> Iterator[None]:
    began = time.monotonic()
    tell(Progress(action, label, "start"))
    try:
        yield
    except BaseException:
        tell(Progress(action, label, "not ok", time.monotonic() - began))
        raise
    tell(Progress(action, label, "ok", time.monotonic() - began))


def _run_verify(connection: Connection, text: Script) -> None:
    """Run a verify script; whatever it leaves open is rolled back."""
    try:
        with _scripted(text.source):
            connection.execute("set row_security = on")
        for statement in text.statements:
            script.execute(connection, statement, text.source)
    finally:
        _clean(connection)


def _run(
    connection: Connection, text: Script, record: Callable[[], None], seconds: float
) -> None:
    """
    Run a script and its registry rows; try a wrapped one again when a lock is held.

    Raises: ScriptError: it failed; a wrapped script leaves nothing behind.
    """
    if not text.wrapped:
        try:
            for statement in text.statements:
                script.execute(connection, statement, text.source)
        except ScriptError as error:
            _clean(connection)
            if error.sqlstate in TRANSIENT:
                error.fix = _blockers(connection, error.statement)
            raise
        _clean(connection)
    _retry(connection, lambda: _run_once(connection, text, record), seconds)


def _retry(connection: Connection, attempt: Callable[[], None], seconds: float) -> None:
    """
    Do what commits as a whole; again, up to ten times, when a lock is in the way.

    Raises: ScriptError: it failed and left nothing, or named sessions hold the lock.
    """
    end = time.monotonic() + seconds
    for number in range(1, TRIES + 1):
        try:
            attempt()
        except ScriptError as error:
            _clean(connection)
            if error.sqlstate not in TRANSIENT:
                raise
            if number == TRIES or time.monotonic() > end:
                error.fix = _blockers(connection, error.statement)
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, not a secret
        else:
            _clean(connection)
            return


def _run_once(connection: Connection, text: Script, record: Callable[[], None]) -> None:
    """Run a wrapped script with its rows; of another, write the rows that it lacks."""
    if text.wrapped:
        _run_wrapped(connection, text, record)
        return
    with _scripted(text.source), connection.transaction():
        connection.execute("lock table sqitch.changes in exclusive mode")
        record()


@contextmanager
def _scripted(source: str) -> Iterator[None]:
    """Turn an error of our own statements around a script into a ScriptError."""
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        raise ScriptError.registry_locked(source, error) from error
    except psycopg.OperationalError as error:
        cause = ScriptError.failed if error.sqlstate else ScriptError.connection_lost
        raise cause(error, source) from error
    except psycopg.Error as error:
        raise ScriptError.failed(error, source) from error


def _run_wrapped(
    connection: Connection, text: Script, record: Callable[[], None]
) -> None:
    first, *body, last = text.statements
    cursor = connection.cursor(row_factory=tuple_row)
    with _scripted(text.source):
        row = cursor.execute("select pg_catalog.current_setting('role')").fetchone()
    own = row[0] if row else "none"
    script.execute(connection, first, text.source)
    with _scripted(text.source):
        connection.execute("lock table sqitch.changes in exclusive mode")
    for statement in body:
        script.execute(connection, statement, text.source)
    become = "select pg_catalog.set_config('role', %s, true)"
    with _scripted(text.source):
        # The script may have changed role; the rows are the deployer's.
        row = cursor.execute("select pg_catalog.current_setting('role')").fetchone()
        cursor.execute(become, [own])
        record()
        cursor.execute(become, [row[0] if row else own])
    script.execute(connection, last, text.source)


def _clean(connection: Connection) -> None:
    """Leave no transaction, role or setting of a script behind."""
    if not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.rollback()
            _set_up(connection)


def _blockers(connection: Connection, statement: str | None) -> str:
    """Name the sessions that hold locks, those on what the statement names first."""
    if connection.closed:
        return "connect again and look at pg_stat_activity"
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(
        """
        select
          format('pid %%s, %%s, %%s, %%s, query of %%s s ago', a.pid, a.usename,
            coalesce(nullif(a.application_name, ''), 'no name'), a.state,
            round(extract(epoch from clock_timestamp() - a.query_start)))
        from pg_catalog.pg_locks as l
        inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid
        inner join pg_catalog.pg_class as c on c.oid = l.relation
        where l.granted and a.pid <> pg_catalog.pg_backend_pid()
          and a.datname = current_database()
          and c.relnamespace::regnamespace::text not in
            ('pg_catalog', 'pg_toast', 'information_schema')
        group by a.pid, a.usename, a.application_name, a.state, a.query_start,
          a.xact_start
        order by max((strpos(%s, c.relname) > 0)::int) desc, a.xact_start, a.pid
        limit 3""",
        [statement or "sqitch.changes"],
    ).fetchall()
    if not rows:
        return "run the command again: whoever held the lock is gone"
    return "locks are held by " + "; ".join(row[0] for row in rows)
