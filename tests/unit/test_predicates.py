"""Faults of one expression, made by a parser."""

from __future__ import annotations

import pytest

from learnplan_db.errors import MutationError
from learnplan_db.mutation.bodies import calls, expressions
from learnplan_db.mutation.predicates import Predicate

COLUMNS = {("s", "t"): {"id": "uuid", "owner": "uuid", "name": "text"}}


def predicate(text: str) -> Predicate:
    """Return a predicate of a policy on table s.t."""
    return Predicate(text, "policy p", columns=COLUMNS, home=("s", "t"))


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("a", {}),
        ("a AND b", {"a": "b", "b": "a"}),
        ("a OR (b AND c)", {"a": "(b AND c)", "b AND c": "a"}),
        ("a AND b AND c", {"a": "b AND c", "b": "a AND c", "c": "a AND b"}),
        ("NOT (a OR b)", {"a": "NOT (b)", "b": "NOT (a)"}),
        ("EXISTS(SELECT 1 FROM s.t WHERE c)", {"c": "EXISTS(SELECT 1 FROM s.t)"}),
        ("'x and y' = name", {}),
    ],
)
def test_losses(text: str, lost: dict[str, str]) -> None:
    """Each part of AND, OR and WHERE is lost once, and words in a string are no part."""
    found = {edit.label: edit.sql for edit in predicate(text).losses()}
    assert lost.items() <= found.items()
    if not lost:
        assert {} == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner = (SELECT me())", ['"id" = (SELECT me())']),
        ("(SELECT me()) = id", ['(SELECT me()) = "owner"']),
        ("f(owner, (SELECT me()))", ['f("id", (SELECT me()))']),
        ("name = 'x'", []),
        ("f(owner)", []),
        (
            "EXISTS(SELECT 1 FROM s.t AS p WHERE p.id = v_it)",
            ['EXISTS(SELECT 1 FROM s.t AS p WHERE p."owner" = v_it)'],
        ),
    ],
)
def test_swaps(text: str, expected: list[str]) -> None:
    """A column that says whose the row is becomes another one of its type."""
    assert expected == [edit.sql for edit in predicate(text).swaps()]


def test_unreadable_expression_is_named() -> None:
    """The error says of what the expression is, and has no traceback of the parser."""
    with pytest.raises(MutationError) as caught:
        predicate("a b c (")
    assert "policy p" == caught.value.where
    assert "\n" not in caught.value.message


BODY = """
declare
  v_claims jsonb := s.claims();
  v_words text := 'if x then return y;';
begin
  -- if a comment then it is no test
  if v_claims -> 'a' = '1' and b then
    return nullif(v_claims ->> 'sub', '');
  elsif c then
    return;
  end if;
  return exists (select from s.t where s.helper(id));
end
"""


def test_expressions_of_a_body() -> None:
    """What is tested, assigned and returned; neither strings nor comments mislead."""
    found = list(expressions(BODY, "plpgsql", "function f"))
    assert [
        "s.claims()",
        "'if x then return y;'",
        "v_claims -> 'a' = '1' and b",
        "nullif(v_claims ->> 'sub', '')",
        "c",
        "exists (select from s.t where s.helper(id))",
    ] == [one.text for one in found]
    assert BODY.replace("and b", "and not b") == found[2].replaced(
        BODY, found[2].text.replace("and b", "and not b")
    )


def test_body_in_sql_is_one_expression() -> None:
    """A function in SQL is its query."""
    (found,) = expressions("\n select 1;\n", "sql", "function f")
    assert "select 1" == found.text


def test_calls_of_a_body() -> None:
    """Functions that are named with their schema."""
    assert {("s", "claims"), ("s", "helper")} == calls(BODY, "function f")


def test_claims_are_misread() -> None:
    """Each key that is read becomes each other one, in the arguments of a call too."""
    one = predicate("f(v -> 'sub') = v ->> 'sub'")
    assert ["sub", "sub"] == list(one.claims())
    found = [edit.sql for edit in one.misread(["email", "sub"])]
    assert ["f(v -> 'sub') = v ->> 'email'", "f(v -> 'email') = v ->> 'sub'"] == sorted(
        found, reverse=True
    )
