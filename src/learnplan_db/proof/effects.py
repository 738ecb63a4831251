"""
The figures that views show, and the answers to what no cell can ask.

Works in the caller's transaction and takes back what it does. May import lower
floors; never prints.
Source: design § 5; outline, "Client mapping notes".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from learnplan_db.proof import figures, questions
from learnplan_db.proof.looks import SERVICE, Look, Surprise
from learnplan_db.proof.nouns import VIEWS, Actor
from learnplan_db.proof.questions_accessors import accessor_questions
from learnplan_db.proof.questions_identity import identity_questions
from learnplan_db.proof.questions_rules import rule_questions
from learnplan_db.proof.statements import SCHEMA, VIEW_KEYS, VIEW_ROWS
from learnplan_db.proof.trial import OTHERS, Trial, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from learnplan_db.proof.nouns import World
    from learnplan_db.proof.questions import Question

MAPPING = (
    "Outline: UI progress and status badges are derived from `task_progress`"
    " aggregates."
)


class Effects(Look):
    """Looks at the views, and asks the questions."""

    def views(self, world: World, actors: Iterable[Actor]) -> Iterator[Surprise]:
        """Look at the figures of both views, as everybody sees them."""
        for actor in actors:
            for view in filter(self.about, VIEWS):
                self.tried += 1
                try:
                    with self.aside():
                        wrong = self.figures(world, actor, view)
                except psycopg.Error:
                    wrong = []  # a matter of outcomes
                if wrong:
                    yield Surprise(
                        name=f"{actor.user or actor.kind} select {view}: the figures",
                        rule=MAPPING,
                        where=f"policies/{view}.matrix.toml",
                        kind=actor.kind,
                        user=actor.user or "",
                        table=view,
                        verb="select",
                        did=self._seen(view, world),
                        expected="the figures of the caller's own progress",
                        got="; ".join(wrong[:3]),
                    )

    def _seen(self, view: str, world: World) -> str:
        among = self.wording.among(view, world)
        return f"select pg_catalog.to_jsonb(v) from {SCHEMA}.{view} as v where {among}"

    def figures(self, world: World, actor: Actor, view: str) -> list[str]:
        """
        Return what is wrong with a view, as a caller sees it.

        Raises: psycopg.Error: it cannot be read; the transaction is broken.
        """
        wanted = figures.figures(world, actor, view)
        asked = f"{self.wording.become(actor)};\n{self._seen(view, world)}"
        rows = [row for (row,) in self.ask(asked)] if wanted else []
        ids = {
            str(self.wording.id(table, row.id)): row.id
            for table in ("users", VIEW_ROWS[view])
            for row in world.of(table).values()
        }
        if actor.user:  # who signs up has an id, and no row yet
            ids[str(self.wording.id("users", actor.user))] = actor.user
        wrong = []
        missing = set(wanted)
        for row in rows:
            word = ids.get(str(row[VIEW_KEYS[view]]), OTHERS)
            missing.discard(word)
            row["user_id"] = ids.get(str(row["user_id"]), OTHERS)
            if word in wanted:
                differ = figures.differing(wanted[word], row)
                wrong += [f"{word}: {one}" for one in differ]
        return wrong + [f"{word} is not there" for word in sorted(missing)]

    def answers(self, *, anyone: bool) -> Iterator[Surprise]:
        """Ask all questions in their own world."""
        with self.aside():
            world = questions.world()
            Trial(self.connection, self.wording, world).build()
            yield from self.views(world, [*map(_someone, world.of("users")), SERVICE])
            every = (
                *identity_questions(self.wording),
                *rule_questions(self.wording, anyone=anyone),
                *accessor_questions(self.wording),
            )
            for question in every:
                if not self.about(question.table):
                    continue
                self.tried += 1
                got = self._answer(question)
                if got != question.answer:
                    yield Surprise(
                        name=question.name,
                        rule=question.rule,
                        where=f"policies/{question.table}.matrix.toml",
                        kind=question.kind,
                        user="",
                        table=question.table,
                        verb="select",
                        did=f"with the claims {question.claims or 'of nobody'}:"
                        f" {question.statement}",
                        expected=question.answer or "it works",
                        got=got or "it works",
                    )

    def _answer(self, question: Question) -> str:
        """Return the first value, or why it was refused."""
        role = self.wording.roles[question.kind]
        claims = question.claims.replace("'", "''")
        try:
            with self.aside():
                self.ask(
                    f"select pg_catalog.set_config('role', '{role}', true), pg_catalog"
                    f".set_config('request.jwt.claims', '{claims}', true)"
                )
                rows = self.ask(question.statement)
                if question.check:
                    self.become(SERVICE)
                    if not self.ask(question.check)[0][0]:
                        return "it works, but the rows are not as they must be"
        except psycopg.Error as error:
            state = error.sqlstate or ""
            kind = outcome_of(state, str(error))
            return state if state.startswith("LP") else kind
        value = rows[0][0] if rows else "no row"
        return "null" if value is None else str(value)


def _someone(word: str) -> Actor:
    return Actor("user", word)
