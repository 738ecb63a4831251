"""
What the accessors of hot paths show to whom: no more and no less than the tables.

Written from the outline and the design, never from the SQL. May import ``questions``
and what that may; never connects.
Source: design § 6; outline, "RLS policies" of §§ 2-7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.proof.questions import user
from learnplan_db.proof.statements import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learnplan_db.proof.questions import Question
    from learnplan_db.proof.statements import Wording

SAME = (
    "Design: hot paths have accessor functions; each shows the rows that the tables'"
    " own policies give."
)
NONE = "none"
NOBODY = "nemo"
# Of a plan: a row a task of the first module, and one for the second, which has none.
PAGE = "3"
# Who reads which plan, and how many of its two tasks that one has completed.
DONE: Mapping[tuple[str, str], str] = {
    ("ada", "private"): "1",
    ("ada", "public"): "0",
    ("ada", "other"): NONE,
    ("ben", "private"): NONE,
    ("ben", "public"): "2",
    ("ben", "other"): "0",
    (NOBODY, "private"): NONE,
    (NOBODY, "public"): NONE,
    (NOBODY, "other"): NONE,
}
# Completed tasks of each own plan.
MINE: Mapping[str, str] = {"ada": "0 1", "ben": "0", NOBODY: NONE}


def accessor_questions(wording: Wording) -> Iterator[Question]:
    """Yield who is shown which page, which progress and which public plans."""
    for (who, plan), done in DONE.items():
        key = wording.id("learning_plans", plan)
        claims = {"sub": wording.text(who)}
        rows = f"select count(*) from {SCHEMA}.plan_tree('{key}')"
        page = "0" if done == NONE else PAGE
        yield user(f"page of {plan} for {who}", SAME, claims, rows, page)
        asked = f"select completed_tasks from {SCHEMA}.plan_progress_of('{key}')"
        answer = f"select coalesce(({asked})::text, '{NONE}')"
        yield user(f"progress of {who} on {plan}", SAME, claims, answer, done)
        found = f"select count(*) from {SCHEMA}.search_public_plans('pROOF')"
        shown = "1" if plan == "public" and who != NOBODY else "0"
        only = f"{found} where id = '{key}'"
        yield user(f"search by {who} for {plan}", SAME, claims, only, shown)
    for who, done in MINE.items():
        each = "string_agg(completed_tasks::text, ' ' order by completed_tasks)"
        asked = f"select coalesce({each}, '{NONE}') from {SCHEMA}.my_progress()"
        claims = {"sub": wording.text(who)}
        yield user(f"progress of {who} on all plans", SAME, claims, asked, done)
