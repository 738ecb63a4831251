"""
The real Sqitch beside us: the same commands leave the same files and say the same.

Each scenario runs in two copies of one directory. Timestamps are masked, nothing else.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from learnplan_db.cli import cli
from learnplan_db.plans import plan

if TYPE_CHECKING:
    from warm import Warm

pytestmark = pytest.mark.gate

CONFIG = "[core]\n\tengine = pg\n"
HEADER = "%syntax-version=1.0.0\n%project=school\n\n"
STAMP = "2026-11-24T09:00:00Z Ann Dee <ann@example.org>"
PLAN = f"{HEADER}a {STAMP} # A.\nb [a] {STAMP} # B.\n@v1 {STAMP} # One.\n"
NAME, MAIL = "Zoe Dee", "zoe@example.org"
DATE = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Scenario:
    """Files of a project, and command lines to run in it, one after the other."""

    name: str
    commands: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a scenario left: exit code and standard output of each command, the files."""

    said: list[tuple[int, str]]
    tree: dict[str, bytes]
    errors: str = field(compare=False)


def scenario(name: str, *commands: str, **more: dict[str, str]) -> Scenario:
    """Return a scenario with a usual project in it."""
    usual = {"sqitch.conf": CONFIG, "sqitch.plan": PLAN}
    files = {**usual, **more.pop("files", {})}
    return Scenario(name, commands, files, more.pop("environ", {}))


Answer = tuple[int, bytes, str]  # exit code, standard output and error
Tool = Callable[[list[str], Path, dict[str, str]], Answer]


