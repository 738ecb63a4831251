"""
Who a token is taken for, what address it vouches for, and who may sign up as whom.

Written from the design, never from the SQL. May import ``questions`` and what that
may; never connects.
Source: design § 5, "Identity".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from learnplan_db.proof.nouns import BY_POLICY
from learnplan_db.proof.questions import NULL, user
from learnplan_db.proof.statements import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from learnplan_db.proof.questions import Question
    from learnplan_db.proof.statements import Wording

PRECEDENCE = (
    "Design: current_user_id() is the claim `user_id` when present, else the `users.id`"
    " whose `clerk_user_id` equals `sub`, else null."
)
EMPTY = "Design: an empty string is no identity; malformed claims are an error."
VERIFIED = "clerk_user_id and email must come from a verified identity."
SIGNUP = (
    "Design: a signed-in caller may insert only its own row: `id` equals the claim"
    " `user_id`, `clerk_user_id` equals `sub`, `email` equals the verified claim."
)
MALFORMED = "LPCLM"


def identity_questions(wording: Wording) -> Iterator[Question]:
    """Yield what is asked about tokens."""
    yield from _identities(wording)
    yield from _addresses(wording)
    yield from _signups(wording)


def _identities(wording: Wording) -> Iterator[Question]:
    ask = f"select {SCHEMA}.current_user_id()"
    ada, ben = (str(wording.id("users", word)) for word in ("ada", "ben"))
    sub, other = wording.text("ada"), wording.text("ben")
    address = wording.address("ada")
    known: Mapping[str, tuple[Any, str]] = {
        "the subject": ({"sub": sub}, ada),
        "the user_id": ({"user_id": ben}, ben),
        "the user_id, not the subject": ({"sub": sub, "user_id": ben}, ben),
        "a user_id that is null": ({"sub": sub, "user_id": None}, ada),
        "the subject, not the address": (
            {"sub": sub, "email": wording.address("ben"), "email_verified": True},
            ada,
        ),
        "the subject in capitals": ({"sub": sub.upper()}, NULL),
        "the subject in small letters": ({"sub": sub.lower()}, NULL),
        "the subject with a blank": ({"sub": f"{sub} "}, NULL),
        "a part of the subject": ({"sub": sub[:-1]}, NULL),
        "a pattern": ({"sub": "%"}, NULL),
        "an unknown subject": ({"sub": f"{other}x"}, NULL),
        "an address alone": ({"email": address, "email_verified": True}, NULL),
        "an unknown subject, a known address": (
            {"sub": "nobody", "email": address, "email_verified": True},
            NULL,
        ),
        "an unknown subject, an unverified address": (
            {"sub": "nobody", "email": address},
            NULL,
        ),
        "the id as the subject": ({"sub": ada}, NULL),
        "the id as another claim": ({"id": ada, "uid": ada}, NULL),
        "a role": ({"role": "service_role", "sub": "nobody"}, NULL),
        "an empty subject": ({"sub": ""}, NULL),
        "a number": ({"sub": 5}, NULL),
        "a list": ({"sub": [sub]}, NULL),
        "no subject": ({"sub": None}, NULL),
        "no claims": ("{}", NULL),
        "no token": ("", NULL),
    }
    for name, (claims, answer) in known.items():
        yield user(f"identity of {name}", PRECEDENCE, claims, ask, answer)
    wrong = ("{", "[]", "null", '"x"', '{"user_id": "x"}', '{"user_id": ""}')
    for claims in wrong:
        yield user(f"identity of {claims}", EMPTY, claims, ask, MALFORMED)


def _addresses(wording: Wording) -> Iterator[Question]:
    ask = f"select {SCHEMA}.current_verified_email()"
    address = wording.address("ada")
    for flag, verified in (
        (True, address),
        (False, NULL),
        (None, NULL),
        ("true", NULL),
        (1, NULL),
    ):
        claims = {"sub": "x", "email": address, "email_verified": flag}
        name = f"address when email_verified is {json.dumps(flag)}"
        yield user(name, VERIFIED, claims, ask, verified)
    silent = {"sub": "x", "email": address}
    yield user("address without email_verified", VERIFIED, silent, ask, NULL)
    empty = {"email": "", "email_verified": True}
    yield user("address that is empty", VERIFIED, empty, ask, NULL)


def _signups(wording: Wording) -> Iterator[Question]:
    me, sub = str(wording.id("users", "cem")), wording.text("cem")
    address, ben = wording.address("cem"), str(wording.id("users", "dan"))
    token = {"sub": sub, "user_id": me, "email": address, "email_verified": True}
    row = {"id": me, "clerk_user_id": sub, "email": address}
    tries: Mapping[str, tuple[dict[str, Any], dict[str, str], str]] = {
        "as oneself": (token, row, me),
        "with another id": (token, row | {"id": ben}, BY_POLICY),
        "with another subject": (token, row | {"clerk_user_id": f"{sub}x"}, BY_POLICY),
        "with the subject in capitals": (
            token,
            row | {"clerk_user_id": sub.upper()},
            BY_POLICY,
        ),
        "with another address": (token, row | {"email": f"x{address}"}, BY_POLICY),
        "with the address in capitals": (
            token,
            row | {"email": address.upper()},
            BY_POLICY,
        ),
        "without a user_id": ({**token, "user_id": None}, row, BY_POLICY),
        "without a subject": ({**token, "sub": None}, row, BY_POLICY),
        "without an address": ({**token, "email": None}, row, BY_POLICY),
        "with a flag that is a text": (
            {**token, "email_verified": "true"},
            row,
            BY_POLICY,
        ),
    }
    for name, (claims, values, answer) in tries.items():
        given = ", ".join(f"'{value}'" for value in values.values())
        made = f"insert into {SCHEMA}.users ({', '.join(values)}) values ({given})"
        # It would have to be readable too, and be refused for that.
        made += " returning id" if answer == me else ""
        yield user(f"signup {name}", SIGNUP, claims, made, answer, table="users")
