"""
Two databases, ours and the real sqitch's: the registry is equal row by row.

Pair.run compares exit code, standard output, every row (times aside, their order
included) and what the scripts made, after each command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sample_projects import PLAN, fill, plan, second

if TYPE_CHECKING:
    from collections.abc import Callable

    from twins import Pair

pytestmark = pytest.mark.gate

FAILURES = {
    "script": ["--set", "fail_deploy=f"],
    "verify": ["--verify", "--set", "fail_verify=f"],
    "rollback": ["--set", "fail_deploy=f", "--set", "fail_revert=d"],
    "undo": ["--verify", "--set", "fail_verify=f", "--set", "fail_revert=f"],
}


@pytest.mark.parametrize(
    "words",
    [
        *("deploy --to", "revert -y --to", "rebase -y --onto", "verify --from"),
        *("verify --to", "check --from", "check --to", "verify --from a --to"),
    ],
)
def test_empty_name_is_no_name_and_not_everything(six: Pair, words: str) -> None:
    """Of ``revert -y --to "$TAG"`` without a TAG nothing may be lost."""
    assert 0 == six.run("deploy", "--to", "d").code
    assert 2 == six.run(*words.split(), "", out=False).code
    assert 4 == len(six.ours.rows()["changes"])


# Where a deploy begins matters to what goes back to it or to a tag on the way; whether
# d, too, has to go, which will not, only if it is above.
STARTS = {
    "all": {"": FAILURES, "b": FAILURES, "e": ["script", "undo"]},
    "tag": {"": FAILURES, "a": ["rollback"], "b": FAILURES, "e": ["script", "undo"]},
    "change": {"": FAILURES, "e": ["verify"]},
}


@pytest.mark.parametrize(
    ("mode", "start", "failure"),
    [
        (mode, start, failure)
        for mode, starts in STARTS.items()
        for start, failures in starts.items()
        for failure in failures
    ],
)
def test_failed_deploy(six: Pair, start: str, mode: str, failure: str) -> None:
    """What a failure takes back, from nothing, an untagged and a tagged change on."""
    if start:
        assert 0 == six.run("deploy", "--to", start).code
    assert 2 == six.run("deploy", "--mode", mode, *FAILURES[failure]).code


@pytest.mark.parametrize("options", [[], ["--to", "c"], ["--mode", "tag"]])
def test_log_only(six: Pair, options: list[str]) -> None:
    """Rows without scripts; revert likewise."""
    assert 0 == six.run("deploy", "--log-only", *options).code
    assert 2 == six.run("verify").code
    assert 0 == six.run("revert", "-y", "--to", "@v1", "--log-only").code
    assert 2 == six.run("revert", "-y").code
    assert 0 == six.run("revert", "-y", "--log-only").code


@pytest.mark.parametrize("mode", ["all", "tag", "change"])
def test_log_only_with_failing_verify(six: Pair, mode: str) -> None:
    """Verify scripts do run with --log-only; a failure runs no revert script."""
    six.execute("create table t_a (i int); create table t_b (i int)")
    argv = ["deploy", "--log-only", "--verify", "--mode", mode]
    assert 2 == six.run(*argv).code


def test_targets_of_deploy_and_revert(six: Pair) -> None:
    """Every way to name a change, deployed, to be deployed, or neither."""
    for spec in ("@v1", "b@v1", "c@HEAD", "@HEAD^", "@ROOT", "d", "no"):
        six.run("deploy", "--to", spec)
        six.run("revert", "-y", "--to", spec)
    assert 0 == six.run("revert", "-y", "--to", "c").code
    newest = six.ours.rows()["changes"][-1][0]
    assert 0 == six.run("revert", "-y", "--to", "HEAD^").code
    assert 0 == six.run("deploy", "--to", newest).code
    assert 2 == six.run("deploy", "--to", "ROOT").code
    assert 2 == six.run("revert", "-y", "--to", "f").code


def test_tags(six: Pair) -> None:
    """Later tags reach the newest deployed change, and no other, without an event."""
    assert 0 == six.run("deploy", "--to", "d").code
    lines = PLAN.splitlines(keepends=True)
    later = "@late{n} 2026-01-02T00:00:0{n}Z {{by}} # Late.\n"
    lines.insert(1, later.format(n=1))  # on a, which is not the newest
    lines.insert(8, later.format(n=2))  # on d, which is
    six.write("sqitch.plan", plan("".join(lines)))
    assert 0 == six.run("deploy", "--to", "d").code
    assert 2 == six.run("revert", "-y", "--to", "@late1").code
    assert 0 == six.run("deploy").code
    assert 0 == six.run("revert", "-y", "--to", "@late2").code
    assert 0 == six.run("rebase", "-y").code
    assert 0 == six.run("revert", "-y", "--to", "@late1").code


def rework(pair: Pair, times: int) -> None:
    """Write a plan in which c is reworked, with older files in a folder of their own."""
    fill(pair, "c z")
    folders = [f"\treworked_{kind}_dir = old/{kind}" for kind in ("deploy", "verify")]
    pair.configure(
        *('[core "variables"]', "\tfail_deploy = -", "\tfail_revert = -"),
        *("\tfail_verify = -", "[core]", "\treworked_dir = older", *folders),
    )
    lines = ["c 2026-01-01T00:00:00Z {by} # C.\n"]
    for number in range(1, times + 1):
        stamp = f"2026-01-0{number + 1}T00:00"
        lines.append(f"@w{number} {stamp}:01Z {{by}} # Tag.\n")
        lines.append(f"@x{number} {stamp}:02Z {{by}} # Tag too.\n")
        lines.append(f"c [c@w{number}] {stamp}:03Z {{by}} # Again.\n")
    pair.write("sqitch.plan", plan("".join(lines) + "z 2026-02-01T00:00:00Z {by}\n"))
    for number in range(times + 1):
        suffix = f"@w{number + 1}" if number < times else ""
        texts = {
            "deploy": "create or replace function f_c() returns int language sql as"
            f" 'select {number}';\n",
            "revert": "create or replace function f_c() returns int language sql as"
            f" 'select {number - 1}';\n"
            if number
            else "drop function f_c();\n",
            "verify": f"select 1 / (f_c() = {number})::int;\n",
        }
        folders_of = {"deploy": "old/deploy", "revert": "older/revert"}
        for kind, text in texts.items():
            folder = folders_of.get(kind, f"old/{kind}") if suffix else kind
            pair.write(f"{folder}/c{suffix}.sql", f"begin;\n{text}commit;\n")


@pytest.mark.parametrize("times", [1, 2, 3])
def test_reworked_changes(pair: Pair, times: int) -> None:
    """A reworked change runs the files of the version that is meant, both ways."""
    rework(pair, times)
    assert 0 == pair.run("deploy", "--verify").code
    assert 0 == pair.run("verify").code
    assert 0 == pair.run("check").code
    assert 2 == pair.run("revert", "-y", "--to", "c").code  # ambiguous
    assert 0 == pair.run("revert", "-y", "--to", "c@x1").code
    assert 0 == pair.run("verify").code
    assert 0 == pair.run("deploy", "--to", "c@HEAD", "--verify").code
    assert 2 == pair.run("deploy", "--to", "c").code
    assert 2 == pair.run("deploy", "--verify", "--set", "fail_verify=z").code
    assert 0 == pair.run("revert", "-y").code


@pytest.mark.parametrize(
    ("needs", "code"),
    [
        ("rows:a", 0),
        ("rows:c@v2", 0),
        ("rows:@v2", 0),
        ("rows:@v2-too !rows:f !other:z", 0),
        ("rows:{id} rows:b", 0),
        ("rows:f", 2),
        ("rows:e@v2 rows:a rows:@nope", 2),
        ("rows:0123456789012345678901234567890123456789", 2),
        ("!rows:a !rows:d", 2),
        ("!rows:c@v2", 2),
        ("nowhere:x", 2),
    ],
)
def test_dependencies_between_projects(
    two: tuple[Pair, Pair], needs: str, code: int
) -> None:
    """Requirements and conflicts of another project are looked up in the registry."""
    first, other = two
    assert 0 == first.run("deploy", "--to", "e").code
    known = first.ours.rows()["changes"][2][0]
    second(other, needs.format(id=known))
    if code:  # Sqitch has said that it deploys, and has a new project, by then
        first.skipped = other.skipped = {"projects"}
        assert code == other.run("deploy", "--verify", out=False).code
        return
    assert code == other.run("deploy", "--verify").code
    other.run("verify")
    first.run("revert", "-y")
    first.run("revert", "-y", "--to", "a")
    other.run("revert", "-y")
    assert 0 == first.run("revert", "-y").code


def test_several_projects(two: tuple[Pair, Pair]) -> None:
    """Each project has its own position; log shows all."""
    first, other = two
    second(other, "rows:@v1", uri="https://x.org/")
    for step in (
        *((first, "deploy", "--to", "@v1"), (other, "deploy"), (first, "deploy")),
        *((other, "revert", "-y", "--to", "x"), (first, "verify"), (other, "verify")),
        *((first, "revert", "-y", "--to", "c"), (other, "status"), (first, "check")),
        *((other, "rebase", "-y"), (first, "status")),
    ):
        assert 0 == step[0].run(*step[1:]).code


@pytest.mark.parametrize(
    ("name", "had", "has"),
    [
        ("second", "", "https://x.org/"),
        ("second", "https://y.org/", "https://x.org/"),
        ("second", "https://y.org/", ""),
        ("third", "https://y.org/", "https://y.org/"),
    ],
)
def test_other_uri(two: tuple[Pair, Pair], name: str, had: str, has: str) -> None:
    """A project of the same name and another URI is refused; so is a URI in use."""
    _, other = two
    second(other, "!rows:z", uri=had)
    assert 0 == other.run("deploy").code
    assert 0 == other.run("revert", "-y").code
    second(other, "!rows:z", name, has)
    assert 2 == other.run("deploy").code


def test_registry_of_another_name(new_pair: Callable[..., Pair]) -> None:
    """A registry's name may need quotes; everything works in it."""
    pair = new_pair(registry="My Reg")
    pair.write("sqitch.plan", plan(PLAN))
    fill(pair, "a b c d e f")
    for argv in (
        *(["deploy", "--to", "d", "--verify"], ["status"], ["verify"], ["check"]),
        *(["revert", "-y", "--to", "@v1"], ["deploy"], ["upgrade"], ["rebase", "-y"]),
    ):
        assert 0 == pair.run(*argv).code
    assert pair.theirs.shape() == pair.ours.shape()


def test_nothing_to_do(pair: Pair) -> None:
    """Without a registry, without changes, and when all is done already."""
    pair.write("sqitch.plan", plan(""))
    fill(pair, "a")
    for argv in ("deploy", "revert -y", "verify", "check", "status", "log", "plan"):
        pair.run(*argv.split())
    pair.write("sqitch.plan", plan("a 2026-01-01T00:00:00Z {by} # A.\n"))
    for argv in ("verify", "check", "deploy", "deploy", "deploy --to a", "revert -y"):
        pair.run(*argv.split())
    for argv in ("revert -y", "verify", "check", "status", "rebase -y", "rebase -y"):
        pair.run(*argv.split())
    pair.write("sqitch.plan", plan("a 2026-01-01T00:00:00Z {by} # A.\n"))
    assert 0 == pair.run("deploy").code
    pair.write("sqitch.plan", plan(""))
    assert 2 == pair.run("verify").code
    assert 1 == pair.run("check").code
    assert 2 == pair.run("deploy").code