def run(tool: Tool, base: Path, case: Scenario) -> Outcome:
    """Run a scenario with one tool in a directory of its own."""
    home, root = base / "home", base / "project"
    home.mkdir(parents=True)
    for name, text in case.files.items():
        file = (home if name.startswith(".sqitch") else root) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    environ |= {"SQITCH_FULLNAME": NAME, "SQITCH_EMAIL": MAIL} | case.environ
    said, errors = [], []
    for line in case.commands:
        code, output, error = tool(shlex.split(line), root, environ)
        # A trace of Perl's is an error like any other.
        text = DATE.sub(b"DATE", output).decode()
        if line == "bundle --all":  # Perl's hashes decide which target is first
            text = "Writing plan\n".join(sorted(text.split("Writing plan\n")))
        said.append((2 if code == 255 else code, text))
        errors.append(error)
    tree = {
        str(path.relative_to(root)): DATE.sub(b"DATE", path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    return Outcome(said, tree, "\n".join(errors))


def ours(words: list[str], root: Path, environ: dict[str, str]) -> Answer:
    """Run our command line, in this process."""
    nothing = dict.fromkeys(os.environ)
    result = CliRunner().invoke(cli, ["-C", str(root), *words], env=nothing | environ)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout_bytes, result.stderr


SCRIPTS = {
    f"{kind}/{name}.sql": f"-- {kind} {name}\n"
    for kind in ("deploy", "revert", "verify")
    for name in ("a", "b")
}
TAGGED = f"{PLAN}@v1.1 {STAMP} # Two tags.\n"
ODD = (
    f"%project=school\r\n# Comment.\r\n\r\n  a   {STAMP}#x\r\n\r\n#  c\\\\n \\x\r\n"
    f"+ b [!z  school:a] {STAMP}   \r\n @v1  {STAMP} # One\\nTwo \r\n\r\n"
    f"#tail\r\nc/d {STAMP}"
)
TEMPLATE = (
    "-- [% project %] [% change %]\n[% IF who -%]\nby [% who %]\n[%- ELSE %]nobody[% END %]\n"
    "[% UNLESS who %]no[% END %]|[% FOREACH r IN requires %]<[% r %]>[% END %]\n"
    "[% FOREACH l IN list -%]\n[% FOREACH r IN requires -%]\n[% l %]-[% r %]\n"
    "[% END -%]\n[% END %]"
    "[% unknown %][% CALL x %][% list.0 %][% list.7 %]\n"
)

SCENARIOS = [
    scenario("add", "add users -n 'Holds users'"),
    scenario(
        "add-configured-name",
        "add c -n C",
        "tag v2 -n T",
        files={".sqitch/sqitch.conf": "[user]\n\tname = Zoë  Ünï\n\temail = é@x\n"},
        environ={"SQITCH_FULLNAME": "", "SQITCH_EMAIL": ""},
    ),
    scenario("add-dependencies", "add t -r a -r @v1 -r a@v1 -r q:z -x b -x q:y -n N"),
    scenario(
        "add-own-prefix", "add t -r school:a --requires b --conflicts school:a -mN"
    ),
    scenario("add-repeated", "add t -r a -r a -x b -x b -m N"),
    scenario("add-negated", "add t -r !a -n N"),
    scenario("add-nested", "add x/y//z -n N", "add 日本 -n é"),
    scenario("add-after-change", "add c -n C", "add d -r c -n D"),
    scenario("add-notes", r"add c -n ' a\nb ' -n 'c\d' -n '#e'", "add d -n 0"),
    scenario("add-existing", "add c -n C", files={"revert/c.sql": "mine\n"}),
    scenario("add-odd-plan", "add e -n E", files={"sqitch.plan": ODD}),
    scenario("add-options", "add --change c --all -n C", "add -c d -an D", "add -n x"),
    scenario("add-set", "add c -n C -s who=me -s list=1 -s list=2 -s x=a=b"),
    scenario("add-without", "add c -n C --without verify --without revert"),
    scenario("add-quiet", "add c -n C --quiet", "--quiet tag t -n T"),
    scenario("add-plan-file", "add c -n C -f x.plan", files={"x.plan": PLAN}),
    scenario(
        "add-dirs",
        "add c -n C",
        "rework a -n A",
        files=SCRIPTS
        | {
            "sqitch.conf": f"{CONFIG}\ttop_dir = db\n\tplan_file = sqitch.plan\n"
            "\textension = ddl\n\trevert_dir = ./undo\n"
        },
    ),
    scenario(
        "add-user-templates",
        "add c -r a -r b -n C -s list=1 -s list=2",
        "add d -s who=me -n D",
        "add e --template own --without verify --without revert -n E",
        files={
            ".sqitch/templates/deploy/pg.tmpl": TEMPLATE,
            ".sqitch/templates/test/pg.tmpl": "[% engine %][%- project -%] \n.\n",
            ".sqitch/templates/deploy/own.tmpl": "own",
        },
    ),
    scenario(
        "add-configured-templates",
        "add c -n C",
        "add d -n D --use verify=x.tmpl --template-directory more",
        "add e --with docs -n E --template-directory none",
        files={
            "sqitch.conf": f"{CONFIG}[add]\n\ttemplate_directory = tmpl\n"
            '[add "templates"]\n\trevert = x.tmpl\n[add "variables"]\n\tWho = me\n\twho = i\n',
            "tmpl/deploy/pg.tmpl": "[% who %]\n",
            "more/docs/pg.tmpl": "[% change %]",
            "x.tmpl": "X",
        },
    ),
    scenario("add-taken", "add a -n N"),
    scenario("add-unknown", "add c -r nope -n N", "add c -r a@v9 -n N"),
    scenario("add-itself", "add c -r c -n N"),
    scenario("add-bad-dependency", "add c -r 'a b' -n N", "add c -x a@ -n N"),
    *(
        scenario(f"add-name-{number}", f"add -c {shlex.quote(name)} -n N")
        for number, name in enumerate(
            ("HEAD", "a b", "x~1", "@x", "x!", "f" * 40, "a:b", "x/", "-", "é…")
        )
    ),
    scenario("add-no-plan", "add c -n N", files={"sqitch.plan": ""}),
    scenario("rework", "rework b -n 'Better'", files=SCRIPTS),
    scenario(
        "rework-twice", "rework b -n 2", "tag v2 -n T", "rework b -n 3", files=SCRIPTS
    ),
    scenario(
        "rework-dependencies",
        "rework a -r b -x q:z -n N",
        files=SCRIPTS | {"sqitch.plan": TAGGED},
    ),
    scenario("rework-one-file", "rework a -n N", files={"deploy/a.sql": "-- a\n"}),
    scenario("rework-no-files", "rework a -n N"),
    scenario("rework-untagged", "add c -n C", "rework c -n N"),
    scenario("rework-unknown", "rework nope -n N", "rework"),
    scenario(
        "all-targets",
        "add c -a -n C",
        "rework b --all -n B",
        "tag v2 --all -n T",
        "add d other -n D",
        "add e other.plan pg -n E",
        "add other -n X",
        "add c --all other -n X",
        "tag v3 a other -n T",
        "tag",
        "tag --all",
        "bundle --all",
        "bundle other @ROOT a",
        files=SCRIPTS
        | {
            "sqitch.conf": f'{CONFIG}[engine "pg"]\n\ttarget = main\n'
            '[target "main"]\n\turi = db:pg:main\n'
            '[target "same"]\n\turi = db:pg:same\n\tdeploy_dir = same\n\treworked_deploy_dir = same\n'
            '[target "other"]\n\turi = db:pg:x\n\tplan_file = other.plan\n',
            "other.plan": PLAN,
            "same/b.sql": "-- same\n",
        },
    ),
    scenario("tag", "tag v2 -n T", "tag @v3 b -n U", "tag -t v4 -c a -n V", "tag"),
    scenario("tag-middle", "tag x a -n X", "tag", files={"sqitch.plan": ODD}),
    scenario("tag-spec", "tag x HEAD^ -n X", "tag y @v1 -n Y", "tag z b@HEAD -n Z"),
    scenario(
        "tag-bad", "tag v1 -n T", "tag x/y -n T", "tag HEAD -n T", "tag t nope -n T"
    ),
    scenario("tag-empty-plan", "tag v -n T", "tag", files={"sqitch.plan": HEADER}),
    scenario("show", "show change b", "show change @v1", "show tag v1", "show tag @v1"),
    scenario(
        "show-scripts",
        "show deploy b",
        "show revert @v1",
        "show verify a",
        files=SCRIPTS,
    ),
    scenario(
        "show-exists",
        *(
            "show -e change b",
            "show -e tag x",
            "show --exists deploy a",
            "show -e verify b",
        ),
        files={"verify/b.sql": "x"},
    ),
    scenario(
        "show-unknown", "show change x", "show tag x", "show blah a", "show deploy a"
    ),
    scenario("bundle", "bundle", "bundle --dest-dir out/x", files=SCRIPTS),
    scenario(
        "bundle-to", "bundle --from a --to a", "bundle --dir b2 @ROOT b", files=SCRIPTS
    ),
    scenario("bundle-reworked", "rework b -n N", "bundle --dir x", files=SCRIPTS),
]


@pytest.fixture(scope="module")
def sqitch_run(oracle: Warm) -> Tool:
    """Return a function that runs the real Sqitch."""

    def run(words: list[str], root: Path, environ: dict[str, str]) -> Answer:
        done = oracle.run(root, environ, *words)
        return done.code, done.out.encode(), done.err

    return run


@pytest.fixture(scope="module")
def outcomes(
    sqitch_run: Tool, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Outcome, Outcome]]:
    """Return what Sqitch and we make of every scenario."""
    base = tmp_path_factory.mktemp("authoring")
    return {
        case.name: (
            run(sqitch_run, base / case.name / "theirs", case),
            run(ours, base / case.name / "ours", case),
        )
        for case in SCENARIOS
    }


@pytest.mark.parametrize("name", [case.name for case in SCENARIOS])
def test_sqitch_does_the_same(
    outcomes: dict[str, tuple[Outcome, Outcome]], name: str
) -> None:
    """Exit codes, standard output and all files are those of Sqitch."""
    theirs, found = outcomes[name]
    assert theirs == found, f"sqitch: {theirs.errors}\nours: {found.errors}"


DIFFERENT = [
    scenario("head-dependency", "add c -r b@HEAD -n C", "plan"),
    scenario("head-tag-dependency", "add c -r @HEAD -n C", "plan"),
    scenario("root-dependency", "add c -r a@ROOT -n C", "plan"),
    scenario("rework-dependency-twice", "rework b -r b@v1 -n B", "plan"),
    scenario("own-prefix-twice", "add c -r a -r school:a -n C", "plan"),
    scenario(
        "own-prefix-in-plan",
        "tag x -n X",
        "plan",
        files={"sqitch.plan": f"{PLAN}c [a school:a] {STAMP}\n"},
    ),
    scenario(
        "hash-in-name", "add c -n C", "plan", environ={"SQITCH_FULLNAME": "Num #1"}
    ),
    scenario("noncharacter", "tag x -n \ufdd0", "plan"),
    scenario(
        "replanned-dependency",
        "rework b -n B",
        "tag v2 -n T",
        "add c -r b@v1 -n C",
        "plan",
        files=SCRIPTS,
    ),
]


@pytest.mark.parametrize("case", DIFFERENT, ids=lambda case: case.name)
def test_a_plan_that_cannot_be_read_again_is_not_written(
    sqitch_run: Tool, tmp_path: Path, case: Scenario
) -> None:
    """Where Sqitch writes a plan that nothing reads, we refuse and leave the files."""
    theirs = run(sqitch_run, tmp_path / "theirs", case)
    before = run(ours, tmp_path / "before", replace(case, commands=case.commands[:-2]))
    found = run(ours, tmp_path / "ours", case)
    assert [0, 2] == [code for code, _ in theirs.said[-2:]]
    assert [2, 0] == [code for code, _ in found.said[-2:]]
    assert before.tree == found.tree


def test_id_dependency_is_not_written(tmp_path: Path) -> None:
    """A change is not required by id, on which Sqitch would run out of memory."""
    identifier = plan.parse(PLAN.encode(), "sqitch.plan").changes[1].id
    commands = (f"add c -r {identifier} -n C", f"add c -x {'0' * 40} -n C")
    found = run(ours, tmp_path, scenario("id", *commands))
    assert [2, 2] == [code for code, _ in found.said]
    assert 'name "b@v1"' not in found.errors
    assert 'fix  name "b"' in found.errors
    assert PLAN.encode() == (tmp_path / "project/sqitch.plan").read_bytes()


def test_bracketed_name_is_refused(sqitch_run: Tool, tmp_path: Path) -> None:
    """Sqitch 1.3.1 adds a name with brackets, which later versions refuse."""
    case = scenario("brackets", "add -c f[g -n F", "tag t[x -n T")
    assert [0, 0] == [code for code, _ in run(sqitch_run, tmp_path / "1", case).said]
    found = run(ours, tmp_path / "2", case)
    assert [2, 2] == [code for code, _ in found.said]
    assert ["sqitch.conf", "sqitch.plan"] == list(found.tree)


def test_bundle_to_means_to(sqitch_run: Tool, tmp_path: Path) -> None:
    """Sqitch takes a --to without --from for a --from; ours ends where it says."""
    case = scenario("to", "bundle --to a", files=SCRIPTS)
    theirs = run(sqitch_run, tmp_path / "theirs", case)
    found = run(ours, tmp_path / "ours", case)
    assert "Writing plan from a to @HEAD" in theirs.said[0][1]
    assert "Writing plan from @ROOT to a\nWriting scripts\n  + a\n" in found.said[0][1]
    assert "bundle/deploy/a.sql" in found.tree
    assert "bundle/deploy/b.sql" not in found.tree


def test_bundle_up_to_a_version_holds_its_script(
    sqitch_run: Tool, tmp_path: Path
) -> None:
    """
    A change that is not reworked yet in a bundle has its plain file there.

    Sqitch copies it as b@v1.sql, which the plan in the bundle does not look for.
    """
    commands = ("rework b -n N", "bundle --from @ROOT --to b@v1")
    theirs = run(
        sqitch_run, tmp_path / "theirs", scenario("to", *commands, files=SCRIPTS)
    )
    found = run(ours, tmp_path / "ours", scenario("to", *commands, files=SCRIPTS))
    assert theirs.said == found.said
    assert "bundle/deploy/b.sql" not in theirs.tree
    assert b"-- deploy b\n" == found.tree["bundle/deploy/b.sql"]
    assert theirs.tree["bundle/sqitch.plan"] == found.tree["bundle/sqitch.plan"]


def test_bundle_is_checked_first(sqitch_run: Tool, tmp_path: Path) -> None:
    """Nothing is copied when an end is unknown, or would change the ids."""
    case = scenario(
        "b", "bundle --from nope", "bundle --from b", "bundle --from a --to b b"
    )
    theirs = run(sqitch_run, tmp_path / "theirs", case)
    found = run(ours, tmp_path / "ours", case)
    assert [2, 0, 2] == [code for code, _ in theirs.said]
    assert [(2, "")] * 3 == found.said
    assert ["sqitch.conf", "sqitch.plan"] == list(found.tree)


def test_rework_never_overwrites_a_version(tmp_path: Path) -> None:
    """What holds the place of the earlier version is not lost; Sqitch replaces it."""
    files = SCRIPTS | {"revert/b@v1.sql": "precious"}
    found = run(ours, tmp_path, scenario("way", "rework b -n B", files=files))
    assert [(2, "")] == found.said
    assert "revert/b@v1.sql is in the way" in found.errors
    expected = {name: text.encode() for name, text in files.items()}
    assert expected == {name: found.tree[name] for name in expected}
    assert "deploy/b@v1.sql" not in found.tree


def test_note_needs_a_terminal(tmp_path: Path) -> None:
    """Without -n and a terminal nothing waits for an editor, and nothing is written."""
    commands = ("add c", "rework b", "tag x", "add c -n ' '")
    found = run(ours, tmp_path, scenario("note", *commands, files=SCRIPTS))
    assert [(2, "")] * 4 == found.said
    assert 4 == found.errors.count("give it with -n NOTE")
    assert {"sqitch.conf", "sqitch.plan", *SCRIPTS} == set(found.tree)


def at_terminal(root: Path, editor: str, *words: str) -> tuple[int, str]:
    """Return exit code and output of a command of ours, at a terminal."""
    ours_end, its_end = os.openpty()
    environ = os.environ | {"SQITCH_EDITOR": editor, "SQITCH_FULLNAME": NAME}
    done = subprocess.run(
        [sys.executable, "-m", "learnplan_db", "-C", str(root), *words],
        stdin=its_end,
        env=environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        check=False,
    )
    os.close(ours_end)
    os.close(its_end)
    return done.returncode, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize(
    ("editor", "code", "told", "note"),
    [
        ("printf '  Why.\\n# no\\nSo.\\n\\n' >", 0, 'Added "c"', "#   Why.\\nSo."),
        ("true", 1, "Aborting due to empty note", None),
        ("false", 2, 'the editor "false" left with exit code 1', None),
    ],
)
def test_note_is_written_in_the_editor(
    tmp_path: Path, editor: str, code: int, told: str, note: str | None
) -> None:
    """What is not a comment is the note; without one nothing is written."""
    run(ours, tmp_path, scenario("editor", "tag"))
    root = tmp_path / "project"
    found = at_terminal(root, editor, "add", "c")
    assert code == found[0]
    assert told in found[1]
    written = (root / "sqitch.plan").read_text()
    assert (note is None) == (written == PLAN)
    assert note is None or written.endswith(f" {note}\n")


def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """When a script cannot be written, those before it and their directories go."""
    files = {"verify/x": "in the way of a directory"}
    found = run(ours, tmp_path, scenario("fail", "add x/y -n N", files=files))
    assert [(2, "")] == found.said
    assert "verify/x/y.sql cannot be written" in found.errors
    assert ["sqitch.conf", "sqitch.plan", "verify/x"] == list(found.tree)
    assert not (tmp_path / "project/deploy").exists()


def test_installed_plan_is_read_only(tmp_path: Path) -> None:
    """The plan that is installed with the package is not edited, but is shown."""
    package = Path(plan.__file__).parents[1]
    shutil.copytree(package, tmp_path / "learnplan_db")
    project = tmp_path / "learnplan_db/_project"
    shutil.copytree(package.parents[1] / "sql", project / "sql")
    shutil.copy(package.parents[1] / "sqitch.conf", project)
    found = {
        word: subprocess.run(
            [sys.executable, "-m", "learnplan_db", word, *rest],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            check=False,
        )
        for word, *rest in (["add", "x", "-n", "N"], ["show", "change", "HEAD"])
    }
    assert [2, 0] == [done.returncode for done in found.values()]
    assert b"the packaged plan is read-only" in found["add"].stderr
    assert found["show"].stdout.startswith(b"project learnplan-db\n")
    assert not (project / "sql/deploy/x.sql").exists()
