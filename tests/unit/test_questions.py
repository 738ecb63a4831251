"""Questions that no cell asks: each with a name of its own, in one whole world."""

from __future__ import annotations

from uuid import UUID

from learnplan_db.proof.nouns import OUTCOMES, World
from learnplan_db.proof.questions import world
from learnplan_db.proof.questions_accessors import accessor_questions
from learnplan_db.proof.questions_identity import identity_questions
from learnplan_db.proof.questions_rules import rule_questions
from learnplan_db.proof.reference import judge
from learnplan_db.proof.statements import Wording
from sample_worlds import SERVICE, add

ROLES = {"user": "authenticated", "anonymous": "anon", "service": "service_role"}
WORDING = Wording(UUID(int=7), ROLES)


def test_each_question_has_a_name_of_its_own() -> None:
    """A finding is found by its name."""
    every = [
        *identity_questions(WORDING),
        *rule_questions(WORDING, anyone=False),
        *accessor_questions(WORDING),
    ]
    assert len({one.name for one in every}) == len(every)
    assert {one.kind for one in every} == set(ROLES)
    refusals = {one.answer for one in every} & set(OUTCOMES)
    assert refusals == {
        "refused-by-policy",
        "refused-by-grant",
        "refused-by-constraint",
    }


def test_anonymous_is_asked_about_every_table_but_an_open_one() -> None:
    """With anon_reads_resources, resources are for everybody."""
    name = "anonymous select no column of resources"
    for anyone in (True, False):
        names = {one.name for one in rule_questions(WORDING, anyone=anyone)}
        assert (name in names) is not anyone


def test_world_of_questions_can_be_made() -> None:
    """Each row comes after those that it refers to, and breaks no constraint."""
    made = World()
    for row in world().rows:
        outcome, made = judge(made, SERVICE, add(row))
        assert outcome.kind == "rows", row
