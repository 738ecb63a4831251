"""
Where Sqitch harms its user we differ on purpose; each difference, beside sqitch.

The real sqitch does the harm on a database of its own, so that a difference which it
mends one day shows here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from twins import Pair, Side
    from warm import Done

HEAD = "%syntax-version=1.0.0\n%project=differ\n\n"
LINES = [
    "a 2026-01-01T00:00:00Z P <p@x.org> # First.",
    "b [a] 2026-01-01T00:00:01Z P <p@x.org> # Second.",
    "c 2026-01-01T00:00:02Z P <p@x.org> # Third.",
    "@v1 2026-01-01T00:00:03Z P <p@x.org> # One.",
]


def plan(*lines: str, head: str = HEAD) -> str:
    """Return a plan of body lines."""
    return head + "\n".join(lines) + "\n"


def write(pair: Pair, name: str, deploy: str = "") -> None:
    """Write the three scripts of a change."""
    text = deploy or f"create table t_{name} (i int);"
    pair.write(f"deploy/{name}.sql", f"begin;\n{text}\ncommit;\n")
    pair.write(f"revert/{name}.sql", f"begin;\ndrop table t_{name};\ncommit;\n")
    pair.write(f"verify/{name}.sql", f"select i from t_{name};\n")


@pytest.fixture
def three(pair: Pair) -> Pair:
    """Provide three changes and a tag."""
    pair.write("sqitch.plan", plan(*LINES))
    for name in "abcx":
        write(pair, name)
    return pair


def ours(pair: Pair, *argv: str) -> Done:
    """Run our command on our side; never with a traceback."""
    done = pair.tools.run("ours", pair.ours, *argv)
    assert "Traceback" not in done.err
    return done


def sqitchs(pair: Pair, *argv: str) -> Done:
    """Run sqitch on its side."""
    return pair.tools.run("reference", pair.theirs, *argv)


def deployed(side: Side) -> list[str]:
    """Return what is deployed, oldest first."""
    return [row[2] for row in side.rows().get("changes", [])]


@pytest.mark.parametrize("command", ["revert", "rebase", "revert --to a"])
def test_unattended_revert_without_y_is_refused(three: Pair, command: str) -> None:
    """Sqitch answers its own prompt with yes; here nobody's answer is no answer."""
    assert 0 == three.run("deploy").code
    done = ours(three, *command.split())
    assert (2, ["a", "b", "c"]) == (done.code, deployed(three.ours))
    assert "-y" in done.err
    first = three.theirs.rows()["changes"][-1]
    assert 0 == sqitchs(three, *command.split()).code
    assert len(three.theirs.rows()["events"]) > len(three.ours.rows()["events"])
    assert first in three.ours.rows()["changes"]


def test_no_prompt_is_an_answer(three: Pair) -> None:
    """revert.no_prompt says what -y says; prompt_accept is only a default."""
    three.configure("[revert]", "\tprompt_accept = true")
    assert 0 == three.run("deploy").code
    assert 2 == ours(three, "revert").code
    three.configure("[revert]", "\tno_prompt = true")
    assert 0 == three.run("revert").code
    assert [] == deployed(three.ours)


def test_rebase_upto_an_unknown_change_reverts_nothing(three: Pair) -> None:
    """Sqitch looks for --upto when everything is reverted already."""
    assert 0 == three.run("deploy").code
    done = ours(three, "rebase", "-y", "--upto", "wrong")
    assert (2, ["a", "b", "c"]) == (done.code, deployed(three.ours))
    assert '"wrong"' in done.err
    done = sqitchs(three, "rebase", "-y", "--upto", "wrong")
    assert (2, []) == (done.code, deployed(three.theirs))


@pytest.mark.parametrize("more", [(), ("--onto", "a")])
def test_rebase_upto_an_empty_name_reverts_nothing(
    three: Pair, more: tuple[str, ...]
) -> None:
    """An unset variable in a script is neither everything nor the last change."""
    assert 0 == three.run("deploy").code
    argv = ("rebase", "-y", *more, "--upto", "")
    assert (2, ["a", "b", "c"]) == (ours(three, *argv).code, deployed(three.ours))
    assert 2 == sqitchs(three, *argv).code
    assert len(deployed(three.theirs)) < len(deployed(three.ours))


