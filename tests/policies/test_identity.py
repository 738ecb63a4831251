"""Who is asking: the claims, the subject, the verified address, the user."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from fix_personas import World

ME = "select learnplan.current_user_id()"


@pytest.mark.parametrize(
    "claims",
    [
        "",
        "{}",
        '{"sub": null}',
        '{"sub": 7}',
        '{"sub": ["ann"]}',
        '{"sub": {"a": "ann"}}',
        '{"sub": ""}',
        '{"sub": "nobody"}',
        '{"sub": "nobody", "user_id": null}',
        '{"role": "service_role", "email": "ann@example.org"}',
    ],
)
def test_nobody_is_null(world: World, claims: str) -> None:
    """No claims, an empty string, no subject, an unknown one: null (threat 23)."""
    world.user("ann")
    with world.as_claims(claims):
        assert world.one(ME) is None
        assert world.one("select current_user::text") == "authenticated"


def test_an_empty_subject_is_nobody_though_a_user_had_it(world: World) -> None:
    """A token without a subject is never somebody's (threat 23)."""
    world.user("")
    with world.as_claims({"sub": ""}):
        assert world.one(ME) is None


def test_nobody_is_null_when_the_setting_was_never_made(world: World) -> None:
    """A session that never heard of the setting has no identity."""
    assert world.one(ME) is None


def test_user_is_found_by_subject(world: World) -> None:
    """users.id whose clerk_user_id equals sub (design, 5)."""
    ann = world.user("ann")
    world.user("ben")
    with world.as_user("ann"):
        assert world.one(ME) == ann


def test_claim_user_id_wins_over_subject(world: World) -> None:
    """The claim user_id when present (design, 5)."""
    world.user("ann")
    wanted = uuid.uuid4()
    with world.as_claims({"sub": "ann", "user_id": str(wanted).upper()}):
        assert world.one(ME) == wanted


