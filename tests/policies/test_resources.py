"""Outline, table 5: resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fix_personas import BY_GRANT, HIDDEN

if TYPE_CHECKING:
    from fix_personas import World

INSERT = (
    "insert into learnplan.resources (type, title, url)"
    " values ('doc', 'n', 'https://Example.org:8080/n?x#y') returning domain"
)


def test_stranger_can_select_resources(world: World) -> None:
    """Readable by all authenticated users (outline, table 5, select; threat 57)."""
    resource = world.resource()
    world.user("ben")
    with world.as_user("ben"):
        found = world.attempt("select id from learnplan.resources")
    assert ((resource,),) == found.rows


@pytest.mark.parametrize("claims", ["", '{"sub":"nobody"}'])
def test_nobody_cannot_select_resources(world: World, claims: str) -> None:
    """Null identity sees nothing (design, identity; threat 57)."""
    resource = world.resource()
    with world.as_claims(claims):
        assert world.attempt("select from learnplan.resources").kind == HIDDEN
    assert world.exists("resources", resource)


@pytest.mark.parametrize(
    "statement",
    [
        INSERT,
        "update learnplan.resources set title = 'x'",
        "delete from learnplan.resources",
    ],
)
def test_owner_cannot_write_resources(world: World, statement: str) -> None:
    """End-users do not modify the global catalog in MVP (table 5; threat 57)."""
    resource = world.resource()
    world.user("ann")
    with world.as_user("ann"):
        assert world.attempt(statement).kind == BY_GRANT
    assert world.exists("resources", resource)
    assert world.one("select title from learnplan.resources") == "r"


def test_service_can_do_everything_with_resources(world: World) -> None:
    """Insert, update, delete: system/admin only (outline, table 5)."""
    world.resource()
    with world.as_service():
        assert (("example.org",),) == world.attempt(INSERT).rows
        assert world.one("select count(*) from learnplan.resources") == 2
        assert world.attempt("update learnplan.resources set title = 'x'").kind == (
            "rows"
        )
        assert world.attempt("delete from learnplan.resources").kind == "rows"
    assert world.one("select count(*) from learnplan.resources") == 0


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("HTTPS://Example.ORG/a", "example.org"),
        ("http://u:p@a.b:80/", "a.b"),
        ("http://a@b@c.d/x", "c.d"),
        ("https://[::1]:8080/", "[::1]"),
        ("https://x.org?q=a@b", "x.org"),
    ],
)
def test_domain_is_parsed_from_url(world: World, url: str, domain: str) -> None:
    """domain: text, nullable (parsed from URL) (outline, table 5)."""
    world.resource(url)
    assert world.one("select domain from learnplan.resources") == domain


@pytest.mark.parametrize(
    "url",
    ["ftp://a/b", "javascript:alert(1)", "https://", "http://a b/", "https://a\\@b/"],
)
def test_url_is_refused_when_not_http(world: World, url: str) -> None:
    """url must be http or https, checked (design, tables)."""
    found = world.attempt(
        "insert into learnplan.resources (type, title, url) values ('doc', 'n', %s)",
        url,
    )
    assert ("refused-by-constraint", "resources_url_format") == (
        found.kind,
        found.detail,
    )
