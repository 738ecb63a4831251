"""
What one session does and holds, what another waits to do, and what comes of it.

The world is made anew for each pair; who waits is ann, whose plans are a1 (public) and
a2; ben has b1 (public) and b2. The one who holds is the superuser.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

import psycopg

from learnplan_db.security.personas import acting_as


def the(word: str) -> str:
    """Return the id of a row, as a literal of SQL."""
    return f"'{uuid.uuid5(uuid.NAMESPACE_URL, word)}'"


PLANS = {"a1": "public", "a2": "private", "b1": "public", "b2": "private"}
WORLD = "\n".join(
    [
        "truncate learnplan.users, learnplan.resources cascade;",
        *(
            "insert into learnplan.users (id, clerk_user_id, email)"
            f" values ({the(user)}, '{user}', '{user}@example.org');"
            for user in ("ann", "ben")
        ),
        "insert into learnplan.resources (id, type, title, url)"
        f" values ({the('r')}, 'doc', 'r', 'https://example.org/r');",
        *(
            "insert into learnplan.learning_plans (id, user_id, topic, skill_level,"
            f" weekly_hours, learning_style, visibility) values ({the(plan)},"
            f" {the('ann' if plan[0] == 'a' else 'ben')}, 'p', 'beginner', 1, 'mixed',"
            f" '{shown}'); insert into learnplan.modules (id, plan_id, \"order\", title,"
            f" estimated_minutes) values ({the('m' + plan)}, {the(plan)}, 1, 'm', 1);"
            ' insert into learnplan.tasks (id, module_id, "order", title,'
            f" estimated_minutes) values ({the('t' + plan)}, {the('m' + plan)}, 1, 't',"
            f" 1), ({the('u' + plan)}, {the('m' + plan)}, 2, 't', 1); insert into"
            ' learnplan.task_resources (id, task_id, resource_id, "order") values'
            f" ({the('l' + plan)}, {the('t' + plan)}, {the('r')}, 1); insert into"
            " learnplan.plan_generations (id, plan_id, model, prompt)"
            f" values ({the('g' + plan)}, {the(plan)}, 'm', '1');"
            for plan, shown in PLANS.items()
        ),
    ]
)
TITLES = {
    "modules": "title",
    "tasks": "title",
    "task_resources": "notes",
    "plan_generations": "model",
}
TOUCH = "".join(
    f"update learnplan.{table} set {column} = 'held';"
    for table, column in TITLES.items()
)
FAR = '"order" = 1000 + (hashtext(id::text) & 65535)'
HOLDS = {
    "all touched": TOUCH,
    "all private, all touched": "update learnplan.learning_plans"
    f" set visibility = 'private'; {TOUCH}",
    "all public, all touched": "update learnplan.learning_plans"
    f" set visibility = 'public'; {TOUCH}",
    "owners swapped, all touched": "update learnplan.learning_plans set user_id ="
    f" case user_id when {the('ann')} then {the('ben')}::uuid"
    f" else {the('ann')}::uuid end; {TOUCH}",
    "tasks moved to ben's public module": "update learnplan.tasks"
    f" set module_id = {the('mb1')}, {FAR}",
    "tasks moved to ben's private module": "update learnplan.tasks"
    f" set module_id = {the('mb2')}, {FAR}",
    "a task of ben moved to ann": "update learnplan.tasks"
    f" set module_id = {the('ma2')}, {FAR} where id = {the('tb1')}",
    "a module moved to ben": f"update learnplan.modules set plan_id = {the('b1')},"
    f" {FAR} where id = {the('ma1')}",
    "a module moved to ben, all touched": "update learnplan.modules"
    f" set plan_id = {the('b2')}, {FAR} where id = {the('ma1')}; {TOUCH}",
    "a module of ben moved to ann, all touched": "update learnplan.modules"
    f" set plan_id = {the('a2')}, {FAR} where id = {the('mb1')}; {TOUCH}",
    "a link moved": "update learnplan.task_resources"
    f" set task_id = {the('ub1')} where id = {the('la1')}",
    "a generation moved": "update learnplan.plan_generations"
    f" set plan_id = {the('b1')} where id = {the('ga1')}",
    "a module deleted": f"delete from learnplan.modules where id = {the('ma1')}",
    "a plan deleted": f"delete from learnplan.learning_plans where id = {the('a1')}",
}
ASKED = [
    *(
        form.format(table=table, column=column)
        for table, column in TITLES.items()
        for form in (
            "update learnplan.{table} set {column} = 'mine'",
            "update learnplan.{table} set {column} = 'mine' where id is not null"
            " returning id",
            "delete from learnplan.{table} where id is not null",
            "select id from learnplan.{table} order by id for update",
            "select id from learnplan.{table} order by id for share",
        )
    ),
    f"update learnplan.modules set plan_id = {the('a2')}, {FAR}",
    f"update learnplan.tasks set module_id = {the('ma2')}, {FAR}",
    "update learnplan.tasks as t set title = m.title from learnplan.modules as m"
    " where m.id = t.module_id returning t.id",
    "merge into learnplan.tasks as t using learnplan.modules as m on m.id = t.module_id"
    " when matched then update set title = 'mine'",
    'insert into learnplan.tasks (id, module_id, "order", title, estimated_minutes)'
    f" values ({the('new')}, {the('ma1')}, 50, 't', 1) returning id",
    "insert into learnplan.task_progress (id, task_id, user_id, status)"
    f" values ({the('new')}, {the('tb1')}, {the('ann')}, 'completed')",
    f"select learnplan.reorder_tasks({the('ma1')},"
    f" array[{the('ua1')}, {the('ta1')}]::uuid[])",
]
LEVELS = ("read committed", "repeatable read", "serializable")
LEFT = [
    f"select to_jsonb(t) - array['created_at', 'updated_at'] from learnplan.{table} as t"
    " order by id"
    for table in ("learning_plans", *TITLES)
]


class Pair:
    """
    A superuser, an application, and who looks, on one database.

    Args: admin, app: conninfo of the two.
    """

    def __init__(self, admin: str, app: str) -> None:
        self.holder = psycopg.connect(admin)
        self.app = psycopg.connect(app, autocommit=True)
        self.looking = psycopg.connect(admin, autocommit=True)
        self.waited = 0

    def close(self) -> None:
        """Close all three."""
        for connection in (self.holder, self.app, self.looking):
            connection.close()

    def play(self, level: str, held: str, asked: str) -> tuple[Any, list[Any]]:
        """Return what the one who asks is told, and what is left then."""
        self.looking.execute(WORLD.encode())
        self.holder.execute(held.encode())
        told: list[Any] = []
        asking = threading.Thread(target=self._ask, args=[level, asked, told])
        asking.start()
        waits = "select from pg_locks where pid = %s and not granted"
        pid = [self.app.info.backend_pid]
        while asking.is_alive():
            if self.looking.execute(waits, pid).fetchone() is not None:
                self.waited += 1
                break
            asking.join(0.002)
        self.holder.commit()
        asking.join()
        left = [self.looking.execute(query.encode()).fetchall() for query in LEFT]
        return told[0], left

    def _ask(self, level: str, asked: str, told: list[Any]) -> None:
        self.app.execute(f"set default_transaction_isolation = '{level}'".encode())
        try:
            with acting_as(self.app, sub="ann"):
                cursor = self.app.execute(asked.encode())
                rows = sorted(
                    map(repr, cursor.fetchall() if cursor.description else ())
                )
                told.append((cursor.rowcount, rows))
        except psycopg.Error as error:
            told.append((error.sqlstate, error.diag.message_primary))
