"""What the server writes is brought into the words that all majors and hosts share."""

from __future__ import annotations

import pytest

from learnplan_db.catalog.deparsed import schema_of, unqualified

# As 15 writes the query of a view, and as 16 and later do.
PAIRS = {
    "one table": ("SELECT t.id FROM a.t;", "SELECT id FROM a.t;"),
    "an alias": ("SELECT x.id, x.* FROM a.t x;", "SELECT id, x.* FROM a.t x;"),
    "every clause": (
        "SELECT DISTINCT ON (t.a) t.b FROM ONLY a.t WHERE (t.a > 1) GROUP BY t.b"
        " HAVING (max(t.a) > 1) ORDER BY t.b LIMIT t.c FOR UPDATE OF t;",
        "SELECT DISTINCT ON (a) b FROM ONLY a.t WHERE (a > 1) GROUP BY b"
        " HAVING (max(a) > 1) ORDER BY b LIMIT c FOR UPDATE OF t;",
    ),
    "a sub-select": (
        "SELECT t.a, ( SELECT t.b FROM a.u WHERE (f(t.c) = u.c)) AS b FROM a.t;",
        "SELECT a, ( SELECT t.b FROM a.u WHERE (f(t.c) = u.c)) AS b FROM a.t;",
    ),
    "a source that is a query": (
        "SELECT s.x FROM ( SELECT t.a AS x FROM a.t) s;",
        "SELECT x FROM ( SELECT t.a AS x FROM a.t) s;",
    ),
    "names in texts": (
        "SELECT 't.a', E'\\\\ ''t.a', \"t.a\", t.\"t.a\" FROM a.t;",
        "SELECT 't.a', E'\\\\ ''t.a', \"t.a\", \"t.a\" FROM a.t;",
    ),
    "a table called as its schema": (
        "SELECT a.b, a.f(a.c), (a.d)::a.e FROM a.a;",
        "SELECT b, a.f(c), (d)::a.e FROM a.a;",
    ),
    "another word's end": ("SELECT t.a, r.t.a FROM t;", "SELECT a, r.t.a FROM t;"),
    "a sample": (
        "SELECT t.a FROM a.t TABLESAMPLE system (10);",
        "SELECT a FROM a.t TABLESAMPLE system (10);",
    ),
}
SAME = (
    "SELECT t.a, u.b FROM a.t, a.u;",
    "SELECT t.a FROM (a.t JOIN a.u USING (id));",
    "SELECT t.a FROM a.t JOIN a.u USING (id);",
    "SELECT t.a FROM a.t UNION ALL SELECT u.a FROM a.u;",
    "SELECT 1 AS one;",
    "SELECT t.a FROM a.t, LATERAL ( SELECT t.b) l;",
)


@pytest.mark.parametrize("name", PAIRS)
def test_columns_of_a_sole_source_are_not_qualified(name: str) -> None:
    """What 15 writes reads as what 16 writes, which stays as it is."""
    before, after = PAIRS[name]
    assert after == unqualified(before)
    assert after == unqualified(after)


@pytest.mark.parametrize("query", SAME)
def test_columns_of_several_sources_stay_qualified(query: str) -> None:
    """Every major qualifies them."""
    assert query == unqualified(query)


def test_names_of_extensions_lose_their_schema() -> None:
    """Only where the whole name is meant, and outside of longer ones."""
    names = ["public.citext", 'public."odd one"', '"Odd.Schema".f', "public.%"]
    pattern = schema_of(names)
    assert pattern
    written = (
        'public.citext, (public.citext), public.citext2, republic.citext, "public.citext",'
        ' a.public.citext, public."odd one", "Odd.Schema".f(x), a OPERATOR(public.%) b'
    )
    assert (
        'citext, (citext), public.citext2, republic.citext, "public.citext",'
        ' a.public.citext, "odd one", f(x), a OPERATOR(%) b'
    ) == pattern.sub("", written)
    assert schema_of([]) is None
