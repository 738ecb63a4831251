"""The command export: its files, what it refuses, and what plain SQL cannot say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from learnplan_db.cli import cli
from learnplan_db.export.hosts import FORMATS, joined, python
from learnplan_db.ext.alembic import SCHEMAS
from learnplan_db.plans import plan as plans
from learnplan_db.settings import config
from learnplan_db.settings.configuration import Configuration
from released import releases

ROOT = Path(__file__).parents[2]


def export(*words: str | Path) -> Any:
    """Run the command; a traceback is a failure."""
    argv = ["export", *map(str, words)]
    return CliRunner().invoke(cli, argv, catch_exceptions=False)


def failed(done: Any, *texts: str, code: int = 2) -> None:
    """Assert that a command was refused with these texts."""
    said = done.stderr if code > 1 else done.stdout
    assert code == done.exit_code, done.output
    for text in texts:
        assert text in said


@pytest.mark.parametrize("form", FORMATS)
def test_same_range_gives_the_same_bytes(tmp_path: Path, form: str) -> None:
    """No time, user or path is in the files: whoever writes them, they are equal."""
    words = "--format", form, "--from", "@v1.1.0", "--to", "@v1.2.0", "--out"
    done = export(*words, tmp_path / "a")
    other = CliRunner(env={"USER": "eve", "SQITCH_FULLNAME": "Eve", "TZ": "Asia/Tokyo"})
    argv = ["export", *words, str(tmp_path / "b")]
    assert 0 == done.exit_code == other.invoke(cli, argv).exit_code
    a, b = ({p.name: p.read_bytes() for p in (tmp_path / d).iterdir()} for d in "ab")
    assert a == b
    assert any(b"learnplan-db from @v1.1.0 to @v1.2.0" in data for data in a.values())


def test_range_defaults_to_all_releases(tmp_path: Path) -> None:
    """Without ends, it goes from nothing to the newest tag."""
    newest = [name for name, _ in releases(plan())][-1]
    done = export("--format", "sql", "--out", tmp_path)
    assert f"Exporting learnplan-db from nothing to @{newest}" in done.stdout
    names = [f"learnplan-db-{newest}.revert.sql", f"learnplan-db-{newest}.sql"]
    assert names == sorted(path.name for path in tmp_path.iterdir())


def plan() -> plans.Plan:
    """Return the packaged plan."""
    path = ROOT / "sql" / "sqitch.plan"
    return plans.parse(path.read_bytes(), "sql/sqitch.plan")


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (
            "--from @v1.2.0 --to @v1.0.0",
            ["@v1.0.0 comes before @v1.2.0", "--from @v1.0.0"],
        ),
        ("--to @v9", ['"@v9"', "sql/sqitch.plan"]),
        ("--from nobody", ['"nobody"']),
        ("--to policy_users", ["policy_users@v1.0.0"]),
        ("--after x", ["--after and --format sql"]),
        ("--app x", ["--app and --format sql"]),
        ("--format django --app 1x", ['"1x" is no label']),
        ("--format alembic --after a;b", ['"a;b" names no migration']),
        ("--format flyway -o x.sql", ["-o and --format flyway"]),
        ("-o x.sql --out y", ["-o and --out"]),
        ("--format oracle", ["--format", "oracle"]),
    ],
)
def test_wrong_words_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, texts: list[str]
) -> None:
    """A range or option that cannot be is refused with what to give, and no file."""
    split = words.split()
    form = [] if "--format" in split else ["--format", "sql"]
    monkeypatch.chdir(tmp_path)
    failed(export(*form, *split), *texts)
    assert [] == list(tmp_path.iterdir())


def test_empty_range_is_nothing_to_do() -> None:
    """From a release to itself there is nothing: exit code 1, as status."""
    done = export("--format", "sql", "--from", "@v1.1.0", "--to", "@v1.1.0")
    failed(done, "Nothing to export from @v1.1.0 to @v1.1.0", code=1)


def test_files_that_are_there_stay(tmp_path: Path) -> None:
    """What the host has changed is not overwritten, unless it says so; all or none."""
    words = "--format", "sql", "--from", "@v1.1.0", "--out", tmp_path
    assert 0 == export(*words).exit_code
    main, back = sorted(tmp_path.iterdir(), key=lambda path: len(path.name))
    back.write_text("mine")
    main.unlink()
    failed(export(*words), back.name, "--force")
    assert ([back], "mine") == (list(tmp_path.iterdir()), back.read_text())
    assert 0 == export(*words, "--force").exit_code
    assert "begin;" in back.read_text()
    again = export(*words)
    assert (0, f"  = {main}") == (again.exit_code, again.stdout.splitlines()[1])


def test_unwritable_place_is_told(tmp_path: Path) -> None:
    """Where no file can be written, the error says why, and none is left."""
    (tmp_path / "file").write_text("")
    done = export("--format", "sql", "--out", tmp_path / "file" / "deeper")
    failed(done, "cannot be written", str(tmp_path / "file"))
    failed(export("--format", "sql", "-o", tmp_path), "cannot be written")


def test_output_names_the_files(tmp_path: Path) -> None:
    """-o names the main file, and the way back after it; - prints the main one."""
    words = "--format", "sql", "--from", "@v1.1.0", "-o"
    assert 0 == export(*words, tmp_path / "up.sql").exit_code
    assert {"up.sql", "up.revert.sql"} == {path.name for path in tmp_path.iterdir()}
    assert (tmp_path / "up.sql").read_text() == export(*words, "-").stdout


def test_json_names_the_files(tmp_path: Path) -> None:
    """For machines: the range, and where the files are."""
    done = export(
        "--format", "dbmate", "--from", "@v1.1.0", "--out", tmp_path, "--json"
    )
    said = json.loads(done.stdout)
    assert [str(path) for path in tmp_path.iterdir()] == said["files"]
    assert ("@v1.1.0", "@v1.2.0") == (said["from"], said["to"])


@pytest.mark.parametrize(
    ("form", "words", "texts"),
    [
        ("alembic", ["--after", "abc123"], ["down_revision = 'abc123'"]),
        ("alembic", ["--to", "@v1.1.0"], ["down_revision = None"]),
        ("django", ["--after", "shop.0007"], ["dependencies = [('shop', '0007')]"]),
        ("django", ["--app", "ours"], ["('ours', 'learnplan_db_v1_1_0')"]),
        ("django", ["--to", "@v1.1.0"], ["dependencies = []"]),
    ],
)
def test_migration_follows_another(
    form: str, words: list[str], texts: list[str]
) -> None:
    """The one before is the export up to the start, unless it is named."""
    given = [] if "--to" in words else ["--from", "@v1.1.0"]
    text = export("--format", form, "-o", "-", *given, *words).stdout
    compile(text, "migration", "exec")
    for one in texts:
        assert one in text


@pytest.mark.parametrize(
    ("form", "after", "text"),
    [
        ("alembic", "base", "down_revision = None"),
        ("django", "zero", "dependencies = []"),
    ],
)
def test_first_migration_may_begin_at_any_release(
    form: str, after: str, text: str
) -> None:
    """Where a deploy was first, the tool's first migration of ours follows none."""
    words = "--format", form, "-o", "-", "--from", "@v1.1.0", "--after", after
    said = export(*words).stdout
    assert text in said
    assert re.search(f"(stamp|learnplan) {after}'", said)


