"""The statements that cannot run in a transaction, read as far as matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnplan_db.psql.concurrent import Build, Drop, Rebuild, Value, read


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (
            "create unique index concurrently x on t (i);",
            Build(unique=True, lenient=False, name="x", table="t", rest=" (i);"),
        ),
        (
            'CREATE INDEX /* ; */ CONCURRENTLY if not exists "X y" on only s."t" using\n'
            " gin (a) where b",
            Build(*(False, True, '"X y"', 's."t"'), " using\n gin (a) where b"),
        ),
        (
            'create index concurrently "X""y" on "s""1".t (i)',
            Build(False, False, '"X""y"', '"s""1".t', " (i)"),  # noqa: FBT003
        ),
        ("drop index concurrently s.x;", Drop(lenient=False, name="s.x")),
        ("drop index concurrently if exists x", Drop(lenient=True, name="x")),
        ("reindex index concurrently s.x;", Rebuild("s.x")),
        ("reindex (verbose, concurrently) table t;", Rebuild("t")),
        ("reindex (concurrently, tablespace x) index i", Rebuild("i")),
        ("reindex schema concurrently s;", Rebuild("")),
        ("alter type t add value 'a;b' before 'c';", Value(False, "t", "'a;b'")),  # noqa: FBT003
        ("alter type s.t add value if not exists E'a'", Value(True, "s.t", "E'a'")),  # noqa: FBT003
    ],
)
def test_statement_is_known(text: str, known: object) -> None:
    """Names and values are as they are written; comments are none of it."""
    assert known == read(text)


@pytest.mark.parametrize(
    "text",
    [
        *("create index x on t (concurrently);", "create table concurrently (value i)"),
        *("create index concurrently on t (i);", "drop index x; -- concurrently"),
        *(
            "reindex table t; /* concurrently */",
            "alter type t rename value 'a' to 'b'",
        ),
        "create index concurrently x on t (i); drop index concurrently y;",
    ],
)
def test_other_statement_is_not(text: str) -> None:
    """What has no name of its own, or only looks like it, runs as it stands."""
    assert None is read(text)


WORDS = (
    *("create", "unique", "index", "concurrently", "if", "not", "exists", "x", "on"),
    *("only", "(", ")", ",", ".", ";", "drop", "reindex", "table", "alter", "type"),
    *("add", "value", "'v'", '"q"', "/*", "--", "'", "$$"),
)


@given(st.lists(st.sampled_from(WORDS), max_size=14))
def test_any_words_have_an_answer(words: list[str]) -> None:
    """Nothing makes it fail or go on for ever."""
    read(" ".join(words))