def test_rebase_upto_what_is_kept_reverts_nothing(three: Pair) -> None:
    """A change to deploy up to that lies before the one to keep is refused first."""
    assert 0 == three.run("deploy").code
    argv = ("rebase", "-y", "--onto", "b", "--upto", "a")
    assert (2, ["a", "b", "c"]) == (ours(three, *argv).code, deployed(three.ours))
    assert (2, ["a", "b"]) == (sqitchs(three, *argv).code, deployed(three.theirs))


REFUSED = {
    "missing": (None, "no readable deploy/c.sql"),
    "equal": ("begin;\ncreate table t_b (i int);\ncommit;\n", "same deploy script"),
    "unreadable": ("\\! true\n", "--client psql"),
}


@pytest.mark.parametrize("defect", REFUSED)
def test_rebase_that_cannot_deploy_reverts_nothing(three: Pair, defect: str) -> None:
    """What deploy refuses at once is told while the data are still there."""
    assert 0 == three.run("deploy").code
    text, said = REFUSED[defect]
    three.write("deploy/c.sql", text or "")
    if text is None:
        for side in (three.ours, three.theirs):
            (side.directory / "deploy/c.sql").unlink()
    argv = ("rebase", "-y", "--onto", "a")
    done = ours(three, *argv)
    assert (2, ["a", "b", "c"]) == (done.code, deployed(three.ours))
    assert said in done.err
    assert "Reverting" not in done.out
    assert "Reverting changes to a" in sqitchs(three, *argv).out
    reverted = "select 1 from sqitch.events where event = 'revert'"
    assert three.theirs.read(reverted)
    assert not three.ours.read(reverted)


def test_rebase_with_an_unmet_requirement_reverts_nothing(three: Pair) -> None:
    """Sqitch finds what a change requires only when all is reverted."""
    assert 0 == three.run("deploy").code
    needy = "x [other:y] 2026-01-02T00:00:00Z P <p@x.org> # Needs what is not there."
    three.write("sqitch.plan", plan(*LINES, needy))
    argv = ("rebase", "-y", "--onto", "a")
    done = ours(three, *argv)
    assert (2, ["a", "b", "c"]) == (done.code, deployed(three.ours))
    assert "other:y" in done.err
    assert (2, ["a"]) == (sqitchs(three, *argv).code, deployed(three.theirs)[:1])
    assert len(three.theirs.rows()["events"]) > len(three.ours.rows()["events"])


def test_rebase_onto_what_the_plan_lacks_reverts_nothing(three: Pair) -> None:
    """After the revert nothing could be deployed from this plan."""
    assert 0 == three.run("deploy").code
    edited = LINES[1].replace("Second", "2nd")
    three.write("sqitch.plan", plan(LINES[0], edited, *LINES[2:]))
    argv = ("rebase", "-y", "--onto", "b")
    assert (2, ["a", "b", "c"]) == (ours(three, *argv).code, deployed(three.ours))
    assert (2, ["a", "b"]) == (sqitchs(three, *argv).code, deployed(three.theirs))
    assert 0 == ours(three, "rebase", "-y", "--onto", "a").code
    assert ["a", "b", "c"] == deployed(three.ours)


def test_rebase_of_changes_that_conflict_with_what_goes_works(three: Pair) -> None:
    """What the rebase itself reverts is no conflict and no duplicate."""
    assert 0 == three.run("deploy").code
    clash = "x [!c@v1] 2026-01-02T00:00:00Z P <p@x.org> # Instead of c."
    three.write("sqitch.plan", plan(*LINES[:2], clash))
    argv = ("rebase", "-y", "--onto", "b")
    assert ours(three, *argv).code == sqitchs(three, *argv).code