@pytest.mark.parametrize(
    "claims",
    [
        "secret-token",
        '{"sub": "secret-token"',
        '{"sub": secret-token}',
        '{"sub": "secret-token",}',
        "{'sub': 'secret-token'}",
        '["secret-token"]',
        '"secret-token"',
        "7",
        "null",
        "true",
        " ",
        '{"sub": "secret-token\\u0000"}',
        '{"sub": "secret-token\\ud800"}',
        '{"a": 1 2, "b": "secret-token"}',
        '{"a": 01}',
        # Nearly what current_user_id() reads itself.
        '{"sub": "secret-token", ',
        '{"sub": "secret-token"}}',
        '{"sub": "secret-token"} }',
        '{"sub": "secret-token" "a": 1}',
        '{"sub": "secret-token", , "a": 1}',
        '{"sub": "secret-token", "a": [1, ]}',
        '{"sub": "secret-token", "a": [1 2]}',
        '{"sub": "secret-token", "a": -}',
        '{"sub": "secret-token", "a": nul}',
        '{"sub": "secret-token", 1: 1}',
        '{"sub": "secret\t-token"}',
        '{"user_id": "secret-token"}',
        '{"user_id": ""}',
        '{"user_id": "------------------------------------"}',
        '{"user_id": "0000000--0000-0000-0000-000000000000"}',
        '{"user_id": "00000000-0000-0000-0000-00000000000g"}',
        '{"user_id": "00000000-0000-0000-0000-0000000000000"}',
        '{"user_id": "{0000000-0000-0000-0000-0000000000000}"}',
        '{"user_id": "00000000000000000000000000000000"}',
        '{"user_id": "00000000-0000-0000-0000-00000000000\\n"}',
        '{"user_id": 7}',
        '{"user_id": {"secret-token": 1}}',
    ],
)
def test_malformed_claims_are_an_error_that_leaks_nothing(
    world: World, claims: str
) -> None:
    """Malformed claims name the setting and leak nothing (threats 22, 24)."""
    with world.as_claims(claims), pytest.raises(psycopg.Error) as caught:  # noqa: SIM117 - the inner one rolls back
        with world.connection.transaction():
            world.one(ME)
    diagnosis = caught.value.diag
    assert diagnosis.sqlstate == "LPCLM"
    assert '"request.jwt.claims"' in str(diagnosis.message_primary)
    told = (diagnosis.message_detail, diagnosis.message_hint, diagnosis.context)
    assert "secret-token" not in f"{diagnosis.message_primary} {told}"


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "ann", "o": {"id": "org", "r": ["a", {"b": [1, -2.5e3, None]}]}},
        {"sub": "ann", "text": 'quote " backslash \\ ü 😀 } ] { ['},
        {"sub": "ann", "empty": [{}, [], ""]},
        {
            "sub": "ann",
            "exp": 1764118800,
            "fva": [0, -1],
            "v": 0,
            "x": None,
            "y": False,
        },
        {"sub": "ann", "a": -0.0, "b": 1e5, "": "", "c": "} ] , :"},
    ],
)
def test_nested_claims_are_read(world: World, claims: dict[str, object]) -> None:
    """Any JSON object may be the claims, on each supported version."""
    ann = world.user("ann")
    for text in (
        json.dumps(claims),
        json.dumps(claims, separators=(",", ":")),
        json.dumps(claims, indent=2, ensure_ascii=False),
    ):
        with world.as_claims(text):
            assert world.one(ME) == ann


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@x.org", "email_verified": True}, "a@x.org"),
        ({"email": "a@x.org", "email_verified": "true"}, None),
        ({"email": "a@x.org", "email_verified": False}, None),
        ({"email": "a@x.org"}, None),
        ({"email": 7, "email_verified": True}, None),
        ({"email": "", "email_verified": True}, None),
    ],
)
def test_only_a_verified_address_counts(
    world: World, claims: dict[str, object], email: str | None
) -> None:
    """Email must come from a verified identity (table 1, insert; threat 35)."""
    with world.as_claims(claims):
        assert world.one("select learnplan.current_verified_email()") == email


def test_prepared_statement_follows_the_identity(world: World) -> None:
    """A plan cached under one identity must not serve another."""
    ann, ben = world.user("ann"), world.user("ben")
    world.plan(ann)
    world.plan(ben)
    world.connection.execute("set local plan_cache_mode = force_generic_plan")
    world.connection.execute(
        "prepare mine as select user_id from learnplan.learning_plans"
    )
    for name, user in (("ann", ann), ("ben", ben), ("ann", ann)):
        with world.as_user(name):
            assert world.one("execute mine") == user
    world.connection.execute("deallocate mine")


def test_identity_works_inside_a_parallel_plan(world: World) -> None:
    """PARALLEL SAFE is true: no subtransaction where none may start (threat 69)."""
    ann = world.user("ann")
    plan = world.plan(ann)
    # Enough to share out, and counted: the planner does not look at other tests' rows.
    world.connection.execute(
        "insert into learnplan.learning_plans"
        " (user_id, topic, skill_level, weekly_hours, learning_style)"
        " select user_id, '', skill_level, weekly_hours, learning_style"
        " from learnplan.learning_plans, generate_series(1, 500)"
    )
    world.connection.execute("analyze learnplan.learning_plans")
    for setting in (
        "parallel_setup_cost = 0",
        "parallel_tuple_cost = 0",
        "min_parallel_table_scan_size = 0",
        "max_parallel_workers_per_gather = 2",
        "enable_indexscan = off",
        "enable_bitmapscan = off",
    ):
        world.connection.execute(f"set local {setting}")
    query = "select id from learnplan.learning_plans where topic <> ''"
    with world.as_claims({"sub": "ann", "nested": {"deep": [1]}}):
        text = str(world.connection.execute(f"explain {query}").fetchall())
        assert "Gather" in text
        assert world.one(query) == plan
