"""Modules import only lower floors, never their own; one module prints."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2] / "src" / "learnplan_db"
# A line a floor, the lowest first; an indented line goes on with the one above.
TABLE = """
catalog.alteration catalog.deparsed catalog.losses catalog.objects engine.watch errors
  evidence.legal ext.async_kinds health.nouns model pictures.model plans.shapes
  proof.nouns proof.places proof.trimmings psql.variables psql.wire settings.uri
  terminal testing.addresses testing.options
api.results catalog.fingerprint catalog.names catalog.ownership catalog.reading
  engine.git engine.locks engine.progress engine.rows evidence.terms export.files
  ext.alembic ext.engines mutation.equivalents mutation.predicates pictures.mermaid
  pictures.words plans.grammar plans.objects plans.scripts plans.templates
  plans.writing proof.constraints proof.grid proof.pipe proof.questions proof.rights
  proof.situations proof.statements proof.worlds psql.copying psql.lexer
  reports.colors reports.dates reports.history reports.layouts reports.planned
  security.becoming security.variables server.binaries server.processes
  settings.gitconfig settings.listing testing.containers testing.hooks testing.scores
  testing.sessions
catalog.difference catalog.edges catalog.rights commands.events commands.summary
  engine.registration evidence.picture evidence.text ext.sqlalchemy mutation.bodies
  mutation.surface pictures.graphviz pictures.reference pictures.source plans.layout
  plans.plan proof.looks proof.matrix proof.questions_accessors
  proof.questions_identity proof.questions_rules proof.reference proof.sample
  proof.target proof.trial psql.client psql.concurrent psql.draft psql.ends psql.meta
  psql.splitter reports.formats reports.standing security.personas server.embedded
  settings.configuration settings.gitedit testing.personas
catalog.order catalog.wording commands.tables engine.registry engine.resumption
  evidence.formats evidence.page export.span mutation.faults pictures.page
  pictures.tables plans.editor plans.planfile plans.reading proof.callers
  proof.figures proof.leftovers proof.random_worlds psql.failure psql.files
  server.demo settings.identity testing.rows
api.recording catalog.making commands.progress mutation.faults_functions
  mutation.faults_grants mutation.faults_policies mutation.faults_tables
  pictures.reading plans.authoring plans.bundle proof.effects proof.onlooker
  psql.frame psql.scan settings.config
catalog.columns engine.session mutation.controls mutation.mutants proof.search
  psql.script settings.targets testing.servers
api.lending catalog.altering commands.arguments engine.lost engine.onlooker
  engine.state proof.findings psql.guard psql.removals security.inverse seeding.world
  settings.editing testing.databases
api.sources catalog.careful commands.candidates engine.census engine.dependencies
  engine.pending health.patient proof.gallery proof.planned proof.prover psql.stage
  security.render settings.endpoints settings.initial testing.mutation
catalog.repair catalog.script commands.options engine.losses export.reading
  health.activity health.connecting health.deployed health.people health.rights
  health.settings mutation.scoring proof.reading psql.player
commands.completion commands.config commands.settings commands.showing
  commands.versions health.guards psql.flight
cli commands.catalog commands.reports commands.seeding engine.execution export.transit
  health.examination
commands.doctor commands.drawing engine.tenure export.hosts start
__main__ commands.exporting engine.work export.offline
api.questions commands.planned engine.recovery engine.verification
commands.texts engine.deployment
commands.authoring commands.files engine.runner
api.scripts catalog.scratch commands.job commands.own pytest_plugin
aio catalog.drift commands.checking commands.proving commands.rehearsing
__init__ catalog.telling commands.database
commands.drifting
"""
FLOORS = [set(line.split()) for line in TABLE.replace("\n  ", " ").strip().split("\n")]
# One job in two files: the grammar is split off.
WITHIN_FLOOR = {("plans.plan", "plans.grammar")}
PACKAGES = ("errors",)  # one job in several files: they may import each other


def named(path: Path) -> str:
    """Return what a file is called in the table: its package with it, if it has one."""
    parts = path.relative_to(SOURCE).with_suffix("").parts
    if parts[0] in PACKAGES:
        return parts[0]
    return ".".join(parts).removesuffix(".__init__")


FILES: dict[str, list[Path]] = {}
for file in sorted(SOURCE.rglob("*.py")):
    FILES.setdefault(named(file), []).append(file)
HEADS = {f.parent.name for f in SOURCE.glob("*/__init__.py")}  # no more than a title
MODULES = sorted(set(FILES) - HEADS | set(PACKAGES))


def nodes(module: str) -> Iterator[ast.AST]:
    """Yield all that a module is made of."""
    for path in FILES[module]:
        yield from ast.walk(ast.parse(path.read_text()))


def imported(module: str) -> set[str]:
    """Return the package's modules that a module imports, lazily or for types too."""
    found: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            root, _, name = node.module.partition(".")
            if root != "learnplan_db":
                continue
            if name.split(".")[0] in PACKAGES:
                found.add(name.split(".")[0])
            elif name in MODULES:
                found.add(name)
            else:
                found |= {f"{name}.{alias.name}".strip(".") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.removeprefix("learnplan_db.")
                for alias in node.names
                if alias.name.startswith("learnplan_db.")
            }
    return found & set(MODULES)


def floor(module: str) -> int:
    """Return the number of the floor that a module is on."""
    return next(n for n, modules in enumerate(FLOORS) if module in modules)


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_only_lower_floors(module: str) -> None:
    """A module imports only lower floors, never its own (style, 2)."""
    wrong = {
        name
        for name in imported(module)
        if name != module
        and floor(name) >= floor(module)
        and (module, name) not in WITHIN_FLOOR
    }
    assert set() == wrong


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"terminal"}))
def test_module_never_prints(module: str) -> None:
    """Only the command line prints, exits or reads its arguments (style, 2)."""
    names = {node.id for node in nodes(module) if isinstance(node, ast.Name)}
    dotted = {ast.unparse(n) for n in nodes(module) if isinstance(n, ast.Attribute)}
    assert set() == names & {"print", "exit", "quit"}
    leaves = set() if module.startswith("commands.") else {"sys.exit"}
    assert set() == dotted & ({"sys.argv", "click.echo"} | leaves)


def test_floors_name_existing_modules() -> None:
    """A module that is gone leaves the table too."""
    assert set() == set().union(*FLOORS) - set(MODULES)


def test_no_two_fixtures_share_a_name() -> None:
    """A fixture of a plugin module is found by its name alone: the later one would win."""
    found: dict[str, list[str]] = {}
    for path in sorted(Path(__file__).parents[1].glob("fix_*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                "fixture" in ast.unparse(one) for one in node.decorator_list
            ):
                found.setdefault(node.name, []).append(path.name)
    assert {} == {name: files for name, files in found.items() if len(files) > 1}
