"""
What can be wrong in one SQL expression, as the expression with that one fault.

A real parser does it, never the text: the parts of a conjunction, the column that is
compared with who is asking, the claim that is read. Needs sqlglot, of the extra
"proof"; may import errors; knows no table by name, holds no connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from learnplan_db.errors import MutationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Columns = Mapping[tuple[str, str], Mapping[str, str]]

FLIPPED = {"EQ": "NEQ", "NEQ": "EQ"}


@dataclass(frozen=True, slots=True)
class Edit:
    """One fault: ``what`` sort it is, ``label`` which, and the whole expression."""

    what: str
    label: str
    sql: str


def parser() -> Any:
    """
    Return sqlglot.

    Raises: MutationError: it is not installed.
    """
    try:
        import sqlglot  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise MutationError.no_parser() from missing
    return sqlglot


class Predicate:
    """
    A parsed expression, and its faulty relatives.

    Args: text: as the server or a function body has it; where: what to call it in an
        error; columns: by schema and table, name to type; home: the table whose
        columns need no qualifier, if there is one.
    """

    def __init__(
        self,
        text: str,
        where: str,
        *,
        columns: Columns,
        home: tuple[str, str] | None = None,
    ) -> None:
        self.exp = parser().exp
        try:
            tree = parser().parse_one(text, dialect="postgres")
        except parser().errors.SqlglotError as error:
            problem = str(error).split("\n", 1)[0]
            raise MutationError.unreadable(where, problem) from error
        # A root can be replaced only while it has a parent.
        self.tree = self.exp.Paren(this=tree)
        self.nodes = list(self.tree.walk())
        self.columns = columns
        self.home = home

    def text(self) -> str:
        """Return the expression as the parser writes it."""
        return self._written(self.tree.this)

    def losses(self) -> Iterator[Edit]:
        """Yield the expression without each part of its conjunctions, and so on."""
        exp = self.exp
        for at, node in enumerate(self.nodes):
            if isinstance(node, exp.And | exp.Or):
                what = "conjunct" if isinstance(node, exp.And) else "disjunct"
                for lost, kept in (("this", "expression"), ("expression", "this")):
                    operand = node.args[lost]
                    if isinstance(operand.unnest(), type(node)):
                        continue  # its own parts are lost one by one
                    yield Edit(what, self._label(operand), self._kept(at, kept))
            elif isinstance(node, exp.Where) and not isinstance(
                node.this.unnest(), exp.And | exp.Or
            ):
                label = self._label(node.this)
                yield Edit("conjunct", label, self._changed(at, lambda it: it.pop()))

    def swaps(self) -> Iterator[Edit]:
        """Yield the expression with another column where one says whose a row is."""
        for at, node in enumerate(self.nodes):
            if not isinstance(node, self.exp.Column) or not self._tells(node):
                continue
            table = self._table(node)
            types = self.columns.get(table, {}) if table else {}
            for name, kind in types.items():
                if name == node.name or kind != types.get(node.name):
                    continue
                column = self.exp.to_identifier(name, quoted=True)
                sql = self._changed(at, _setting("this", column))
                yield Edit("column", f"{self._label(node)} as {name}", sql)

    def flips(self) -> Iterator[Edit]:
        """Yield the expression with each comparison of a column turned round."""
        for at, node in enumerate(self.nodes):
            turned = FLIPPED.get(type(node).__name__)
            if turned and any(map(self._column, (node.this, node.expression))):
                into = getattr(self.exp, turned)
                sql = self._changed(at, _into(into))
                yield Edit("comparison", self._label(node), sql)

    def claims(self) -> Iterator[str]:
        """Yield the keys that are read from JSON."""
        for _, key in self._keys():
            yield str(key.this)

    def misread(self, known: Iterable[str]) -> Iterator[Edit]:
        """Yield the expression with another of the known keys read from JSON."""
        for at, key in self._keys():
            for other in known:
                if other != key.this:
                    sql = self._changed(at, _setting("this", other))
                    yield Edit("claim", f"{key.this} as {other}", sql)

    def mirrors(self) -> Iterator[Edit]:
        """Yield the expression with the sides of each = or AND changed over."""
        for at, node in enumerate(self.nodes):
            if isinstance(node, self.exp.EQ | self.exp.And):
                what = "operands" if isinstance(node, self.exp.EQ) else "conjuncts"
                yield Edit(what, self._label(node), self._changed(at, _mirror))

    def lists(self) -> Iterator[Edit]:
        """Yield the expression with IN in place of each = with a constant."""
        for at, node in enumerate(self.nodes):
            if isinstance(node, self.exp.EQ) and self._constant(node.expression):
                sql = self._changed(at, self._listed)
                yield Edit("list", self._label(node), sql)

    def allowed(self, name: str) -> list[str]:
        """Return the constants that a check ``column = ANY (ARRAY[...])`` allows."""
        return [
            item.unnest().find(self.exp.Literal).name
            for node in self.nodes
            if isinstance(node, self.exp.EQ)
            and node.this.unnest().name == name
            and isinstance(node.expression, self.exp.Any)
            for array in node.expression.find_all(self.exp.Array)
            for item in array.expressions
        ]

    def _changed(self, at: int, change: Callable[[Any], object]) -> str:
        tree = self.tree.copy()
        change(list(tree.walk())[at])
        return self._written(tree.this)

    def _kept(self, at: int, side: str) -> str:
        return self._changed(at, lambda it: it.replace(it.args[side].copy()))

    def _written(self, node: Any) -> str:
        return str(node.sql(dialect="postgres", normalize_functions=False))

    def _label(self, node: Any) -> str:
        """Return a part short enough for a name: as a person would write it."""
        exp, shown = self.exp, self.exp.Paren(this=node.unnest().copy())
        for cast in list(shown.find_all(exp.Cast)):
            if isinstance(cast.this, exp.Literal):
                cast.replace(cast.this)
        for query in list(shown.find_all(exp.Subquery)):
            if query.this.args.get("from_") is None and len(query.this.selects) == 1:
                query.replace(query.this.selects[0].unalias())
        return " ".join(self._written(shown.this).split())

    def _listed(self, node: Any) -> None:
        # Of one item the server makes an = again.
        items = [node.expression, node.expression.copy()]
        node.replace(self.exp.In(this=node.this, expressions=items))

    def _constant(self, node: Any) -> bool:
        inner = node.unnest()
        while isinstance(inner, self.exp.Cast):
            inner = inner.this.unnest()
        return isinstance(inner, self.exp.Literal)

    def _column(self, node: Any) -> bool:
        return isinstance(node.unnest(), self.exp.Column) and bool(
            self._table(node.unnest())
        )

    def _keys(self) -> Iterator[tuple[int, Any]]:
        for at, node in enumerate(self.nodes):
            # In the arguments of a call the parser takes -> for that of a lambda.
            argument = isinstance(node.parent, self.exp.Lambda) and (
                isinstance(node, self.exp.Literal) and node.is_string
            )
            if argument or isinstance(node, self.exp.JSONPathKey):
                yield at, node

    def _tells(self, column: Any) -> bool:
        """Tell whether a column is what is compared, handed over, or answered."""
        exp, parent = self.exp, column.parent
        while isinstance(parent, exp.Paren):
            parent = parent.parent
        if isinstance(parent, exp.EQ):
            return not any(map(self._constant, (parent.this, parent.expression)))
        if isinstance(parent, exp.Anonymous):
            return any(isinstance(a, exp.Subquery) for a in parent.expressions)
        return isinstance(parent, exp.Select) and parent.args.get("from_") is not None

    def _table(self, column: Any) -> tuple[str, str] | None:
        """Return the schema and table that a column is of, or None for a variable."""
        query = column.find_ancestor(self.exp.Select)
        while query is not None:
            for table in _sources(query):
                key = (table.db, table.name)
                called = column.table or table.alias_or_name
                if called == table.alias_or_name and column.name in self.columns.get(
                    key, {}
                ):
                    return key
            query = query.find_ancestor(self.exp.Select)
        if self.home and column.table in ("", self.home[1]):
            return self.home
        return None


def _sources(query: Any) -> Iterator[Any]:
    found = [query.args.get("from_") or query.args.get("from")]
    for source in found + list(query.args.get("joins") or ()):
        if source is not None and type(source.this).__name__ == "Table":
            yield source.this


def _setting(name: str, value: Any) -> Callable[[Any], None]:
    def change(node: Any) -> None:
        node.set(name, value)

    return change


def _into(kind: Any) -> Callable[[Any], None]:
    def change(node: Any) -> None:
        node.replace(kind(this=node.this.copy(), expression=node.expression.copy()))

    return change


def _mirror(node: Any) -> None:
    left, right = node.this.copy(), node.expression.copy()
    node.set("this", right)
    node.set("expression", left)