@pytest.mark.parametrize("section", ["revert", "rebase", "checkout"])
def test_strict_is_heeded(three: Pair, section: str) -> None:
    """Sqitch knows it from 1.4; before, it reverts everything."""
    three.configure(f"[{section}]", "\tstrict = true")
    assert 0 == three.run("deploy").code
    argv = (section, "-y")
    done = ours(three, *argv)
    assert (2, ["a", "b", "c"]) == (done.code, deployed(three.ours))
    assert "strict" in done.err
    assert "strict" not in sqitchs(three, *argv).err
    three.configure(f"[{section}]", "\tstrict = false")
    assert "strict" not in ours(three, *argv).err


@pytest.mark.parametrize("whole", [True, False])
def test_events_of_a_script_that_ends_its_session(three: Pair, *, whole: bool) -> None:
    """
    Nothing can be written in a session that is gone; Sqitch has a second one.

    What is not one transaction has its event beforehand.
    """
    suicide = "select pg_terminate_backend(pg_backend_pid());"
    three.write("deploy/c.sql", f"begin;\n{suicide}\ncommit;" if whole else suicide)
    assert (2, 2) == (ours(three, "deploy").code, sqitchs(three, "deploy").code)
    events = "select event from sqitch.events order by committed_at"
    left = [] if whole else [("fail",)]
    assert [("deploy",)] * 2 + left == three.ours.read(events)
    assert [("deploy",)] * 2 + [("fail",)] == three.theirs.read(events)[:3]
    three.write("deploy/c.sql", "create table t_c (i int);")
    assert 0 == ours(three, "deploy").code


def test_damaged_registry_is_no_matter_of_permission(three: Pair) -> None:
    """No grant brings a table back, so none is asked for."""
    assert 0 == three.run("deploy").code
    three.execute("drop table sqitch.tags cascade")
    for command in ("status", "deploy"):
        done = ours(three, command)
        assert sqitchs(three, command).code == done.code
        assert 'relation "sqitch.tags" does not exist' in done.err
        assert "backup" in done.err
        assert "grant" not in done.err


FREEZE = """create function keep_out() returns trigger language plpgsql as
  $$ begin if new.change = 'c' then raise 'frozen until Monday'; end if;
  return new; end $$;
create trigger keep_out before insert on sqitch.changes
  for each row execute function keep_out()"""


def test_registry_that_refuses_a_row_fails_its_change(three: Pair) -> None:
    """Somebody's own trigger: what was deployed is taken back, and its words told."""
    assert 0 == three.run("deploy", "--to", "a").code
    three.execute(FREEZE)
    done = ours(three, "deploy")
    assert 2 == done.code
    assert "could not be read or written: frozen until Monday" in done.err
    assert "grant" not in done.err
    assert ["a"] == deployed(three.ours)
    three.execute("drop trigger keep_out on sqitch.changes")
    assert 0 == ours(three, "deploy").code
    assert ["a", "b", "c"] == deployed(three.ours)


def test_sha1_dependency_works(three: Pair) -> None:
    """Sqitch recurses on one until memory runs out, so it is never run on it here."""
    found = ours(three, "plan", "--no-headers", "--format", "format:%H").out
    key = found.split()[0]
    last = f"x [{key}] 2026-01-02T00:00:00Z P <p@x.org> # By id."
    three.write("sqitch.plan", plan(*LINES, last))
    for argv in ("deploy --verify", "verify", "status", "check", "log", "plan"):
        assert 0 == ours(three, *argv.split()).code
    wanted = (key, key)
    assert wanted in [row[2:] for row in three.ours.rows()["dependencies"]]
    assert 0 == ours(three, "revert", "-y", "--to", "a").code
    assert 0 == ours(three, "revert", "-y").code
    unknown = last.replace(key, "0" * 40)
    three.write("sqitch.plan", plan(*LINES, unknown))
    done = ours(three, "deploy")
    assert (2, []) == (done.code, deployed(three.ours))
    assert "0" * 40 in done.err


