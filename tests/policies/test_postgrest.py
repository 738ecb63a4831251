"""
The real PostgREST on roles as Supabase makes them: docs/identity.md, "PostgREST".

One session of the database is behind all requests, but where PgBouncer is in between.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from fix_hosts import Rest

pytestmark = pytest.mark.gate


def test_each_caller_reads_their_own(postgrest: Rest) -> None:
    """Requests take turns on one session, and none is taken for another."""
    ann = postgrest.token(role="authenticated", sub="ann")
    ben = postgrest.token(role="authenticated", sub="ben")
    path = "/learning_plans?select=topic&order=topic"
    for _ in range(3):
        seen = [postgrest.ask(path, token) for token in (ann, ben)]
        assert seen == [
            (200, [{"topic": "private ann"}, {"topic": "public"}]),
            (200, [{"topic": "private ben"}, {"topic": "public"}]),
        ]
        assert postgrest.ask(path)[0] == 401
    service = postgrest.token(role="service_role")
    assert len(postgrest.ask(path, service)[1]) == 3


def test_token_must_be_signed(postgrest: Rest) -> None:
    """A forged or expired token is nobody's: PostgREST verifies, not the database."""
    path = "/learning_plans"
    forged = postgrest.token(role="authenticated", sub="ann", key="x" * 32)
    expired = postgrest.token(role="authenticated", sub="ann", exp=1)
    good = postgrest.token(role="authenticated", sub="ann")
    answers = [postgrest.ask(path, t)[0] for t in (forged, expired, good)]
    assert answers == [401, 401, 200]


def test_role_that_authenticator_lacks_is_refused(postgrest: Rest) -> None:
    """Without membership of service_role no token reaches it; with it, one does."""
    service = postgrest.token(role="service_role")
    with psycopg.connect(postgrest.host.dsn, autocommit=True) as admin:
        assert postgrest.ask("/users", service)[0] == 200
        admin.execute("revoke service_role from authenticator")
        try:
            status, said = postgrest.ask("/users", service)
        finally:
            admin.execute("grant service_role to authenticator")
    assert (status, said["code"]) == (403, "42501")


def test_plan_is_written_and_read_with_its_modules(postgrest: Rest) -> None:
    """POST, embedding, PATCH and DELETE of own rows; another's is not there."""
    ann = postgrest.token(role="authenticated", sub="ann")
    ben = postgrest.token(role="authenticated", sub="ben")
    plan = {
        "user_id": str(postgrest.host.ids["ann"]),
        "topic": "REST",
        "skill_level": "beginner",
        "weekly_hours": 5,
        "learning_style": "mixed",
    }
    assert postgrest.ask("/learning_plans", ben, method="POST", body=plan)[0] == 403
    status, made = postgrest.ask("/learning_plans", ann, method="POST", body=plan)
    assert status == 201
    module = {"plan_id": made[0]["id"], "order": 1, "title": "m"}
    module["estimated_minutes"] = 60
    assert postgrest.ask("/modules", ann, method="POST", body=module)[0] == 201
    path = f"/learning_plans?id=eq.{made[0]['id']}"
    _, page = postgrest.ask(f"{path}&select=topic,modules(title)", ann)
    assert page == [{"topic": "REST", "modules": [{"title": "m"}]}]
    assert postgrest.ask(path, ben, method="DELETE") == (200, [])
    assert postgrest.ask(path, ann, method="PATCH", body={"topic": "x"})[0] == 200
    assert len(postgrest.ask(path, ann, method="DELETE")[1]) == 1


def test_accessors_are_calls(postgrest: Rest) -> None:
    """The functions of the hot paths are at /rpc; private helpers are not."""
    ann = postgrest.token(role="authenticated", sub="ann")
    plan = str(postgrest.host.ids["plan of ann"])
    assert postgrest.ask(f"/rpc/plan_tree?plan_id={plan}", ann)[0] == 200
    assert postgrest.ask("/rpc/my_progress", ann)[0] == 200
    assert postgrest.ask(f"/rpc/owns_plan?plan_id={plan}", ann)[0] == 404


def test_newcomer_signs_up_by_a_verified_token(postgrest: Rest) -> None:
    """The row must be what the token says, and its address a verified one."""
    user_id = "6b1f7d0e-4a54-4c1b-9b5e-0d6c1b1f5a01"
    row = {"id": user_id, "clerk_user_id": "new", "email": "new@example.org"}
    claims = {"role": "authenticated", "sub": "new", "user_id": user_id}
    claims["email"] = "new@example.org"
    bare = postgrest.token(**claims)
    told = postgrest.token(**claims, email_verified="true")
    good = postgrest.token(**claims, email_verified=True)
    status = [
        postgrest.ask("/users?select=id", t, method="POST", body=row)[0]
        for t in (bare, told, good)
    ]
    assert status == [403, 403, 201]
    with psycopg.connect(postgrest.host.dsn) as admin:
        admin.execute("delete from learnplan.users where id = %s", [user_id])


def test_subject_in_the_claim_user_id_is_told(postgrest: Rest) -> None:
    """The code is in the answer, so that the template is found to be wrong."""
    token = postgrest.token(role="authenticated", sub="ann", user_id="user_2abc")
    status, said = postgrest.ask("/learning_plans", token)
    assert (status, said["code"]) == (400, "LPCLM")


def test_plans_of_queries_are_not_told(postgrest: Rest) -> None:
    """Off unless db-plan-enabled is set: an EXPLAIN would count hidden rows."""
    ann = postgrest.token(role="authenticated", sub="ann")
    wanted = ("application/json", "application/vnd.pgrst.plan+json")
    rows, plan = (postgrest.ask("/learning_plans", ann, accept=a)[0] for a in wanted)
    assert (rows, plan in {406, 415}) == (200, True)


def test_requests_at_once_share_pooled_sessions(pooled: Rest) -> None:
    """Behind PgBouncer, eight at a time on three sessions: nobody is another."""
    tokens = {
        name: pooled.token(role="authenticated", sub=name) for name in ("ann", "ben")
    }
    path = "/learning_plans?select=topic&order=topic"

    def ask(name: str) -> bool:
        status, rows = pooled.ask(path, tokens[name])
        own = {"topic": f"private {name}"}
        return (status, rows) == (200, [own, {"topic": "public"}])

    with ThreadPoolExecutor(8) as threads:
        right = list(threads.map(ask, ["ann", "ben"] * 100))
    assert [True] * 200 == right
