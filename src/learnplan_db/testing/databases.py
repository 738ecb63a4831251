"""
The databases of one test process: a template, clones of it, and a rolled-back one.

Everything is named after the run, whose owner is a session that holds an advisory lock
for as long as it lives: what carries the name of a run whose lock is gone was left by
one that was killed, and is swept by the next. May import errors and testing.servers;
never touches a database, role or session that the plugin did not make.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from learnplan_db.errors import SuiteError
from learnplan_db.testing.addresses import Database
from learnplan_db.testing.sessions import Spare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from learnplan_db.proof.nouns import Mutant
    from learnplan_db.security.variables import Variables
    from learnplan_db.testing.servers import Source

    Connection = psycopg.Connection[Any]

PREFIX, DIGITS = "learnplan_test_", 14
# One at a time deploys: roles belong to the whole cluster, and a host's own scripts may
# not expect that another worker makes the same one meanwhile.
DEPLOY_LOCK = 75474065
# The lock of a run is looked for in all databases of the cluster, so that it does not
# matter which one its owner is connected to.
_DEAD = f"""
and not exists (
    select from pg_catalog.pg_locks as l
    where l.locktype = 'advisory' and l.objsubid = 1
        and (l.classid::bigint << 32) | l.objid::bigint
            = ('x' || substr(named.name, {len(PREFIX) + 1}, {DIGITS}))
                ::bit({DIGITS * 4})::bigint
)"""
_STALE_DATABASES = f"""
select named.name from (
    select d.oid, d.datname::text as name from pg_catalog.pg_database as d
    join pg_catalog.pg_roles as r on r.oid = d.datdba and r.rolname = session_user
    where d.datname ~ '^{PREFIX}[0-9a-f]{{{DIGITS}}}_'
) as named
where not exists (
    select from pg_catalog.pg_stat_activity as a
    where a.datid = named.oid and a.backend_type = 'client backend'
) {_DEAD}"""
_STALE_ROLES = f"""
select named.name from (
    select rolname::text as name from pg_catalog.pg_roles
    where rolname ~ '^{PREFIX}[0-9a-f]{{{DIGITS}}}_'
) as named where true {_DEAD}"""
_CLUSTER = """
select (select md5(string_agg(r::text, ' ' order by r.oid)) from pg_catalog.pg_roles r),
    (select md5(string_agg(m::text, ' ' order by m::text))
        from pg_catalog.pg_auth_members as m)"""
_END_SESSIONS = """
select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
where datname = %s and backend_type = 'client backend'"""
END_SECONDS, POLL_SECONDS = 5.0, 0.001


class Databases:
    """
    What one process has on one server; made when a test first asks for it.

    ``mutant`` is the fault that every transaction is given from now on, and every
    database too, unless it would spread: a role is not one database's alone.
    """

    def __init__(
        self, source: Source, roles: Variables, template_of: str | None
    ) -> None:
        """Start or reach the server, and sweep what killed runs left on it."""
        self._source, self._roles, self._template_of = source, roles, template_of
        self._key = secrets.randbits(DIGITS * 4 - 1)
        self._prefix = f"{PREFIX}{self._key:0{DIGITS}x}_"
        self._numbers = itertools.count(1)
        self._template: str | None = None
        self._working: Database | None = None
        self._spare = Spare()
        self._logins: dict[str, dict[str, str]] = {}
        self.mutant: Mutant | None = None
        self.spreads = False
        with contextlib.ExitStack() as stack:
            self._maintenance = stack.enter_context(source.running())
            self._owner = source.connect(self._maintenance)
            stack.callback(self._owner.close)
            self._owner.execute("set idle_session_timeout = 0")
            self._owner.execute("set statement_timeout = 0")
            shown = self._owner.execute("show fsync").fetchone()
            # Files are the faster way, unless each is waited for.
            self._by_files = shown == ("off",)
            self._owner.execute("select pg_advisory_lock(%s)", [self._key])
            self._sweep()
            self._stack = stack.pop_all()

    def prepare(self, deploy: Callable[[str], object]) -> None:
        """Make the template, once: with ``deploy``, or as a copy of the host's own."""
        if self._template is not None:
            return
        self._owner.execute("select pg_advisory_lock(%s)", [DEPLOY_LOCK])
        try:
            name = self._next()
            self._create(name, self._template_of or "template0")
            if self._template_of is None:
                deploy(self._conninfo(name))
            self._end_sessions(name)
            self._template = name
        finally:
            self._owner.execute("select pg_advisory_unlock(%s)", [DEPLOY_LOCK])

    @contextlib.contextmanager
    def clone(self) -> Iterator[Database]:
        """Provide a database of its own, with the mutant if there is one."""
        name = self._next()
        database = self._copy(name)
        try:
            if self.mutant and not self.spreads:
                with contextlib.closing(database.connect()) as connection:
                    apply(connection, self.mutant)
                    connection.commit()
            yield database
        finally:
            self._drop(name)

    @contextlib.contextmanager
    def transaction(
        self, isolation: psycopg.IsolationLevel | None = None
    ) -> Iterator[Connection]:
        """
        Provide a transaction that is always rolled back, with the mutant if any.

        Raises: SuiteError: it was committed nevertheless; the next one starts afresh.
        """
        if self._working is None:
            self._working = self._copy(self._next())
        with self._spare.session(self._working) as connection:
            connection.isolation_level = isolation
            with connection.transaction(force_rollback=True):
                row = connection.execute("select pg_current_xact_id()::text").fetchone()
                if self.mutant:
                    apply(connection, self.mutant)
                yield connection
        asked = self._owner.execute("select pg_xact_status(%s::xid8)", row)
        if asked.fetchone() == ("committed",):
            self._spare.drop()
            self._drop(self._working.name)
            self._working = None
            raise SuiteError.committed()

    def choose(self, mutant: Mutant | None) -> None:
        """
        Try a fault and take it back, then give it to what is asked for from now on.

        Raises: psycopg.Error: it cannot be applied; then there is none.
        """
        self.mutant = None
        if mutant is None:
            return
        # Of one snapshot: what others do to roles meanwhile is not the mutant's doing.
        with self.transaction(psycopg.IsolationLevel.REPEATABLE_READ) as connection:
            before = connection.execute(_CLUSTER).fetchone()
            apply(connection, mutant)
            self.spreads = before != connection.execute(_CLUSTER).fetchone()
        self.mutant = mutant

    def close(self) -> None:
        """Drop all that carries the name of this run, and end the session."""
        self._spare.drop()
        with self._stack, contextlib.suppress(psycopg.OperationalError):
            for (name,) in self._owner.execute(
                "select datname from pg_database where starts_with(datname, %s)",
                [self._prefix],
            ).fetchall():
                self._drop(name)
            for login in self._logins:
                drop = sql.SQL("drop role if exists {}").format(sql.Identifier(login))
                with contextlib.suppress(errors.DependentObjectsStillExist):
                    self._owner.execute(drop)

    def _sweep(self) -> None:
        """Remove what runs left that are no more; two may do so at once."""
        for find, drop in (
            (_STALE_DATABASES, "drop database if exists {}"),
            (_STALE_ROLES, "drop role if exists {}"),
        ):
            for (name,) in self._owner.execute(find.encode()).fetchall():
                with contextlib.suppress(psycopg.Error):
                    self._owner.execute(sql.SQL(drop).format(sql.Identifier(name)))

    def _next(self) -> str:
        return f"{self._prefix}{next(self._numbers)}"

    def _conninfo(self, name: str) -> str:
        return make_conninfo(self._maintenance, dbname=name)

    def _copy(self, name: str) -> Database:
        """Return a new copy of the template."""
        if self._template is None:
            raise LookupError("no template yet")
        self._create(name, self._template)
        self._make_logins()
        conninfo = self._conninfo(name)
        app, service = (make_conninfo(conninfo, **u) for u in self._logins.values())
        return Database(name, conninfo, app, service)

    def _create(self, name: str, template: str) -> None:
        statement = sql.SQL("create database {} template {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        if self._by_files:
            statement += sql.SQL(" strategy file_copy")
        try:
            self._owner.execute(statement)
        except psycopg.Error as error:
            if template == self._template_of:
                raise SuiteError.no_template(template, str(error)) from error
            raise

    def _end_sessions(self, name: str) -> None:
        """
        End the sessions of a database, and wait until they are gone.

        A session that was closed is still ending for some milliseconds, and whoever
        copies or drops its database meanwhile sleeps for a tenth of a second.
        """
        deadline = time.monotonic() + END_SECONDS
        while self._owner.execute(_END_SESSIONS, [name]).rowcount:
            if time.monotonic() > deadline:
                return
            time.sleep(POLL_SECONDS)

    def _drop(self, name: str) -> None:
        self._end_sessions(name)
        drop = sql.SQL("drop database if exists {} with (force)")
        self._owner.execute(drop.format(sql.Identifier(name)))

    def _make_logins(self) -> None:
        """Make the two logins of this run, when the roles are there."""
        if self._logins:
            return
        callers = (self._roles.anon, self._roles.authenticated)
        for kind, roles in (("app", callers), ("service", (self._roles.service_role,))):
            login, password = f"{self._prefix}{kind}", secrets.token_hex(12)
            statement = sql.SQL("create role {} login password {} in role {}").format(
                sql.Identifier(login),
                sql.Literal(password),
                sql.SQL(", ").join(map(sql.Identifier, roles)),
            )
            try:
                self._owner.execute(statement)
            except errors.UndefinedObject as error:
                raise SuiteError.not_taken(", ".join(roles), login) from error
            self._logins[login] = {"user": login, "password": password}


def apply(connection: Connection, mutant: Mutant) -> None:
    """Run what makes the fault, in the transaction that is open."""
    for statement in mutant.statements:
        connection.execute(statement.encode())
