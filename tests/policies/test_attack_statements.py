"""Attacks by statements that are more than one command: upserts, merges, locks, copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from fix_attacks import DONE, REFUSED, everything, opened, told
from fix_personas import BY_GRANT, BY_POLICY, HIDDEN, TABLES

if TYPE_CHECKING:
    from fix_attacks import Live
    from fix_personas import World

NOT_SUPPORTED, LOCKED = "0A000", "55P03"
UPSERT = (
    "insert into learnplan.task_progress (task_id, user_id, status)"
    " values (%s, %s, 'completed') on conflict (task_id, user_id)"
)
DO_UPDATE = f"{UPSERT} do update set status = excluded.status"
DO_NOTHING = f"{UPSERT} do nothing"
MERGE = (
    "merge into learnplan.learning_plans as t using (values (%s::uuid)) as s (id)"
    " on t.id = s.id when matched then"
)
# Table-level DELETE is what lets a user lock a table; UPDATE is by column everywhere.
LOCKABLE = {
    "learning_plans",
    "modules",
    "tasks",
    "task_resources",
    "task_progress",
    "plan_generations",
}


def test_owner_and_reader_can_upsert_own_progress(world: World) -> None:
    """Each has a row of their own on the same public task (threat 47)."""
    tree, ben = everything(world, "ann", "public"), world.user("ben")
    for name, user in (("ann", tree["users"]), ("ben", ben)):
        with world.as_user(name):
            for statement in (DO_UPDATE, DO_NOTHING, DO_UPDATE):
                done = told(world, statement, tree["tasks"], user)
                assert done.state == DONE
    rows = "select count(*), min(status::text) from learnplan.task_progress"
    assert world.connection.execute(rows.encode()).fetchone() == (2, "completed")


@pytest.mark.parametrize("statement", [DO_UPDATE, DO_NOTHING])
def test_stranger_cannot_upsert_progress_of_others(
    world: World, statement: str
) -> None:
    """Whether the other has a row or not, the refusal is the same (threat 47)."""
    tree, ben = everything(world, "ann", "public"), world.user("ben")
    free = world.task(tree["modules"], 2)
    with world.as_user("ben"):
        there = told(world, statement, tree["tasks"], tree["users"])
        absent = told(world, statement, free, tree["users"])
        assert told(world, statement, free, ben).state == DONE
    assert (REFUSED, absent) == (there.state, there)
    assert world.exists("task_progress", tree["task_progress"])


def test_reader_cannot_upsert_when_the_plan_turned_private(world: World) -> None:
    """Limit: update the own row instead, which still works (threat 48)."""
    tree, ben = everything(world, "ann", "public"), world.user("ben")
    world.progress(ben, tree["tasks"])
    with world.as_user("ben"):
        assert told(world, DO_UPDATE, tree["tasks"], ben).state == DONE
    with world.as_user("ann"):
        world.attempt("update learnplan.learning_plans set visibility = 'private'")
    change = "update learnplan.task_progress set status = 'in_progress'"
    with world.as_user("ben"):
        assert world.attempt(DO_UPDATE, tree["tasks"], ben).kind == BY_POLICY
        assert world.attempt(DO_NOTHING, tree["tasks"], ben).kind == BY_POLICY
        assert (
            world.attempt(f"{change} where task_id = %s", tree["tasks"]).kind == "rows"
        )


def test_stranger_cannot_merge_into_plans(world: World) -> None:
    """Hidden is not matched, public is an error, own works (threat 53)."""
    hidden, public = everything(world, "ann"), everything(world, "cho", "public")
    own = everything(world, "ben")
    update, delete = f"{MERGE} update set topic = 'x'", f"{MERGE} delete"
    with world.as_user("ben"):
        for statement in (update, delete):
            found = world.attempt(statement, hidden["learning_plans"])
            assert found.kind == HIDDEN
            found = world.attempt(statement, public["learning_plans"])
            assert found.kind == BY_POLICY
            found = world.attempt(statement, own["learning_plans"])
            assert found.kind == "rows"
    for tree in (hidden, public):
        topic = "select topic from learnplan.learning_plans where id = %s"
        assert world.one(topic, tree["learning_plans"]) == "SQL"


def test_stranger_cannot_merge_a_module_into_a_foreign_plan(world: World) -> None:
    """An insert by MERGE is checked as any insert, hidden or public (threat 53)."""
    trees = [everything(world, "ann"), everything(world, "cho", "public")]
    own = everything(world, "ben")
    merge = (
        "merge into learnplan.modules as t using (values (%s::uuid)) as s (id)"
        ' on false when not matched then insert (plan_id, "order", title,'
        " estimated_minutes) values (s.id, 7, 'x', 1)"
    )
    with world.as_user("ben"):
        for tree in trees:
            found = world.attempt(merge, tree["learning_plans"])
            assert found.kind == BY_POLICY
        assert world.attempt(merge, own["learning_plans"]).kind == "rows"


@pytest.mark.parametrize(
    "strength", ["update", "no key update", "share", "key share", "update nowait"]
)
@pytest.mark.parametrize("table", sorted(LOCKABLE))
def test_reader_cannot_lock_rows(world: World, table: str, strength: str) -> None:
    """A row lock asks the policy for UPDATE: no reader stops an owner (threat 43)."""
    everything(world, "ann", "public")
    world.user("ben")
    lock = f"select 1 from learnplan.{table} for {strength}"
    with world.as_user("ben"):
        assert world.attempt(lock).kind == HIDDEN
    with world.as_user("ann"):
        assert world.attempt(lock).kind == "rows"


def test_nobody_but_the_service_can_lock_resources(world: World) -> None:
    """The catalog is only read, so its rows cannot be locked (threat 43)."""
    everything(world)
    lock = "select 1 from learnplan.resources for key share"
    with world.as_user("ann"):
        assert world.attempt("select 1 from learnplan.resources").kind == "rows"
        assert world.attempt(lock).kind == BY_GRANT
    with world.as_service():
        assert world.attempt(lock).kind == "rows"


def test_reader_who_starts_on_a_task_holds_up_its_deletion(live: Live) -> None:
    """Limit: a foreign key locks what it refers to until the commit (threat 43)."""
    ben = live.rows.user("ben")
    task = live.rows.task_of(live.rows.user("ann"), "public")
    insert = "insert into learnplan.task_progress (task_id, user_id) values (%s, %s)"
    claims = "select set_config('request.jwt.claims', %s, true)"
    with psycopg.connect(live.app) as reader, psycopg.connect(live.app) as owner:
        reader.execute(claims, ['{"sub": "ben"}'])
        reader.execute(insert, [task, ben])
        owner.execute(claims, ['{"sub": "ann"}'])
        owner.execute("set local lock_timeout = '50ms'")
        owner.execute("update learnplan.tasks set title = 'not held up'")
        owner.execute("savepoint here")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute("delete from learnplan.learning_plans")
        owner.execute("rollback to here")
        reader.commit()
        done = owner.execute("delete from learnplan.learning_plans")
        assert done.rowcount == 1
        owner.commit()


@pytest.mark.parametrize("table", TABLES)
def test_user_can_lock_exactly_the_tables_named(world: World, table: str) -> None:
    """Limit: DELETE on a table allows LOCK TABLE: let no user send SQL (threat 7)."""
    lock = f"lock table learnplan.{table} in access exclusive mode"
    with world.as_user("ann"):
        done = told(world, lock)
        assert (table in LOCKABLE) == (done.state == DONE)
        assert done.state in {DONE, REFUSED}
    with world.as_anonymous():
        assert told(world, lock).state == REFUSED


@pytest.mark.parametrize("table", TABLES)
def test_copy_to_is_filtered_as_select_is(world: World, table: str) -> None:
    """COPY TO gives the rows that the policies give (threat 54)."""
    trees = {name: everything(world, name) for name in ("ann", "ben")}
    with (
        world.as_user("ben"),
        world.connection.cursor().copy(f"copy learnplan.{table} to stdout") as copy,
    ):
        text = b"".join(bytes(block) for block in copy).decode()
    assert str(trees["ben"][table]) in text
    assert (str(trees["ann"][table]) in text) == (table == "resources")


@pytest.mark.parametrize("table", sorted(LOCKABLE))
def test_owner_cannot_copy_from(world: World, table: str) -> None:
    """Row security does not go with COPY FROM, so the server refuses (threat 54)."""
    everything(world)
    with world.as_user("ann"):
        found = told(world, f"copy learnplan.{table} from stdin")
    assert NOT_SUPPORTED == found.state
    assert "row-level security" in found.message


def test_blind_update_asks_only_the_update_policy(world: World) -> None:
    """No column read, no SELECT policy: UPDATE holds by itself (threat 58)."""
    trees = [everything(world, name, "public") for name in ("ann", "ben")]
    changes = {
        "learning_plans": "topic = 'x'",
        "modules": "title = 'x'",
        "tasks": "title = 'x'",
        "task_resources": "notes = 'x'",
        "task_progress": "status = 'completed'",
        "plan_generations": "model = 'x'",
    }
    for table, change in changes.items():
        hide = f"alter policy {table}_select_authenticated on learnplan.{table}"
        with opened(world, f"{hide} using (true)"), world.as_user("ben"):
            assert told(world, f"update learnplan.{table} set {change}").count == 1
            assert told(world, f"delete from learnplan.{table}").count == 1
        count = f"select count(*) from learnplan.{table} where {change}"
        assert world.one(count) == 0
        assert all(world.exists(table, tree[table]) for tree in trees)


@pytest.mark.parametrize("visibility", ["private", "public"])
@pytest.mark.parametrize("aim", ["", " where id = %s"])
def test_owner_cannot_give_a_plan_away_though_granted(
    world: World, visibility: str, aim: str
) -> None:
    """The policy holds without the grant, aimed or blind (threat 39)."""
    tree, ben = everything(world, "ann", visibility), world.user("ben")
    grant = "grant update (user_id) on learnplan.learning_plans to authenticated"
    give = f"update learnplan.learning_plans set user_id = %s{aim}"
    plan = [tree["learning_plans"]] if aim else []
    with world.as_user("ann"):
        assert world.attempt(give, ben, *plan).kind == BY_GRANT
    with opened(world, grant), world.as_user("ann"):
        assert world.attempt(give, ben, *plan).kind == BY_POLICY
        assert world.attempt(give, tree["users"], *plan).kind == "rows"
    assert world.one("select user_id from learnplan.learning_plans") == tree["users"]


@pytest.mark.parametrize("column", ["task_id", "user_id"])
def test_reader_cannot_move_progress_of_others_though_granted(
    world: World, column: str
) -> None:
    """Frozen by grant, and nobody's row but the own one by policy (threat 50)."""
    tree, ben = everything(world, "ann", "public"), everything(world, "ben")
    change = f"update learnplan.task_progress set {column} = %s"
    value = {"task_id": ben["tasks"], "user_id": tree["users"]}[column]
    with world.as_user("ben"):
        assert world.attempt(change, value).kind == BY_GRANT
    grant = f"grant update ({column}) on learnplan.task_progress to authenticated"
    with opened(world, grant), world.as_user("ben"):
        found = world.attempt(f"{change} returning id", value)
        wanted = BY_POLICY if column == "user_id" else "rows"
        assert found.kind == wanted
        assert tree["task_progress"] not in [row[0] for row in found.rows]