def test_mark_of_the_way_back_is_the_migration_before() -> None:
    """Told that all is taken back, Alembic is to be where this one's revert leads."""
    words = "--format", "alembic", "-o", "-", "--from", "@v1.1.0", "--after", "abc123"
    assert "taken back: alembic stamp abc123'" in export(*words).stdout


@pytest.mark.parametrize("form", ["flyway", "dbmate"])
def test_versions_go_up(form: str) -> None:
    """Changes that were planned in one second would be one version: refused."""
    words = "--from", "policy_tasks@HEAD", "--to", "policy_task_resources@HEAD"
    failed(export("--format", form, *words, "-o", "-"), "no later than policy_tasks")
    assert 0 == export("--format", "sql", *words, "-o", "-").exit_code


def test_revisions_chain() -> None:
    """What an export up to a release is called, the export from there names."""
    first = export("--format", "alembic", "-o", "-", "--to", "@v1.1.0").stdout
    second = export("--format", "alembic", "-o", "-", "--from", "@v1.1.0").stdout
    name = first.partition("\nrevision = ")[2].splitlines()[0]
    assert f"\ndown_revision = {name}\n" in second


SCRIPTS = {
    "plain": "create table :name (i integer);",
    "command": "\\gset\n",
    "live": "select :'DBNAME';",
    "copy": "copy t from stdin;\n1\n\\.\n",
    "role": "set role somebody;",
    "settings": "reset all;",
    "dumped": "select pg_catalog.set_config('search_path', '', false);",
    "block": "do $$ begin perform set_config('x.y', f(1), not true); end $$;",
    "temporary": 'create temp table "My t" as select 1; drop table t;',
    "dropped": "create temporary table if not exists t as select 1;\ndrop table Z, T;",
    "inside": "create function f() returns text language sql as $$\n"
    "select set_config('x.y', '', false) $$;\n"
    "do $$ begin perform set_config('x.y', f(), true), set_config('a.b', ')', true); end $$;",
    "comment": "/* a */ -- b\nset search_path = x;",
    "mark": "select 1 as a\n-- migrate:down\n;",
}


