"""
Calls that change nothing: status, require, prove and plan_sql.

May import lower floors; never prints, never reads the environment.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from learnplan_db.api import recording
from learnplan_db.api.recording import Recorder
from learnplan_db.api.results import Requirement, StatusResult, unheard
from learnplan_db.api.sources import Choice, looking, planned
from learnplan_db.engine import state
from learnplan_db.engine.progress import NO_VARIABLES
from learnplan_db.engine.session import told
from learnplan_db.errors import AheadWarning, ApiError, BehindError, RegistryError
from learnplan_db.plans import plan as plans
from learnplan_db.settings import config, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from learnplan_db.api.results import Listener, ProofResult
    from learnplan_db.api.sources import Opened, Source

_DEPLOYED = sql.SQL(
    "select change_id, change from {}.changes where project = {} order by committed_at"
)


def status(
    conn_or_dsn: Source,
    *,
    project: Path | str | None = None,
    registry: str | None = None,
) -> StatusResult:
    """
    Return what is deployed and what is not; only reads.

    Works on a standby, through a pooler, and inside of a transaction.
    Args: conn_or_dsn: a connection, which is left as it was found, a pool, an
        SQLAlchemy engine, or an address; project: the directory of another plan than
        the packaged one; registry: its schema, if it is not what the project says.
    Raises: RegistryError: the registry cannot be read, or the database is not of this
        plan. ConnectError: no connection. ApiError, ConfigError: an argument makes no
        sense.
    """
    with looking(conn_or_dsn, Choice(project, registry)) as found:
        seen = state.status(found.connection, found.project)
    return StatusResult(
        project=seen.project,
        deployed=recording.standing(seen.applied),
        pending=recording.planned(seen.pending),
        other_projects=seen.other_projects,
    )


def require(
    requirement: str,
    conn_or_dsn: Source,
    *,
    project: Path | str | None = None,
    registry: str | None = None,
) -> Requirement:
    """
    Make sure at the start of an application that a change or a tag is deployed.

    One query, which needs no more than SELECT on the registry's table of changes; on a
    standby, through a pooler, and inside of a transaction too. Only changes count: a
    tag is met as soon as its change is deployed.
    Args: requirement: ``@v1.0.0``, a change's name, or ``@HEAD`` for all of the plan;
        the others: as status.
    Warns: AheadWarning: more is deployed than that.
    Raises: BehindError: it is not deployed, or a change before it. PlanError: the plan
        has no such change. RegistryError: the login may not read the registry, and what
        to grant. ConnectError, ApiError, ConfigError: as status.
    """
    met = required(requirement, conn_or_dsn, project=project, registry=registry)
    if met.ahead:
        warnings.warn(told_ahead(met), AheadWarning, stacklevel=2)
    return met


def required(
    requirement: str,
    conn_or_dsn: Any,
    *,
    project: Path | str | None = None,
    registry: str | None = None,
) -> Requirement:
    """Return what ``require`` does, and warn of nothing."""
    if not isinstance(requirement, str) or "=" in requirement or "://" in requirement:
        raise ApiError.no_requirement()  # an address would be shown, password and all
    with looking(conn_or_dsn, Choice(project, registry)) as found:
        plan = found.project.plan
        wanted = plans.resolve(plan, requirement)
        there = _deployed(found)
        known = {change.id: change.label for change in plan.changes}
        labels = [known.get(change_id, name) for change_id, name in there]
        newest = labels[-1] if labels else None
        ids = [change_id for change_id, _ in there]
        upto = plan.changes[: wanted.index + 1]
        missing = [change.label for change in upto if change.id not in ids]
        if missing or newest is None:
            where = config.display(found.connection.info.dsn)
            error = BehindError.gap if wanted.id in ids else BehindError.lacks
            raise error(requirement, missing, newest, where)
    return Requirement(requirement, newest, tuple(labels[ids.index(wanted.id) + 1 :]))


def told_ahead(met: Requirement) -> str:
    """Return the words of the warning."""
    count = len(met.ahead)
    noun = "change" if count == 1 else "changes"
    newest = f"is at {met.deployed}, {count} {noun} ahead of {met.required}"
    return f"the database {newest}, which is what the application asked for"


def _deployed(found: Opened) -> list[tuple[str, str]]:
    """Return id and name of what is deployed, oldest first; nothing of no registry."""
    connection, schema = found.connection, found.project.target.registry
    query = _DEPLOYED.format(
        sql.Identifier(schema), sql.Literal(found.project.plan.project)
    )
    cursor = connection.cursor(row_factory=tuple_row)
    with told(connection):
        try:
            return cursor.execute(query, prepare=False).fetchall()
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return []
        except psycopg.errors.InsufficientPrivilege as error:
            login, dsn = connection.info.user, connection.info.dsn
            raise RegistryError.may_not_read(
                schema, login, config.display(dsn)
            ) from error


def prove(  # noqa: PLR0913 - the options of the command
    conn_or_dsn: Source,
    *,
    read_only: bool = False,
    tables: Iterable[str] = (),
    variables: Mapping[str, str] = NO_VARIABLES,
    exhaustive: bool = False,
    random: int = 0,
    seed: int | None = None,
    project: Path | str | None = None,
    registry: str | None = None,
    progress: Listener = unheard,
) -> ProofResult:
    """
    Prove that the policies do what the access matrix says; all of it is taken back.

    Works in one transaction, or in a savepoint of yours. What is wrong is in the
    result's ``findings``, and raises nothing: see ``ok``.
    Args: read_only: ask only what reading can, of the rows that are there; tables:
        only these; variables: role names, as ``render`` has them; exhaustive: every
        small world too; random: how many random worlds too, which needs the extra
        proof; seed: of these, or of the rows that are chosen; the others: as status.
    Raises: ProofError, MatrixError: nothing could be proved. RegistryError: the
        database is not of this plan. RenderError: variables make no sense.
        ConnectError, ApiError, ConfigError: as status.
    """
    from learnplan_db.proof.planned import demand_same_plan  # noqa: PLC0415 - slow import
    from learnplan_db.proof.prover import prove as run  # noqa: PLC0415 - as above
    from learnplan_db.proof.reading import prove_reading  # noqa: PLC0415 - as above
    from learnplan_db.security.variables import Variables  # noqa: PLC0415 - as above

    roles = Variables.from_settings(f"{k}={v}" for k, v in variables.items())
    tell = Recorder(progress)
    with looking(conn_or_dsn, Choice(project, registry)) as found:
        demand_same_plan(found.connection, found.project)
        directory = None if project is None else found.configuration.root / "policies"
        common: dict[str, Any] = {"directory": directory, "tables": tables}
        common |= {"variables": roles, "seed": seed, "tell": tell}
        if read_only:
            proof = prove_reading(found.connection, **common)
        else:
            common |= {"exhaustive": exhaustive, "random": random}
            proof = run(found.connection, **common)
    tell.finish()
    return proof


def plan_sql(  # noqa: PLR0913 - the options of the command
    conn_or_dsn: Source | None,
    *,
    to: str | None = None,
    since: str | None = None,
    variables: Mapping[str, str] = NO_VARIABLES,
    project: Path | str | None = None,
    registry: str | None = None,
) -> str:
    """
    Return what a deploy would execute, registry rows and all, as SQL for psql.

    Args: conn_or_dsn: a database that says what is deployed, as deploy takes it; or
        None, then ``since`` does: the last change that is, None for nothing; to: the
        last change to deploy; variables: psql's, as deploy; the others: as status.
    Raises: ScriptError: a script cannot be read, or not be said in SQL. RegistryError:
        the database is not of this plan. PlanError: no such change. ConnectError: no
        connection, a pooler in between, a standby. ApiError, ConfigError: as status.
    """
    from learnplan_db.export.offline import plan_sql as run  # noqa: PLC0415 - slow import

    choice = Choice(project, registry)
    if conn_or_dsn is None:
        found, configuration = planned(choice)
        given = targets.script_variables(
            configuration, found.target, "deploy", variables
        )
        return run(None, found, to=to, since=since, variables=given)
    if since is not None:
        takes = "it with None for a database, whose registry says it else"
        raise ApiError.bad_option("since", since, takes)
    with looking(conn_or_dsn, choice, alone=True) as seen:
        given = seen.variables("deploy", variables)
        return run(seen.connection, seen.project, to=to, variables=given)
