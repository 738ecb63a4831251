"""
The pytest plugin for the suite of a host: options, fixtures, a marker, no more.

A database with the plan deployed is made when a test first asks for one, and gone when
the run is. May import pytest and the options at once, all else of testing inside of
fixtures and hooks only: a suite that has the package installed and does not use it pays
nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from learnplan_db.testing import options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

    import psycopg

    from learnplan_db.security.variables import Variables
    from learnplan_db.testing.addresses import Database
    from learnplan_db.testing.databases import Databases
    from learnplan_db.testing.personas import Personas
    from learnplan_db.testing.rows import Rows
    from learnplan_db.testing.servers import Source

    Connection = psycopg.Connection[Any]

DATABASES = pytest.StashKey["Databases"]()
_FIXTURES = frozenset({"learnplan_db", "learnplan_make_clone"})


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, in a group of their own."""
    options.add(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hook by which a host changes the list of mutants."""
    from learnplan_db.testing import hooks  # noqa: PLC0415 - as all below

    pluginmanager.add_hookspecs(hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; refuse options that do not go together."""
    config.addinivalue_line(
        "markers",
        "learnplan_policy: a test of who may do what, run by --learnplan-mutate.",
    )
    if config.getini("learnplan_roles"):
        _roles(config)
    if config.option.learnplan_mutate:
        _configure_mutants(config)
        return
    for name in ("kind", "name", "min", "json"):
        if getattr(config.option, f"learnplan_mutate_{name}") not in (None, []):
            from learnplan_db.errors import SuiteError  # noqa: PLC0415

            option = f"--learnplan-mutate-{name}"
            raise pytest.UsageError(str(SuiteError.mutate_first(option)))


def _configure_mutants(config: pytest.Config) -> None:
    from learnplan_db.errors import SuiteError  # noqa: PLC0415
    from learnplan_db.testing.mutation import Mutator  # noqa: PLC0415

    option = config.option
    if options.distributed(config):
        error = SuiteError.not_with_mutants("-n", "add -n 0: it takes one process")
        raise pytest.UsageError(str(error))
    if option.usepdb:
        error = SuiteError.not_with_mutants("--pdb", "each killed mutant would stop it")
        raise pytest.UsageError(str(error))
    path = option.learnplan_mutate_json
    if path and not Path(path).absolute().parent.is_dir():
        raise pytest.UsageError(str(SuiteError.no_folder(path)))
    if option.learnplan_mutate_min is None:
        try:
            said = options.percentage(config.getini("learnplan_mutate_min") or "100")
        except ValueError as error:
            raise pytest.UsageError(f"learnplan_mutate_min: {error}") from None
        option.learnplan_mutate_min = said
    found = lambda: config.stash.get(DATABASES, None)  # noqa: E731
    config.pluginmanager.register(
        Mutator(config, _roles(config), found), "learnplan_db.mutation"
    )


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which PostgreSQL is named, where workers collect and nobody sees it."""
    if not options.distributed(config) or not options.named(config)[0]:
        return None
    return f"learnplan: {_source(config).describe()}"


def pytest_report_collectionfinish(
    config: pytest.Config, items: list[pytest.Item]
) -> str | None:
    """Say which PostgreSQL it will be, if a test asks for one."""
    if hasattr(config, "workerinput"):
        return None
    if not any(_FIXTURES & set(getattr(i, "fixturenames", ())) for i in items):
        return None
    return f"learnplan: {_source(config).describe()}"


def _source(config: pytest.Config) -> Source:
    from learnplan_db.testing.servers import Source  # noqa: PLC0415

    return Source(*options.named(config), image=options.image(config))


def _roles(config: pytest.Config) -> Variables:
    from learnplan_db.errors import RenderError  # noqa: PLC0415
    from learnplan_db.security.variables import Variables  # noqa: PLC0415

    try:
        return Variables.from_settings(config.getini("learnplan_roles"))
    except RenderError as error:
        raise pytest.UsageError(f"ini learnplan_roles: {error}") from error


@contextmanager
def _told() -> Iterator[None]:
    """Show what a person can mend without a traceback through the plugin."""
    from learnplan_db.errors import LearnplanError  # noqa: PLC0415

    problem = None
    try:
        yield
    except LearnplanError as error:
        problem = str(error)
    if problem is not None:
        raise pytest.fail.Exception(problem, pytrace=False) from None


@pytest.fixture(scope="session")
def learnplan_deploy() -> Callable[[str], object]:
    """
    Return what fills an empty database: the packaged plan.

    Override it in the conftest.py of the root to run your own migrations too.
    """

    def deploy(conninfo: str) -> None:
        from learnplan_db.engine import runner, session, state  # noqa: PLC0415
        from learnplan_db.settings import config  # noqa: PLC0415

        with session.connect(conninfo) as connection:
            runner.deploy(connection, state.load(config.project_root(None)))

    return deploy


@pytest.fixture(scope="session")
def _learnplan_databases(
    pytestconfig: pytest.Config, learnplan_deploy: Callable[[str], object]
) -> Databases:
    """Return the databases of this process, which end with it, not with the fixture."""
    from learnplan_db.errors import SuiteError  # noqa: PLC0415
    from learnplan_db.testing.databases import Databases  # noqa: PLC0415

    with _told():
        if (databases := pytestconfig.stash.get(DATABASES, None)) is None:
            source = _source(pytestconfig)
            template = pytestconfig.getini("learnplan_template") or None
            if template and source.begins_empty:
                raise SuiteError.template_needs_server(template)
            databases = Databases(source, _roles(pytestconfig), template)
            pytestconfig.stash[DATABASES] = databases
            pytestconfig.add_cleanup(databases.close)
        databases.prepare(learnplan_deploy)
    return databases


@pytest.fixture(scope="session")
def learnplan_make_clone(
    _learnplan_databases: Databases,
) -> Callable[[], AbstractContextManager[Database]]:
    """Return the maker of clones, for fixtures of a wider scope; a ``with`` block."""
    return _learnplan_databases.clone


@pytest.fixture
def learnplan_clone(
    learnplan_make_clone: Callable[[], AbstractContextManager[Database]],
) -> Iterator[Database]:
    """Provide a database with the plan that is the test's alone: for what commits."""
    with learnplan_make_clone() as database:
        yield database


@pytest.fixture
def learnplan_db(_learnplan_databases: Databases) -> Iterator[Connection]:
    """Provide a connection in a transaction that is always rolled back."""
    with _told(), _learnplan_databases.transaction() as connection:
        yield connection


@pytest.fixture
def _learnplan_personas(
    learnplan_db: Connection, pytestconfig: pytest.Config
) -> Personas:
    from learnplan_db.testing.personas import Personas  # noqa: PLC0415

    return Personas(learnplan_db, _roles(pytestconfig))


@pytest.fixture
def as_user(_learnplan_personas: Personas) -> Callable[..., Any]:
    """Return a block that acts as a signed-in user, who is named."""
    return _learnplan_personas.as_user


@pytest.fixture
def as_anonymous(_learnplan_personas: Personas) -> Callable[[], Any]:
    """Return a block that acts as a caller who did not sign in."""
    return _learnplan_personas.as_anonymous


@pytest.fixture
def as_service(_learnplan_personas: Personas) -> Callable[[], Any]:
    """Return a block that acts as the system."""
    return _learnplan_personas.as_service


@pytest.fixture
def learnplan_rows(learnplan_db: Connection, pytestconfig: pytest.Config) -> Rows:
    """Return the maker of rows: make_user, make_plan, make_module, make_task, ..."""
    from learnplan_db.testing.rows import Rows  # noqa: PLC0415

    return Rows(learnplan_db, _roles(pytestconfig))


@pytest.fixture
def assert_policy_matrix(
    learnplan_db: Connection, pytestconfig: pytest.Config
) -> Callable[..., None]:
    """Return what runs the access matrix, and fails with all that it found."""

    def check(
        connection: Connection | None = None, tables: Iterable[str] | None = None
    ) -> None:
        from learnplan_db.proof.prover import prove  # noqa: PLC0415

        roles = _roles(pytestconfig)
        with _told():
            proof = prove(
                connection or learnplan_db, tables=tables or (), variables=roles
            )
        if proof.findings or not all(one.agreed for one in proof.results):
            from learnplan_db.evidence.formats import as_text  # noqa: PLC0415

            pytest.fail(as_text(proof), pytrace=False)

    return check
