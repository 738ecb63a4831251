"""
Faults of functions: whose rights they run with, and what they answer.

Those that policies ask, and those that these ask in turn, are damaged in their bodies
too: each test, each comparison, each claim. May import bodies, faults,
predicates and surface; never runs a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from learnplan_db.mutation.bodies import calls, constant, expressions
from learnplan_db.mutation.faults import as_owner, fault
from learnplan_db.mutation.predicates import Predicate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from learnplan_db.mutation.bodies import Expression
    from learnplan_db.mutation.predicates import Edit
    from learnplan_db.mutation.surface import Surface
    from learnplan_db.proof.nouns import Mutant

LANGUAGES = ("plpgsql", "sql")
STABLE = "s"


def function_faults(surface: Surface) -> Iterator[Mutant]:
    """Yield what can be wrong with each function."""
    asked = _asked(surface)
    known = sorted({key for one in asked for key in _claims(surface, one)})
    for function in surface.functions:
        yield from _attributes(surface, function)
        if function.returns == "trigger" and function.language == "plpgsql":
            body = constant("plpgsql", "new")
            what = "returns new at once"
            if body != function.body:
                yield _replaced(surface, function, "trigger-empty", what, body)
        if function in asked:
            yield from _constants(surface, function)
            yield from _answers(surface, function, known)


def replaced(function: Any, body: str) -> str:
    """Return the statement that gives a function another body and no more."""
    head, _, tail = function.definition.rpartition(function.body)
    return str(head + body + tail)


def _asked(surface: Surface) -> list[Any]:
    """Return the functions whose answers decide, in the order of the catalog."""
    ours = [f for f in surface.functions if f.language in LANGUAGES and f.body]
    found = [f for f in ours if f.asked]
    for function in found:  # grows while it is read
        named = calls(function.body, function.sql)
        more = [f for f in ours if (f.schema, f.name) in named and f not in found]
        found.extend(more)
    return [f for f in ours if f in found]


def _attributes(surface: Surface, function: Any) -> Iterator[Mutant]:
    alter = f"alter function {function.sql}"

    def made(kind: str, what: str, rest: str) -> Mutant:
        statements = as_owner(surface, function.owner, f"{alter} {rest}")
        return _fault(kind, function, what, *statements)

    if function.definer:
        yield made("function-definer", "security invoker", "security invoker")
    else:
        yield made("function-definer", "security definer", "security definer")
    if function.pinned:
        yield made("function-path", "search_path not pinned", "reset search_path")
    if function.volatility == STABLE:
        for word in ("immutable", "volatile"):
            yield made("function-volatility", word, word)


def _constants(surface: Surface, function: Any) -> Iterator[Mutant]:
    values = ("true", "false") if function.returns == "boolean" else ("null",)
    for value in values:
        body, what = constant(function.language, value), f"returns {value} at once"
        if body != function.body:
            yield _replaced(surface, function, "function-constant", what, body)


def _answers(surface: Surface, function: Any, known: list[str]) -> Iterator[Mutant]:
    for place, predicate in _predicates(surface, function):
        for edit in predicate.losses():
            yield _edited(surface, function, place, edit, f"without {edit.label}")
        for edit in predicate.swaps():
            yield _edited(surface, function, place, edit, f"with {edit.label}")
        for edit in predicate.flips():
            yield _edited(surface, function, place, edit, f"but not {edit.label}")
        for edit in predicate.misread(known):
            yield _edited(surface, function, place, edit, f"reads {edit.label}")


def _predicates(
    surface: Surface, function: Any
) -> Iterator[tuple[Expression, Predicate]]:
    """Yield the expressions of a body that the parser knows."""
    for place in expressions(function.body, function.language, function.sql):
        yield (
            place,
            Predicate(place.text, function.sql, columns=surface.columns),
        )


def _claims(surface: Surface, function: Any) -> Iterator[str]:
    for _, predicate in _predicates(surface, function):
        yield from predicate.claims()


def _edited(
    surface: Surface, function: Any, place: Expression, edit: Edit, what: str
) -> Mutant:
    body = place.replaced(function.body, edit.sql)
    return _replaced(surface, function, f"function-{edit.what}", what, body)


def _replaced(
    surface: Surface, function: Any, kind: str, what: str, body: str
) -> Mutant:
    statements = as_owner(surface, function.owner, replaced(function, body))
    return _fault(kind, function, what, *statements)


def _fault(kind: str, function: Any, what: str, *statements: str) -> Mutant:
    told = f"function {function.sql} {what}"
    return fault(kind, function.name, told, *statements)
