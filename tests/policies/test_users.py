"""Outline, table 1: users."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, BY_POLICY, HIDDEN

if TYPE_CHECKING:
    from fix_personas import World

NEW = str(uuid.UUID(int=7))
SIGN_UP = "insert into learnplan.users (id, clerk_user_id, email) values (%s, %s, %s)"
CLAIMS = {
    "sub": "new",
    "user_id": NEW,
    "email": "new@example.org",
    "email_verified": True,
}


def test_owner_can_select_own_row(world: World) -> None:
    """A user may read only their own row (outline, table 1, select)."""
    ann = world.user("ann")
    world.user("ben")
    with world.as_user("ann"):
        found = world.attempt("select id from learnplan.users")
    assert ((ann,),) == found.rows


def test_stranger_cannot_select_users(world: World) -> None:
    """A user may read only their own row (outline, table 1, select)."""
    ann = world.user("ann")
    world.user("ben")
    with world.as_user("ben"):
        found = world.attempt("select from learnplan.users where id = %s", ann)
    assert found.kind == HIDDEN
    assert world.exists("users", ann)


def test_owner_can_update_own_name(world: World) -> None:
    """A user may update only their own row: profile fields (table 1, update)."""
    ann = world.user("ann")
    with world.as_user("ann"):
        assert world.attempt("update learnplan.users set name = 'A'").kind == "rows"
    assert world.one("select name from learnplan.users where id = %s", ann) == "A"


@pytest.mark.parametrize(
    "column",
    ["id", "email", "clerk_user_id", "subscription_tier", "created_at", "updated_at"],
)
def test_owner_cannot_update_system_managed_columns(world: World, column: str) -> None:
    """Identifiers and subscription_tier are system-managed (threat 37)."""
    world.user("ann")
    with world.as_user("ann"):
        found = world.attempt(f"update learnplan.users set {column} = default")
    assert found.kind == BY_GRANT
    assert world.one("select email from learnplan.users") == "ann@example.org"


def test_stranger_cannot_update_users(world: World) -> None:
    """A user may update only their own row (table 1, update)."""
    ann = world.user("ann")
    world.user("ben")
    with world.as_user("ben"):
        found = world.attempt(
            "update learnplan.users set name = 'x' where id = %s", ann
        )
        world.attempt("update learnplan.users set name = 'blind'")
    assert found.kind == HIDDEN
    assert world.one("select name from learnplan.users where id = %s", ann) is None
    assert world.one("select name from learnplan.users where id <> %s", ann) == "blind"


def test_owner_cannot_delete_users(world: World) -> None:
    """Delete: system/service role only (table 1, delete)."""
    ann = world.user("ann")
    with world.as_user("ann"):
        assert world.attempt("delete from learnplan.users").kind == BY_GRANT
    assert world.exists("users", ann)


def test_owner_can_insert_own_row_when_claims_are_verified(world: World) -> None:
    """The row's id must equal the current user id (table 1, insert)."""
    with world.as_claims(CLAIMS):
        assert world.attempt(SIGN_UP, NEW, "new", "new@example.org").kind == "rows"
        assert str(world.one("select id from learnplan.users")) == NEW
    assert world.exists("users", uuid.UUID(NEW))


@pytest.mark.parametrize(
    ("claims", "row"),
    [
        ({}, (str(uuid.UUID(int=8)), "new", "new@example.org")),
        ({}, (NEW, "other", "new@example.org")),
        ({}, (NEW, "new", "other@example.org")),
        ({"email_verified": False}, (NEW, "new", "new@example.org")),
        ({"email_verified": "true"}, (NEW, "new", "new@example.org")),
        ({"email_verified": None}, (NEW, "new", "new@example.org")),
        ({"user_id": None}, (NEW, "new", "new@example.org")),
        ({"sub": None}, (NEW, "new", "new@example.org")),
        ({"email": None}, (NEW, "new", "new@example.org")),
    ],
)
def test_owner_cannot_insert_row_when_a_claim_differs(
    world: World, claims: dict[str, object], row: tuple[str, str, str]
) -> None:
    """clerk_user_id and email come from a verified identity (table 1; threat 36)."""
    with world.as_claims(CLAIMS | claims):
        found = world.attempt(SIGN_UP, *row)
    assert found.kind == BY_POLICY
    assert world.one("select count(*) from learnplan.users") == 0


def test_owner_cannot_insert_subscription_tier(world: World) -> None:
    """subscription_tier is system-managed (table 1, update)."""
    with world.as_claims(CLAIMS):
        found = world.attempt(
            "insert into learnplan.users (id, clerk_user_id, email, subscription_tier)"
            " values (%s, 'new', 'new@example.org', 'pro')",
            NEW,
        )
    assert found.kind == BY_GRANT


def test_service_can_do_everything_with_users(world: World) -> None:
    """Admin/service role may read all; signup and delete are its work (table 1)."""
    world.user("ann")
    with world.as_service():
        assert world.attempt(SIGN_UP, NEW, "n", "n@example.org").kind == "rows"
        changed = world.attempt("update learnplan.users set subscription_tier = 'pro'")
        assert changed.kind == "rows"
        assert world.one("select count(*) from learnplan.users") == 2
        assert world.attempt("delete from learnplan.users").kind == "rows"
    assert world.one("select count(*) from learnplan.users") == 0
