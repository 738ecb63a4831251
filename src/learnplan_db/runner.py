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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
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

    Raises: ConnectError: with the server's reason, and never a password.
    """
    try:
        connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError as error:
        raise ConnectError.refused(config.display(conninfo), str(error)) from error
    if connection.info.server_version < OLDEST:
        connection.close()
        raise ConnectError.too_old(config.display(conninfo))
    _set_up(connection)
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
    connection.execute("reset all")
    connection.execute("reset role")
    for name, value in SETTINGS.items():
        connection.execute("select pg_catalog.set_config(%s, %s, false)", [name, value])


def _refuse_unfit(connection: Connection) -> None:
    """Raise where a deploy must not run: a standby, or behind a pooler."""
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
    if registry.version(connection) is None:
        return []
    return registry.applied(connection, project.plan.project)


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
    if registry.version(connection) is None:
        return Status(project.plan.project, (), project.plan.changes, ())
    applied = registry.applied(connection, project.plan.project)
    others = tuple(
        name for name in registry.projects(connection) if name != project.plan.project
    )
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
    _refuse_unfit(connection)
    if not _pending(connection, project, target) and not _untagged(connection, project):
        return ()  # told without taking the lock
    with _locked(connection, lock_timeout, tell):
        pending = _pending(connection, project, target)
        scripts = _read_scripts(project, "deploy", pending)
        proofs = _read_scripts(project, "verify", pending) if verify else {}
        if registry.version(connection) is None:
            registry.create(connection, project.committer)
        registry.register(connection, project.plan, project.committer)
        for change in _untagged(connection, project):
            registry.record_tags(connection, project.plan, change, project.committer)
        for change in pending:
            with _step(tell, "deploy", change.label):
                _deploy_one(
                    connection, project, change, scripts[change.id], lock_timeout
                )
                if verify:
                    _prove(connection, project, change, proofs[change.id])
    return tuple(pending)


def _pending(connection: Connection, project: Project, target: Change) -> list[Change]:
    """Return what is to be deployed; only reads."""
    applied = _known(connection, project)
    position = _position(project, applied)
    if position > target.index + 1:
        raise RegistryError.earlier_target(target.name, applied[-1].name)
    pending = list(project.plan.changes[position : target.index + 1])
    _check_conflicts(project, applied, pending)
    return pending


def _untagged(connection: Connection, project: Project) -> list[Change]:
    """Return the newest deployed change if the plan gave it tags since."""
    applied = _known(connection, project)
    position = _position(project, applied)
    newest = project.plan.changes[position - 1 : position]
    return [change for change in newest if len(change.tags) > len(applied[-1].tags)]


def _check_conflicts(
    project: Project, applied: list[Applied], pending: list[Change]
) -> None:
    there = {a.name for a in applied}
    for change in pending:
        clash = sorted(there & set(change.conflicts))
        if clash:
            where = f"{project.plan.source}:{change.line}"
            raise RegistryError.conflict(change.name, clash, where)
        there.add(change.name)


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
    connection: Connection, project: Project, change: Change, proof: Script
) -> None:
    """Verify a change just deployed; if it fails, revert it and record only that."""
    try:
        _run_verify(connection, proof)
    except ScriptError as error:
        text = _read_scripts(project, "revert", [change])[change.id]

        def record() -> None:
            registry.forget_deploy(connection, change.id)
            registry.record_failure(connection, project.plan, change, project.committer)

        _run(connection, text, record, 60)
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
    _refuse_unfit(connection)
    with _locked(connection, lock_timeout, tell):
        doomed = to_revert(connection, project, to)
        changes = {change.id: change for change in project.plan.changes}
        scripts = _read_scripts(
            project, "revert", [changes[a.change_id] for a in doomed]
        )
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
    if registry.version(connection) is None:
        raise RegistryError.no_registry(config.display(connection.info.dsn))
    applied = registry.applied(connection, project.plan.project)
    if not applied:
        others = registry.projects(connection)
        if others and project.plan.project not in others:
            raise RegistryError.other_project(project.plan.project, others)
        return []
    _position(project, applied)
    keep = 0
    if to:
        target = plans.resolve(project.plan, to)
        ids = [a.change_id for a in applied]
        if target.id not in ids:
            raise RegistryError.not_deployed(target.name)
        keep = ids.index(target.id) + 1
    return applied[keep:][::-1]


def verify(
    connection: Connection, project: Project, *, tell: Tell = lambda _: None
) -> Verification:
    """Run the verify script of every deployed change; collect all that fail."""
    if registry.version(connection) is None:
        raise RegistryError.no_registry(config.display(connection.info.dsn))
    known = status(connection, project)
    if not known.applied and known.other_projects:
        raise RegistryError.other_project(known.project, known.other_projects)
    changes = {change.id: change for change in project.plan.changes}
    there = [changes[a.change_id] for a in known.applied]
    latest = [change for change in there if not change.reworked_tags]
    scripts = _read_scripts(project, "verify", latest)
    failures: list[tuple[str, LearnplanError]] = []
    for change in latest:
        with suppress(ScriptError), _step(tell, "verify", change.label):
            try:
                _run_verify(connection, scripts[change.id])
            except ScriptError as error:
                failures.append((change.name, error))
                raise
    return Verification(len(there), tuple(failures), known.pending)


def log(connection: Connection) -> list[dict[str, Any]]:
    """Return all events, newest first; nothing where there is no registry."""
    if registry.version(connection) is None:
        return []
    return registry.events(connection)


@contextmanager
def _locked(connection: Connection, seconds: float, tell: Tell) -> Iterator[None]:
    registry.lock(
        connection, seconds, lambda who: tell(Progress("wait", who, "start", seconds))
    )
    try:
        yield
    finally:
        if not connection.closed:
            with suppress(psycopg.Error):
                connection.rollback()
                _set_up(connection)
                registry.unlock(connection)


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
    end = time.monotonic() + seconds
    for number in range(1, TRIES + 1):
        try:
            if text.wrapped:
                _run_wrapped(connection, text, record)
            else:
                for statement in text.statements:
                    script.execute(connection, statement, text.source)
                _clean(connection)
                with connection.transaction():
                    connection.execute("lock table sqitch.changes in exclusive mode")
                    record()
        except ScriptError as error:
            _clean(connection)
            transient = error.sqlstate in TRANSIENT and text.wrapped
            if not transient or number == TRIES or time.monotonic() > end:
                if transient:
                    error.fix = _blockers(connection)
                raise
            time.sleep(random.uniform(0.1, 0.5))  # noqa: S311 - jitter, not a secret
        else:
            _clean(connection)
            return


def _run_wrapped(
    connection: Connection, text: Script, record: Callable[[], None]
) -> None:
    first, *body, last = text.statements
    cursor = connection.cursor(row_factory=tuple_row)
    own = cursor.execute("select pg_catalog.current_setting('role')").fetchone()
    script.execute(connection, first, text.source)
    try:
        connection.execute("lock table sqitch.changes in exclusive mode")
    except psycopg.errors.LockNotAvailable as error:
        raise ScriptError.registry_locked(text.source, error) from error
    for statement in body:
        script.execute(connection, statement, text.source)
    # The script may have changed role; the rows are the deployer's.
    change = "select pg_catalog.current_setting('role'), set_config('role', %s, true)"
    theirs = cursor.execute(change, own).fetchone()
    record()
    cursor.execute("select set_config('role', %s, true)", theirs and theirs[:1])
    script.execute(connection, last, text.source)


def _clean(connection: Connection) -> None:
    """Leave no transaction, role or setting of a script behind."""
    if not connection.closed:
        with suppress(psycopg.OperationalError):
            connection.rollback()
            _set_up(connection)


def _blockers(connection: Connection) -> str:
    """Name the oldest sessions that hold locks on tables here."""
    if connection.closed:
        return "connect again and look at pg_stat_activity"
    cursor = connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(
        """
        select distinct on (a.xact_start, a.pid)
          format('pid %s, %s, %s, %s since %s', a.pid, a.usename,
            coalesce(nullif(a.application_name, ''), 'no name'), a.state,
            to_char(a.xact_start, 'HH24:MI:SS'))
        from pg_catalog.pg_locks as l
        inner join pg_catalog.pg_stat_activity as a on a.pid = l.pid
        inner join pg_catalog.pg_class as c on c.oid = l.relation
        where l.granted and a.pid <> pg_catalog.pg_backend_pid()
          and a.datname = current_database()
          and c.relnamespace::regnamespace::text not in
            ('pg_catalog', 'pg_toast', 'information_schema')
        order by a.xact_start, a.pid
        limit 3"""
    ).fetchall()
    if not rows:
        return "deploy again: whoever held the lock is gone"
    return "locks are held by " + "; ".join(row[0] for row in rows)
