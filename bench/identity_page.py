"""The section on identity of docs/performance.md, from its figures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.markdown import number, table

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_MICROSECONDS, MOST_ROUND_TRIPS = 10.0, 1
HOT = ("sub", "user_id")  # the claims as acting_as writes them
SWITCH = """\
What `acting_as` sends takes the server {whole:.0f} us the first time in a minute on a
connection, when all is looked at, then {again:.0f} us; the two settings alone take
{by_hand:.0f} us. Nothing is prepared, as poolers ask for, so planning is most of it.
"""
METHOD = """\
Every statement on a table asks once who it is: `(select learnplan.current_user_id())`.
Measured is a prepared statement that does just that, beside one that answers null: 400
executions in one message, so that the line costs next to nothing, the two in turn, on
one connection. It is processor time of the server's process: the median of the
differences, and in brackets the tenth and the ninetieth of a hundred. 10,000 users.

A transaction is one `select 1` on one connection, in `acting_as` and in
`conn.transaction()`, in turn; a relay counts how often the client speaks after the
server has. In autocommit, BEGIN and what takes the role travel together; psycopg's
other mode sends its BEGIN alone.

<!-- not run: it measures for minutes, on a machine that is idle -->
```sh
python -m bench.identity         # under a minute; writes docs/performance/identity.json
python -m bench.identity --quick # a look
```
"""


def section(data: Mapping[str, Any]) -> str:
    """Return the section: targets, statements, transactions, and how it is measured."""
    asked, ran, switch = data["statements"], data["transactions"], data["switches"]
    worst = max(asked[name]["added"] for name in HOT)
    added = max(
        each["acting_as"]["round_trips"] - each["transaction"]["round_trips"]
        for each in ran
    )
    targets = [
        (
            f"asking who it is: at most {MOST_MICROSECONDS:.0f} us a statement",
            f"{worst:.1f} us",
            _met(worst <= MOST_MICROSECONDS),
        ),
        (
            "`acting_as`: at most one round trip a transaction",
            f"{added}",
            _met(added <= MOST_ROUND_TRIPS),
        ),
    ]
    return "\n".join(
        [
            "## Identity\n",
            table(("target", "found", "met"), targets, 1) + "\n",
            table(
                ("claims", "added by asking", "statement", "without"),
                [_statement(name, each) for name, each in asked.items()],
                1,
            )
            + "\n",
            table(
                ("added delay", "connection", "acting_as", "without", "round trips"),
                [_transaction(each) for each in ran],
                2,
            )
            + "\n",
            SWITCH.format(
                **{name.replace(" ", "_"): took for name, took in switch.items()}
            ),
            measured(data["facts"]),
            METHOD,
        ]
    )


def measured(facts: Mapping[str, str], *more: str) -> str:
    """Return when and on what it was measured."""
    postgres = facts["PostgreSQL"].partition(",")[0]
    said = ", ".join([facts["processor"], f"PostgreSQL {postgres}", *more])
    return f"Measured {facts['date']} on {said}.\n"


def _met(holds: bool) -> str:  # noqa: FBT001 - the one thing it is about
    return "yes" if holds else "**no**"


def _statement(name: str, each: Mapping[str, float]) -> tuple[str, ...]:
    """Return the row of a kind of claims."""
    spread = f"({each['low']:.1f} to {each['high']:.1f})"
    return (
        name,
        f"{each['added']:.1f} us {spread}",
        f"{each['identity']:.1f} us",
        f"{each['nothing']:.1f} us",
    )


def _transaction(each: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the row of a line and a kind of connection."""
    acting, plain = each["acting_as"], each["transaction"]
    return (
        f"{each['delay_ms']} ms",
        "autocommit" if each["autocommit"] else "as it comes",
        f"{number(acting['ms'])} ms",
        f"{number(plain['ms'])} ms",
        f"{acting['round_trips']} / {plain['round_trips']}",
    )
