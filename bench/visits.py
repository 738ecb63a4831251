"""
What visitors do: the scripts of pgbench, one for each kind of transaction. Pure.

A client is one visitor for ten transactions, then another. Each transaction is what an
application sends: BEGIN with what takes the role, in one round trip; one statement;
COMMIT. One whose statement finds or writes no row fails, and pgbench with it: nobody
is fast by seeing nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.changes import CHANGES
from bench.errors import BenchError
from bench.reads import READS
from bench.wording import TYPES, WRITE
from learnplan_db.security.becoming import AGAIN

if TYPE_CHECKING:
    from bench.wording import Question

HAND, TABLES, ACCESSORS = "hand", "tables", "accessors"
WAYS = (HAND, TABLES, ACCESSORS)
WEIGHTS = {
    "dashboard: own plans with progress": 12,
    "own plans": 8,
    "page of an own plan": 16,
    "page of a public plan": 6,
    "tasks of a module": 14,
    "own progress of a plan, by task": 10,
    "plan_progress of a plan": 8,
    "browse public plans, newest first": 6,
    "topic search, a frequent word": 2,
    "tick off a task, own, done before": 10,
    "tick off a task, of a public plan": 3,
    "insert a task": 2,
    "insert a generation": 1,
    "rename a task": 2,
}
# What the writes leave, but for progress and titles, which only change.
UNDO = """delete from learnplan.tasks where "order" > 99;
delete from learnplan.plan_generations where model = 'gpt-5'"""
VISIT = """\\set left :left - 1
\\if :left < 0
\\set n random(1, :visitors)
select me, plan, module, task, public_plan, public_task, word, claims
from bench.visitors where n = :n \\gset
\\set left 9
\\endif
\\set spot random(100, 2000000000)
\\set seen 0
"""
TAKEN = "\\startpipeline\nbegin;\n{become};\n\\endpipeline\n"
DONE = "commit;\n\\if :seen = 0\nselect 1 / 0 as nothing_was_seen;\n\\endif\n"


def scripts(way: str) -> dict[str, str]:
    """
    Return the scripts of one way to ask, by the name of the question.

    Raises: BenchError: there is no question of a name.
    """
    known = {question.name: question for question in (*READS, *CHANGES)}
    for name in WEIGHTS:
        if name not in known:
            raise BenchError.unknown_case(name, list(known))
    return {name: _script(known[name], way) for name in WEIGHTS}


def _script(question: Question, way: str) -> str:
    """Return the script of a question."""
    begin = "begin;\n"
    if way != HAND:
        names = {"claims": ":claims", "role": "'authenticated'", "watched": ":watched"}
        begin = TAKEN.format(become=AGAIN % names)
    text = question.hand if way == HAND else question.caller
    if way == ACCESSORS and question.accessor:
        text = question.accessor
    if question.name == "insert a task":  # a place in the module that is free
        text = text.replace("99", ":spot::integer", 1)
    text = text.format_map({name: f":{name}::{kind}" for name, kind in TYPES.items()})
    if question.kind == WRITE:
        text = f"{text}\nreturning 1 as seen"
    else:
        text = f"select 1 as seen, answer.* from (\n{text}\n) as answer"
    return f"{VISIT}{begin}{text} \\aset\n{DONE}"
