"""Templates to scripts: inverses, assertions, and where an error is."""

from __future__ import annotations

from pathlib import Path

import pytest

from learnplan_db import render
from learnplan_db.errors import RenderError

ROOT = Path(__file__).parents[2]
HEAD = "-- Deploy learnplan-db:policy_x to pg\n-- requires: table_x\n\nbegin;\n"


def scripts(directory: Path, body: str, **changed: object) -> dict[str, str]:
    """Render one template with this body."""
    path = directory / "x.sql.j2"
    path.write_text(f"{HEAD}{body}\ncommit;\n")
    return render.render_template(path, render.Variables(**changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statement", "inverse"),
    [
        (
            "alter table learnplan.x enable row level security;",
            "alter table learnplan.x disable row level security;",
        ),
        (
            "alter table learnplan.x force row level security;",
            "alter table learnplan.x no force row level security;",
        ),
        (
            'grant select, update (a, "order") on learnplan.x to {{ anon }}, b;',
            'revoke select, update (a, "order") on learnplan.x\nfrom anon, b;',
        ),
        (
            "grant execute on function learnplan.f(uuid, uuid[]) to b;",
            "revoke execute on function learnplan.f(uuid, uuid[])\nfrom b;",
        ),
        (
            "create policy p on learnplan.x -- why\n  for select to b using (true);",
            "drop policy p on learnplan.x;",
        ),
        (
            "select learnplan_private.borrow_role('r');",
            "select learnplan_private.return_role('r');",
        ),
        ("revoke all on learnplan.x from public;", ""),
        ("comment on policy p on learnplan.x is 'c';", ""),
    ],
)
def test_statement_has_its_inverse(
    tmp_path: Path, statement: str, inverse: str
) -> None:
    """The revert script takes each statement back."""
    text = scripts(tmp_path, statement)["revert/policy_x.sql"]
    body = text.partition("begin;\n")[2].rpartition("commit;")[0]
    assert inverse == body.strip()


def test_inverses_stand_in_reverse_order(tmp_path: Path) -> None:
    """What came last goes first."""
    body = "grant select on learnplan.x to a;\ngrant insert on learnplan.x to b;"
    text = scripts(tmp_path, body)["revert/policy_x.sql"]
    assert text.index("revoke insert") < text.index("revoke select")


def test_statement_without_inverse_is_refused(tmp_path: Path) -> None:
    """A revert that forgets a statement rots unseen."""
    with pytest.raises(RenderError, match="no known inverse") as caught:
        scripts(tmp_path, "create table learnplan.y ();")
    assert caught.value.where == "policies/x.sql.j2, rendered line 5"


def test_verify_lists_every_grant(tmp_path: Path) -> None:
    """One line for each right, column and role."""
    body = 'grant insert, update (a, "order") on learnplan.x to b, c;'
    text = scripts(tmp_path, body)["verify/policy_x.sql"]
    for line in ("insert to b", "update (a) to c", 'update ("order") to b'):
        assert f"'grant {line}'" in text
    assert text.count("'grant ") == 6


def test_switch_changes_the_script(tmp_path: Path) -> None:
    """A control line is a comment to SQL, and decides what is rendered."""
    body = "--% if anon_reads_resources\ngrant select on learnplan.x to {{ anon }};\n--% endif"
    closed = scripts(tmp_path, body)["deploy/policy_x.sql"]
    opened = scripts(tmp_path, body, anon_reads_resources=True, anon="guest")
    assert "grant" not in closed.partition("begin;")[2]
    assert "to guest;" in opened["deploy/policy_x.sql"]


def test_unknown_variable_has_file_and_line(tmp_path: Path) -> None:
    """An unknown variable is an error with file and line."""
    with pytest.raises(RenderError, match="'wrong' is undefined") as caught:
        scripts(tmp_path, "\n\ngrant select on learnplan.x to {{ wrong }};")
    assert caught.value.where == "policies/x.sql.j2:7"


def test_unknown_variable_in_a_library_has_its_line(tmp_path: Path) -> None:
    """The line is the macro's, in the file that holds it."""
    library = "{# one #}\n{% macro me() %}{{ wrong }}{% endmacro %}\n"
    (tmp_path / "_who.sql.j2").write_text(library)
    body = "--% import '_who.sql.j2' as who\ngrant select on learnplan.x to {{ who.me() }};"
    with pytest.raises(RenderError) as caught:
        scripts(tmp_path, body)
    assert caught.value.where == "policies/_who.sql.j2:2"


def test_syntax_error_has_file_and_line(tmp_path: Path) -> None:
    """A template that Jinja cannot read names its line."""
    with pytest.raises(RenderError, match="cannot be read") as caught:
        scripts(tmp_path, "{{ anon }")
    assert caught.value.where == "policies/x.sql.j2:5"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (["authentcated=x"], 'did you mean "authenticated"'),
        (["anon"], "is no setting|unknown render variable|cannot be a role"),
        (["anon=A b"], "cannot be a role name"),
        (["anon=user"], "cannot be a role name"),
        (["anon=pg_x"], "cannot be a role name"),
        (["anon="], "cannot be a role name"),
        (["anon=authenticated"], "the same name"),
        (["anon_reads_resources=maybe"], "neither on nor off"),
    ],
)
def test_bad_setting_is_refused(settings: list[str], text: str) -> None:
    """A setting that would render something wrong is an error."""
    with pytest.raises(RenderError, match=text):
        render.Variables.from_settings(settings)


def test_committed_scripts_are_what_the_templates_say() -> None:
    """Plain SQL is deployed; it may not drift from its source."""
    rendered = render.render_project(ROOT / "policies", render.Variables())
    assert [] == render.differences(rendered, ROOT / "sql")


def test_difference_is_a_diff(tmp_path: Path) -> None:
    """A file that differs, is missing or is left over is shown."""
    rendered = render.render_project(ROOT / "policies", render.Variables())
    render.write(rendered, tmp_path)
    assert [] == render.differences(rendered, tmp_path)
    (tmp_path / "deploy" / "policy_users.sql").write_text("select 1;\n")
    (tmp_path / "verify" / "policy_tasks.sql").unlink()
    (tmp_path / "revert" / "policy_gone.sql").write_text(f"{render.MARK}gone\n")
    found = render.differences(rendered, tmp_path)
    assert len(found) == 3
    assert "-select 1;" in found[0]


def test_export_keeps_what_is_there(tmp_path: Path) -> None:
    """A directory that is not empty is refused, and nothing is written."""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(RenderError, match="not empty"):
        render.export(ROOT, tmp_path, render.Variables())
    assert ["mine"] == [path.name for path in tmp_path.iterdir()]