def project(
    tmp_path: Path, script: str, *, wrapped: bool = True, needs: str = ""
) -> Path:
    """Write a project of somebody else's with one change."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    (tmp_path / "sqitch.plan").write_text(
        "%syntax-version=1.0.0\n%project=small\n\n"
        f"a {needs}2026-01-01T00:00:00Z P <p@x> # N.\n"
    )
    for kind in ("deploy", "revert"):
        (tmp_path / kind).mkdir()
        text = f"begin;\n{script}\ncommit;\n" if wrapped else script
        text = text if kind == "deploy" else "begin;\nselect 1;\ncommit;\n"
        (tmp_path / kind / "a.sql").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("script", "texts"),
    [
        ("command", ['"\\gset"', "deploy/a.sql:2"]),
        ("live", [":'DBNAME'", "deploy/a.sql:2"]),
        ("copy", ["copy from stdin", "deploy/a.sql:2"]),
        ("role", ['"set"', "deploy/a.sql:2", "set local"]),
        ("settings", ['"reset"', "deploy/a.sql:2"]),
        ("dumped", ['"set_config(...)"', "deploy/a.sql:2", "true as set_config's"]),
        ("temporary", ['"My t" is temporary', "deploy/a.sql:2", "drop it"]),
        ("block", ['"set_config(...)"', "deploy/a.sql:2"]),
        ("comment", ['"set"', "deploy/a.sql:3"]),
    ],
)
def test_what_is_no_plain_sql_is_refused(
    tmp_path: Path, script: str, texts: list[str]
) -> None:
    """What only psql can tell, or what outlasts the transaction, has file and line."""
    root = project(tmp_path, SCRIPTS[script])
    done = export("-C", root, "--format", "sql", "-o", "-")
    failed(done, *texts, "learnplan-db deploy")


@pytest.mark.parametrize("script", ["inside", "dropped"])
def test_what_ends_with_the_script_is_let_through(tmp_path: Path, script: str) -> None:
    """set_config with true is set local, and a function may do what it will."""
    root = project(tmp_path, SCRIPTS[script])
    done = export("-C", root, "--format", "sql", "-o", "-")
    assert 0 == done.exit_code, done.stderr


def test_script_without_a_transaction_is_refused(tmp_path: Path) -> None:
    """A host's tool runs a migration in one transaction: so must the script."""
    root = project(tmp_path, "create index concurrently i on t (a);", wrapped=False)
    done = export("-C", root, "--format", "sql", "-o", "-")
    failed(done, 'the deploy script of "a" is not one transaction', "deploy/a.sql")


def test_other_projects_requirement_is_refused(tmp_path: Path) -> None:
    """Whether another project's change is there, only a database knows."""
    root = project(tmp_path, SCRIPTS["plain"], needs="[other:x] ")
    done = export("-C", root, "--format", "sql", "-o", "-")
    failed(done, "other:x", "sqitch.plan:4")


def test_dbmates_own_mark_is_refused(tmp_path: Path) -> None:
    """A comment that dbmate would take for its own ends no migration early."""
    root = project(tmp_path, SCRIPTS["mark"])
    failed(export("-C", root, "--format", "dbmate", "-o", "-"), "-- migrate:")
    assert 0 == export("-C", root, "--format", "sql", "-o", "-").exit_code


def test_variables_are_filled_in_and_not_told(tmp_path: Path) -> None:
    """psql's variables have their values; the header names them without."""
    root = project(tmp_path, SCRIPTS["plain"])
    text = export("-C", root, "--format", "sql", "-o", "-", "-s", "name=t_x").stdout
    assert "create table t_x (i integer);" in text
    assert "--set name=..." in text
    assert 1 == text.count("t_x")


def test_without_a_tag_it_goes_to_the_end(tmp_path: Path) -> None:
    """A plan without tags ends with its last change."""
    root = project(tmp_path, SCRIPTS["plain"])
    done = export("-C", root, "--format", "sql", "--out", tmp_path / "out")
    assert "Exporting small from nothing to a\n" in done.stdout
    assert (tmp_path / "out" / "small-a.sql").exists()


def test_statements_end_where_they_end() -> None:
    """A comment at the end does not swallow the semicolon."""
    assert "select 1;\n\nselect 2 -- two\n;\n\n" == joined(
        ["select 1;", "select 2 -- two"]
    )


@pytest.mark.parametrize(
    "text",
    ["a", 'a\n"""b', 'a\n"', "a\n\\", '"a\nb', "a\\n\nb", "a\r\nb", "'''\n{}%s:x\\:"],
)
def test_python_reads_what_is_written(text: str) -> None:
    """Whatever a statement holds, the migration's Python gives it back."""
    assert text == eval(python(text))  # noqa: S307 - our own literal


def test_autogenerate_knows_the_schemas() -> None:
    """The hook's schemas are those that the configuration says the plan owns."""
    found = Configuration.load(config.project_root(None), {}).get("learnplan.schemas")
    assert SCHEMAS == {*str(found).split(), "sqitch"}
