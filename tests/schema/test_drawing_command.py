"""The commands erd and reference: what they print and write, and what they refuse."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from fix_drawing import EDGES, edges
from learnplan_db.cli import cli
from learnplan_db.pictures import page

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from learnplan_db.pictures.model import Drawing

ODD = 'Odd "name" <b>, {a} | `b`'


def run(*words: str) -> Result:
    """Run the command line."""
    return CliRunner().invoke(cli, [str(word) for word in words])


def test_erd_prints_the_relations_of_the_specification(host_dsn: str) -> None:
    """Without options: mermaid of the plan's tables, to standard output."""
    told = run("erd", host_dsn)
    assert told.exit_code == 0, told.stderr
    assert told.stdout.startswith("erDiagram\n")
    assert EDGES == edges(told.stdout)
    assert '  learning_plans["learning_plans (RLS forced)"] {' in told.stdout
    assert "    uuid user_id FK\n" in told.stdout
    assert '    date start_date "null"\n' in told.stdout
    assert "    text url UK\n" in told.stdout


def test_svg_without_graphviz(
    host_dsn: str, ours: Drawing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the program and the format that needs none; the page does."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    told = run("erd", host_dsn, "--format", "svg")
    assert 2 == told.exit_code
    assert 'there is no "dot" on PATH' in told.stderr
    assert "--format mermaid" in told.stderr
    sheet = page.as_html(ours, "PostgreSQL")
    assert "<svg" not in sheet
    assert "Graphviz is not installed" in sheet
    assert "<details open><summary>Each foreign key in words" in sheet


def test_form_follows_the_name_of_the_file(host_dsn: str, tmp_path: Path) -> None:
    """--out chooses the format by its ending, --format wins."""
    for name, words, start in (
        ("a.html", (), "<!doctype html>"),
        ("a.mmd", (), "erDiagram"),
        ("a.txt", (), "erDiagram"),
        ("b.html", ("--format", "mermaid"), "erDiagram"),
    ):
        told = run("erd", host_dsn, "--out", tmp_path / name, *words)
        assert (0, f"Wrote {tmp_path / name}\n") == (told.exit_code, told.stdout)
        assert (tmp_path / name).read_text().startswith(start)
    refused = run("erd", host_dsn, "--out", tmp_path / "a.png")
    assert (2, False) == (refused.exit_code, (tmp_path / "a.png").exists())
    assert "--format" in refused.stderr


def test_erd_as_json(host_dsn: str) -> None:
    """--json prints one object with the version of its form, and what would be drawn."""
    told = json.loads(run("erd", host_dsn, "--schema", "host", "--json").stdout)
    assert (1, ["host"]) == (told["schema_version"], told["schemas"])
    assert ODD in [one["name"] for one in told["tables"]]
    refused = run("erd", host_dsn, "--json", "--format", "svg")
    assert 2 == refused.exit_code
    assert "draws nothing" in refused.stderr


def test_several_schemas_have_their_names(host_dsn: str) -> None:
    """A name says its schema where there are several."""
    told = run("erd", host_dsn, "--schema", "host", "--schema", "learnplan")
    assert 't0["host.one (no RLS)"]' in told.stdout
    assert re.search(r't\d\["learnplan\.users \(RLS forced\)"\] \{', told.stdout)
    assert len(EDGES) + 7 == told.stdout.count(": on delete ")


@pytest.mark.parametrize("command", ["erd", "reference"])
def test_nothing_to_draw(
    command: str, database: str, host_dsn: str, tmp_path: Path
) -> None:
    """Not deployed, no such schema, no table: each says what is wrong, and the way out."""
    for words, code_, message, fix in (
        ((database,), 2, 'nothing of project "learnplan-db" is deployed', "deploy"),
        ((host_dsn, "--schema", "hots"), 2, 'did you mean "host"?', "--schema"),
        ((host_dsn, "--schema", "public"), 2, "no table in schema public", "--schema"),
        ((host_dsn, "--out", tmp_path / "no" / "x"), 2, "cannot be written", "--out"),
    ):
        told = run(command, *map(str, words))
        assert code_ == told.exit_code
        assert message in told.stderr
        assert fix in told.stderr.partition("fix")[2]
        assert "" == told.stdout


def test_no_right_is_needed_but_to_connect(host_dsn: str) -> None:
    """A login that may read no table draws the same; one that may not connect, nothing."""
    with psycopg.connect(host_dsn, autocommit=True) as admin:
        admin.execute("create role nosy login password 'secret'")
    nosy = make_conninfo(host_dsn, user="nosy", password="secret")  # noqa: S106
    with psycopg.connect(host_dsn, autocommit=True) as admin:
        try:
            with (
                psycopg.connect(nosy) as other,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                other.execute("select from learnplan.users")
            assert run("erd", host_dsn).stdout == run("erd", nosy).stdout != ""
            name = admin.info.dbname
            admin.execute(f"revoke connect on database {name} from public")
            refused = run("erd", nosy)
            assert 2 == refused.exit_code
            assert "permission denied for database" in refused.stderr
        finally:
            admin.execute(f"grant connect on database {admin.info.dbname} to public")
            admin.execute("drop role nosy")


def test_reference_is_written_and_checked(host_dsn: str, tmp_path: Path) -> None:
    """--check says nothing of what is current, and shows what is not, with exit code 1."""
    file = tmp_path / "schema.md"
    words = ("reference", host_dsn, "--schema", "host", "--out", str(file))
    assert 2 == run(*words, "--check").exit_code, "there is no file yet"
    assert 0 == run(*words).exit_code
    current = run(*words, "--check")
    assert (0, "") == (current.exit_code, current.output)
    file.write_text(file.read_text().replace("profile_pkey", "profile_key"))
    drifted = run(*words, "--check")
    assert 1 == drifted.exit_code
    assert "-- `profile_key`: primary key: `one`\n" in drifted.stdout
    assert "+- `profile_pkey`: primary key: `one`\n" in drifted.stdout
    alone = run("reference", host_dsn, "--check")
    assert 2 == alone.exit_code
    assert "name it with --out" in alone.stderr