def test_owner_who_deletes_a_plan_deletes_progress_of_readers(world: World) -> None:
    """Limit: a cascade asks no policy; it is what the outline wants (threat 55)."""
    tree, ben = everything(world, "ann", "public"), world.user("ben")
    row = world.progress(ben, tree["tasks"])
    other = world.progress(ben, world.task_of(world.user("cho"), "public"))
    with world.as_user("ann"):
        assert not told(
            world, "select from learnplan.task_progress where id = %s", row
        ).count
        assert world.attempt("delete from learnplan.learning_plans").kind == "rows"
    assert not world.exists("task_progress", row)
    assert world.exists("task_progress", other)


@pytest.mark.parametrize("visibility", ["private", "public"])
def test_stranger_cannot_delete_by_a_cascade_from_another_table(
    world: World, visibility: str
) -> None:
    """No parent that a stranger may delete has foreign children (threat 55)."""
    tree = everything(world, "ann", visibility)
    everything(world, "ben")
    with world.as_user("ben"):
        for table in sorted(LOCKABLE):
            told(world, f"delete from learnplan.{table}")
    assert all(world.exists(table, row) for table, row in tree.items())


def test_returning_shows_only_what_may_be_read(world: World) -> None:
    """A row that is written and may not be read is refused, not shown (threat 58)."""
    tree = everything(world, "ann")
    hide = (
        "alter policy modules_select_authenticated on learnplan.modules using (false)"
    )
    insert = (
        'insert into learnplan.modules (plan_id, "order", title, estimated_minutes)'
        " values (%s, 2, 'x', 1)"
    )
    with opened(world, hide), world.as_user("ann"):
        plan = tree["learning_plans"]
        assert world.attempt(f"{insert} returning id", plan).kind == BY_POLICY
        assert world.attempt(insert, plan).kind == "rows"
        blind = "update learnplan.modules set title = 'y'"
        assert world.attempt(f"{blind} returning title").kind == HIDDEN
