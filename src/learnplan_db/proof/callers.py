"""
Who asks about rows that are really there: their owners, others, and nobody at all.

Chosen from a sample; a caller is named by the id of its row, never by what stands in
it. May import the nouns, sample and reference; never connects.
Source: design § 5; style, personas and outcomes.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from learnplan_db.proof.nouns import BY_TRIGGER, Actor
from learnplan_db.proof.reference import plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from learnplan_db.proof.sample import Sample

FEW = 3  # callers of each sort
UNKNOWN = "learnplan-proof-unknown"  # a subject that no provider gives
# What is no object of claims, or holds no id where one must stand.
MALFORMED = {
    "a signed-in caller with half an object of claims": '{"sub": "',
    "a signed-in caller with a list of claims": "[]",
    "a signed-in caller with a text for claims": "claims",
    "a signed-in caller whose user_id is none": '{"user_id": "none"}',
}
EMPTY = {
    "a signed-in caller without claims": "",
    "a signed-in caller with empty claims": "{}",
    "a signed-in caller whose subject is null": '{"sub": null}',
    "a signed-in caller whose subject is a number": '{"sub": 7}',
}


@dataclass(frozen=True, slots=True)
class Caller:
    """
    Somebody with claims, and who that is to the model.

    ``user`` is the id that the database must find, of a row or not. ``refused`` is
    the outcome of every question, where the claims themselves are at fault.
    """

    name: str
    actor: Actor
    claims: str
    user: str | None = None
    refused: str = ""


def callers(sample: Sample, seed: int) -> Iterator[Caller]:
    """Yield everybody worth asking; the same seed gives the same callers."""
    subjects = {
        user: str(row.values["clerk_user_id"])
        for user, row in sample.world.of("users").items()
    }
    chosen = list(_chosen(sample, random.Random(seed)))  # noqa: S311 - as in the sample
    for user in chosen:
        yield Caller(f"user {user}", Actor("user", user), _claims(subjects[user]), user)
    for user in chosen[:1]:
        told = json.dumps({"user_id": user, "sub": UNKNOWN})
        known = Actor("user", user, email=user)
        yield Caller(f"user {user} by user_id", known, told, user)
        other = subjects[user].swapcase()
        if other not in {*subjects.values()}:
            name = f"nobody, whose subject is that of user {user} in another case"
            yield Caller(name, Actor("user", UNKNOWN), _claims(other))
        told = _claims(subjects[user])
        yield Caller(f"anonymous, with the claims of {user}", Actor("anonymous"), told)
        yield Caller(f"the service, with the claims of {user}", Actor("service"), told)
    yield Caller("an unknown subject", Actor("user", UNKNOWN), _claims(UNKNOWN))
    strange = str(UUID(int=seed, version=4))
    if strange not in subjects:
        told, known = json.dumps({"user_id": strange}), Actor("user", strange, strange)
        yield Caller("a user_id without a row", known, told, strange)
    for name, claims in EMPTY.items():
        yield Caller(name, Actor("user"), claims)
    for name, claims in MALFORMED.items():
        yield Caller(name, Actor("user"), claims, refused=BY_TRIGGER)
    yield Caller("anonymous", Actor("anonymous"), "")
    yield Caller("the service", Actor("service"), "")


def _claims(subject: str) -> str:
    return json.dumps({"sub": subject})


def _chosen(sample: Sample, chance: random.Random) -> Iterable[str]:
    """Return users of each sort: with many plans, private, public and none; readers."""
    world = sample.world
    plans = world.of("learning_plans").values()
    by: Mapping[str, set[str]] = {
        seen: {
            str(p.values["user_id"]) for p in plans if p.values["visibility"] == seen
        }
        for seen in ("private", "public")
    }
    owners = by["private"] | by["public"]
    readers: dict[str, set[str]] = {"private": set(), "public": set()}
    for row in world.of("task_progress").values():
        plan, user = plan_of(world, row), str(row.values["user_id"])
        if plan and plan.values["user_id"] != user:
            readers[str(plan.values["visibility"])].add(user)
    without = set(world.of("users")) - owners
    chosen = [sample.heavy] if sample.heavy else []
    for sort in (*by.values(), *readers.values(), without):
        some = sorted(sort)
        chosen += chance.sample(some, min(FEW, len(some)))
    return [user for user in dict.fromkeys(chosen) if user in world.of("users")]
