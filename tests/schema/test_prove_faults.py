"""Each planted fault is found by the cell that speaks of it, and can be made again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest

from fix_proof import played, proof_of

if TYPE_CHECKING:
    from learnplan_db.proof.nouns import Finding, Proof

pytestmark = pytest.mark.gate

ME = "(select learnplan.current_user_id())"
# The fault, how many findings it makes, the first cell that tells of it, and what that
# cell expected and got.
FAULTS = {
    "policy-opened": (
        "alter policy modules_update_authenticated on learnplan.modules"
        " using (true) with check (true)",
        "stranger update modules(order) public",
        ("hidden", "rows"),
    ),
    "policy-opened-to-blind-writes": (
        "alter policy task_progress_delete_authenticated on learnplan.task_progress"
        " using (true)",
        "owner delete task_progress reading blind",
        ("hidden", "rows"),
    ),
    "policy-narrowed": (
        "alter policy learning_plans_select_authenticated on learnplan.learning_plans"
        f" using (user_id = {ME})",
        "stranger select learning_plans public",
        ("rows", "hidden"),
    ),
    "policy-check-lost": (
        "alter policy task_progress_insert_authenticated on learnplan.task_progress"
        f" with check (user_id = {ME})",
        "reader insert task_progress(status) turned-private",
        ("refused-by-policy", "rows"),
    ),
    "policy-dropped": (
        "drop policy tasks_delete_authenticated on learnplan.tasks",
        "owner delete tasks private",
        ("rows", "hidden"),
    ),
    "policy-restrictive": (
        "create policy host on learnplan.tasks as restrictive for update"
        " to authenticated using (false)",
        "owner update tasks(title) public",
        ("rows", "hidden"),
    ),
    "policy-of-move": (
        "alter policy modules_update_authenticated on learnplan.modules"
        " with check (true)",
        "owner move modules give-public",
        ("refused-by-policy", "rows"),
    ),
    "grant-lost": (
        "revoke update (title) on learnplan.tasks from authenticated",
        "owner update tasks(title) private",
        ("rows", "refused-by-grant"),
    ),
    "grant-of-service-lost": (
        "revoke delete on learnplan.resources from service_role",
        "service delete resources catalog",
        ("rows", "refused-by-grant"),
    ),
    "grant-given": (
        "grant truncate on learnplan.users to authenticated",
        "stranger truncate users",
        ("refused-by-grant", "rows"),
    ),
    "column-given": (
        "grant update (subscription_tier) on learnplan.users to authenticated",
        "owner update users(subscription_tier) profile",
        ("refused-by-grant", "rows"),
    ),
    "security-off": (
        "alter table learnplan.plan_generations disable row level security",
        "stranger select plan_generations public",
        ("hidden", "rows"),
    ),
    "trigger-dropped": (
        "drop trigger _100_stamp_created_at on learnplan.modules",
        "owner insert modules(created_at) private",
        ("rows, created_at set by the database", "rows of new"),
    ),
    "execute-revoked": (
        "revoke execute on function learnplan.reorder_modules(uuid, uuid[])"
        " from authenticated",
        "stranger execute functions reorder_modules",
        ("refused-by-trigger", "refused-by-grant"),
    ),
    "accessor-given": (
        "grant execute on function learnplan.my_progress() to service_role",
        "service execute functions my_progress",
        ("refused-by-grant", "rows"),
    ),
    "accessor-lost": (
        "revoke execute on function learnplan.plan_tree(uuid) from authenticated",
        "owner execute functions plan_tree",
        ("rows", "refused-by-grant"),
    ),
    "reader-blind": (
        "drop policy tasks_select_reader on learnplan.tasks",
        "owner insert task_resources(task_id) private",
        ("rows", "refused-by-policy"),
    ),
    "execute-of-identity-revoked": (
        "revoke execute on function learnplan.current_user_id() from authenticated",
        "owner select users profile",
        ("rows", "refused-by-grant"),
    ),
    "schema-revoked": (
        "revoke usage on schema learnplan from authenticated",
        "owner execute functions weekly_hours",
        ("rows", "refused-by-grant"),
    ),
    "invoker-off": (
        "alter view learnplan.module_progress set (security_invoker = off)",
        "stranger select module_progress private",
        ("hidden", "rows"),
    ),
    "anonymous-reads": (
        "create policy host on learnplan.tasks for select to anon using (true);"
        " grant select on learnplan.tasks to anon;"
        " grant usage on schema learnplan to anon",
        "anonymous select tasks private",
        ("refused-by-grant", "rows"),
    ),
    "identity-lost": (
        "create or replace function learnplan.current_user_id() returns uuid"
        " language sql stable as 'select null::uuid'",
        "owner update users(name) profile",
        ("rows", "hidden"),
    ),
}
SCRIPTS = 2  # that are played of each fault


def only(proof: Proof, name: str) -> Finding:
    """Return the one finding of a cell."""
    found = [one for one in proof.findings if one.name == name]
    assert 1 == len(found), [one.name for one in proof.findings][:20]
    return found[0]


@pytest.mark.parametrize("name", FAULTS)
def test_fault(proved: str, psql: str, name: str) -> None:
    """The fault is found by its cell, with all it takes to understand and repeat it."""
    fault, cell, (expected, got) = FAULTS[name]
    persona, command, table = cell.split()[:3]
    proof = proof_of(proved, fault, tables=[table.partition("(")[0]])
    finding = only(proof, cell)
    assert finding.expected.startswith(f"{expected} (matrix, {finding.where})")
    assert finding.got.startswith(got)
    assert re.fullmatch(r"policies/[a-z_]+\.matrix\.toml:\d+", finding.where)
    assert finding.where.split("/")[1].startswith(table.partition("(")[0])
    assert finding.rule
    assert finding.who.startswith(persona)
    assert command in finding.did or command in {"move", "execute", "truncate"}
    role = {"service": "service_role", "anonymous": "anon"}.get(
        persona, "authenticated"
    )
    for altered in re.findall(r"(?:alter|create) policy (\w+)", fault):
        assert any(line.startswith(altered) for line in finding.policies)
    assert all(role in line or "public" in line for line in finding.policies)
    assert {line.partition(":")[0] for line in finding.grants} <= {role, "public"}
    assert finding.grants or "functions" == table
    others = [one for one in proof.findings if one is not finding][: SCRIPTS - 1]
    for one in (finding, *others):
        script = one.script.replace("begin;\n", f"begin;\n{fault};\n", 1)
        assert one.got.startswith(played(psql, proved, script)), script
    with psycopg.connect(proved) as connection:  # the scripts leave nothing
        users = connection.execute("select count(*) from learnplan.users").fetchone()
        assert users == (0,)
