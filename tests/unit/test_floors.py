"""Modules import only lower floors, never their own; one module prints."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parents[2] / "src" / "learnplan_db"
FLOORS = (
    {"errors", "model"},
    {"plan", "grammar", "scripts", "config", "lexer", "binaries", "processes"},
    {"script", "registry", "personas", "embedded", "session"},
    {"execution", "state", "inverse", "access", "demo"},
    {"runner", "render"},
    {"report"},
    {"cli"},
    {"__main__", "__init__"},
)
WITHIN_FLOOR = {("plan", "grammar")}  # one job in two files: the grammar is split off
FILES = {path.stem: [path] for path in SOURCE.glob("*.py")} | {
    path.parent.name: sorted(path.parent.glob("*.py"))
    for path in SOURCE.glob("*/__init__.py")
}
MODULES = sorted(FILES)


def nodes(module: str) -> Iterator[ast.AST]:
    """Yield all that a module, or a package of one job, is made of."""
    for path in FILES[module]:
        yield from ast.walk(ast.parse(path.read_text()))


def imported(module: str) -> set[str]:
    """Return the package's modules that a module imports, lazily or for types too."""
    found: set[str] = set()
    for node in nodes(module):
        if isinstance(node, ast.ImportFrom) and node.module:
            package, _, name = node.module.partition(".")
            if package == "learnplan_db":
                names = {alias.name for alias in node.names}
                found |= {name.split(".")[0]} if name else names & set(MODULES)
        elif isinstance(node, ast.Import):
            found |= {
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("learnplan_db.")
            }
    return found


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


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"cli"}))
def test_module_never_prints(module: str) -> None:
    """Only the command line prints, exits or reads its arguments (style, 2)."""
    names = {node.id for node in nodes(module) if isinstance(node, ast.Name)}
    dotted = {ast.unparse(n) for n in nodes(module) if isinstance(n, ast.Attribute)}
    assert set() == names & {"print", "exit", "quit"}
    assert set() == dotted & {"sys.argv", "sys.exit", "click.echo"}


def test_floors_name_existing_modules() -> None:
    """A module that is gone leaves the table too."""
    assert set() == set().union(*FLOORS) - set(MODULES)