DISAGREEMENTS = {
    "inserted": (
        plan(LINES[0], "x 2026-01-01T00:00:00Z P <p@x.org>", *LINES[1:]),
        [
            "   2  b is planned as number 3, in line 6",
            "   3  c @v1 is planned as number 4, in line 7",
        ],
        "revert to before b and deploy again",
    ),
    "note": (
        plan(LINES[0], LINES[1].replace("Second", "2nd"), *LINES[2:]),
        [
            "   2  b has another note in line 5",
            "   3  c @v1 follows a change that differs",
        ],
        "revert to before b and deploy again",
    ),
    "planner and dependencies": (
        plan(LINES[0], LINES[1].replace("[a] ", "").replace("P <", "Q <"), *LINES[2:]),
        ["   2  b has another planner and dependencies in line 5"],
        "revert to before b and deploy again",
    ),
    "reordered": (
        plan(LINES[2], LINES[0], LINES[1]),
        [
            "   1  a is planned as number 2, in line 5",
            "   3  c @v1 is planned as number 1, in line 4",
        ],
        "revert everything and deploy again",
    ),
    "truncated": (
        plan(*LINES[:2]),
        ["it is newer than this plan", "   3  c @v1 is not in the plan"],
        "use the plan that was deployed, a newer one perhaps",
    ),
    "other URI": (
        plan(*LINES, head=HEAD.replace("\n\n", "\n%uri=https://x.org/\n\n")),
        ["   1  a has another id: the project or its URI was changed"],
        "revert everything and deploy again",
    ),
}


@pytest.mark.parametrize("name", DISAGREEMENTS)
def test_registry_that_disagrees_is_explained(three: Pair, name: str) -> None:
    """Each change that differs has a line that says how, and what to do is said."""
    text, lines, fix = DISAGREEMENTS[name]
    assert 0 == three.run("deploy").code
    three.write("sqitch.plan", text)
    for command in ("deploy", "status"):
        done, theirs = ours(three, command), sqitchs(three, command)
        assert (2, 2) == (theirs.code, done.code)
        for line in lines:
            assert line in done.err
        assert "sqitch.plan" in done.err
        assert fix in " ".join(done.err.split())
    assert "Cannot find change" in sqitchs(three, "deploy").err
    three.compare()
    assert 0 == three.run("revert", "-y", "--to", "a").code  # the plan is not asked


def refused_at_once(pair: Pair, *texts: str, left: list[str] | None = None) -> None:
    """Assert that a deploy says why it does nothing, and that sqitch does something."""
    done = ours(pair, "deploy")
    assert 2 == done.code
    for text in (*texts, "fix  "):
        assert text in done.err
    assert ({}, []) == (pair.ours.rows(), pair.ours.catalog())
    assert 2 == sqitchs(pair, "deploy", "--mode", "change").code
    assert {} != pair.theirs.rows()
    assert (left or []) == deployed(pair.theirs)


def test_missing_deploy_script_is_refused_at_once(three: Pair) -> None:
    """Nothing is made, not even a registry; Sqitch finds out when it gets there."""
    for side in (three.ours, three.theirs):
        (side.directory / "deploy" / "c.sql").unlink()
    refused_at_once(three, "deploy/c.sql", left=["a", "b"])


def test_repeated_deploy_script_is_refused_at_once(three: Pair) -> None:
    """The registry holds each script once; Sqitch runs it, then cannot record it."""
    text = "create table if not exists t_a (i int);"
    for name in "ac":
        write(three, name, text)
    refused_at_once(three, 'same deploy script as "a"', left=["a", "b"])


def test_unmet_requirement_is_refused_at_once(three: Pair) -> None:
    """Sqitch has made its registry and a project by then."""
    line = "x [other:y] 2026-01-02T00:00:00Z P <p@x.org>"
    three.write("sqitch.plan", plan(*LINES, line))
    refused_at_once(three, "requires other:y", "sqitch.plan:8")


def test_conflict_with_an_earlier_change_is_refused_at_once(three: Pair) -> None:
    """Two changes of one plan that exclude each other can never be deployed."""
    line = "x [!a] 2026-01-02T00:00:00Z P <p@x.org>"
    three.write("sqitch.plan", plan(*LINES, line))
    refused_at_once(three, "conflicts with a", "sqitch.plan:8")


def test_conflict_with_an_unknown_change_is_refused_at_once(three: Pair) -> None:
    """A conflict that names nothing of the plan is a slip, told with its line."""
    line = "x [!dropped] 2026-01-02T00:00:00Z P <p@x.org>"
    three.write("sqitch.plan", plan(*LINES, line))
    refused_at_once(three, '"dropped"', "sqitch.plan:8")


def test_script_that_ends_in_an_open_transaction_fails(three: Pair) -> None:
    """A forgotten commit: Sqitch records the change, of which nothing is there."""
    three.write("deploy/b.sql", "begin;\ncreate table forgotten (i int);\n")
    done = ours(three, "deploy", "--mode", "change")
    assert 2 == done.code
    assert "ends in an open transaction" in done.err
    assert ["a"] == deployed(three.ours)
    assert 0 == sqitchs(three, "deploy").code
    assert ["a", "b", "c"] == deployed(three.theirs)
    query = "select to_regclass('forgotten') is null"
    assert [(True,)] == three.theirs.read(query)


@pytest.mark.parametrize("command", ["verify", "check"])
def test_range_that_ends_before_it_starts(three: Pair, command: str) -> None:
    """Sqitch's verify stumbles over it; here both options are named."""
    assert 0 == three.run("deploy").code
    argv = (command, "--from", "c", "--to", "a")
    done = ours(three, *argv)
    assert (2, True) == (done.code, '"c" comes after "a"' in done.err)
    if command == "verify":
        assert "undefined value" in sqitchs(three, *argv).err


def test_modified_with_nothing_deployed(three: Pair) -> None:
    """There is nothing to compare, so nothing to revert; Sqitch stumbles over it."""
    assert 0 == three.run("deploy").code
    assert 0 == three.run("revert", "-y").code
    done = ours(three, "revert", "-y", "--modified")
    assert (0, "Nothing to revert (nothing deployed)\n") == (done.code, done.out)
    assert "undefined value" in sqitchs(three, "revert", "-y", "--modified").err


def test_upgrade_makes_a_registry(three: Pair) -> None:
    """A DBA may make it beforehand; it is the one that sqitch's deploy makes."""
    assert 2 == sqitchs(three, "upgrade").code
    assert {} == three.theirs.rows()
    assert 0 == ours(three, "upgrade").code
    assert 0 == sqitchs(three, "deploy").code
    assert three.theirs.rows()["releases"] == three.ours.rows()["releases"]
    assert three.theirs.shape() == three.ours.shape()
    assert 0 == ours(three, "deploy").code
    three.compare()


def test_deploy_of_an_empty_plan_leaves_no_registry(three: Pair) -> None:
    """Nothing to do is found before anything is made."""
    three.write("sqitch.plan", HEAD)
    assert 2 == three.run("deploy").code
    assert {} == three.ours.rows()


@pytest.mark.parametrize(
    "argv",
    [
        "deploy --mode foo",
        "log --format blah",
        "plan --format blah",
        "status --date-format blah",
    ],
)
def test_exit_2_where_sqitch_dies(three: Pair, argv: str) -> None:
    """A wrong option is told in a line; Sqitch shows a trace and exits with 255."""
    assert 0 == three.run("deploy").code
    assert 255 == sqitchs(three, *argv.split()).code
    done = ours(three, *argv.split())
    assert 2 == done.code
    assert argv.rsplit(maxsplit=1)[1] in done.err


def test_exit_2_for_a_broken_configuration(three: Pair) -> None:
    """The file and the line are told."""
    for side in (three.ours, three.theirs):
        (side.directory / "sqitch.conf").write_text("[core\n")
    assert 255 == sqitchs(three, "status").code
    done = ours(three, "status")
    assert (2, True) == (done.code, "sqitch.conf:1" in done.err)
