"""Templates to scripts: inverses, assertions, and where an error is."""

from __future__ import annotations

from pathlib import Path

import pytest

from learnplan_db.errors import RenderError
from learnplan_db.security import render
from learnplan_db.security.variables import Variables

ROOT = Path(__file__).parents[2]
HEAD = "-- Deploy learnplan-db:policy_x to pg\n-- requires: table_x\n\nbegin;\n"


def scripts(directory: Path, body: str, **changed: object) -> dict[str, str]:
    """Render one template with this body."""
    path = directory / "x.sql.j2"
    path.write_text(f"{HEAD}{body}\ncommit;\n")
    return render.render_template(path, Variables(**changed))  # type: ignore[arg-type]


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
    body = text.partition(f"{render.BEGIN}\n")[2].rpartition("commit;")[0]
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


@pytest.mark.parametrize(
    "grant",
    [
        "grant select on learnplan.x to b with grant option;",
        "grant all on learnplan.x to b;",
        "grant select on all tables in schema learnplan to b;",
    ],
)
def test_grant_that_says_more_than_it_lists_is_refused(
    tmp_path: Path, grant: str
) -> None:
    """What has no exact inverse and no exact proof is not written."""
    with pytest.raises(RenderError, match="no known inverse"):
        scripts(tmp_path, grant)


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


def test_syntax_error_in_a_library_has_its_line(tmp_path: Path) -> None:
    """The line is the library's, in the file that holds it."""
    (tmp_path / "_who.sql.j2").write_text("\n{% macro %}\n")
    with pytest.raises(RenderError, match="cannot be read") as caught:
        scripts(tmp_path, "--% import '_who.sql.j2' as who")
    assert "policies/_who.sql.j2:2" == caught.value.where


def test_missing_library_has_the_line_of_its_import(tmp_path: Path) -> None:
    """A library that is not there is named without the machine's directories."""
    with pytest.raises(RenderError) as caught:
        scripts(tmp_path, "\n--% import '_gone.sql.j2' as gone")
    assert 'there is no template "_gone.sql.j2"' == caught.value.message
    assert "policies/x.sql.j2:6" == caught.value.where


def test_missing_template_is_named(tmp_path: Path) -> None:
    """A template that is not there is an error of ours, as is an empty directory."""
    with pytest.raises(RenderError, match="there is no template") as caught:
        render.render_template(tmp_path / "gone.sql.j2", Variables())
    assert "policies/gone.sql.j2" == caught.value.where
    with pytest.raises(RenderError, match="there is no template"):
        render.render_project(tmp_path, Variables())


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("who.me(anon)", "takes not more than"),
        ("1 // 0", "division"),
        ("anon + 1", "concatenate"),
    ],
)
def test_failing_expression_has_file_and_line(
    tmp_path: Path, expression: str, text: str
) -> None:
    """What fails inside a template is never a bare traceback."""
    (tmp_path / "_who.sql.j2").write_text("{% macro me() %}a{% endmacro %}\n")
    body = f"--% import '_who.sql.j2' as who\n\n-- {{{{ {expression} }}}}"
    with pytest.raises(RenderError, match=text) as caught:
        scripts(tmp_path, body)
    assert "policies/x.sql.j2:7" == caught.value.where


def test_open_quote_has_its_rendered_line(tmp_path: Path) -> None:
    """What cannot be split into statements names the line of the rendered text."""
    with pytest.raises(RenderError, match="not closed") as caught:
        scripts(tmp_path, "\ncomment on policy p on learnplan.x is 'c;")
    assert "policies/x.sql.j2, rendered line 6" == caught.value.where


@pytest.mark.parametrize(
    "script", ["", "begin;\n", "begin;\ncommit;\nbegin;\ncommit;\n"]
)
def test_script_that_is_not_one_transaction_is_refused(
    tmp_path: Path, script: str
) -> None:
    """A policy script that stops half way would leave a table half protected."""
    path = tmp_path / "x.sql.j2"
    path.write_text(f"-- Deploy learnplan-db:policy_x to pg\n\n{script}")
    with pytest.raises(RenderError, match="not one transaction"):
        render.render_template(path, Variables())


def test_header_must_name_the_change(tmp_path: Path) -> None:
    """A copied template that still names the other change is refused."""
    path = tmp_path / "y.sql.j2"
    path.write_text(f"{HEAD}commit;\n")
    with pytest.raises(RenderError, match="does not name the change") as caught:
        render.render_template(path, Variables())
    assert "policies/y.sql.j2:1" == caught.value.where


def test_scripts_say_what_they_are_made_from(tmp_path: Path) -> None:
    """The stamp follows the template, the libraries and the variables."""

    def stamp(**changed: object) -> str:
        made = scripts(tmp_path, "-- nothing", **changed)
        lines = [
            next(line for line in text.splitlines() if line.startswith(render.MARK))
            for text in made.values()
        ]
        assert [lines[0]] * 3 == lines
        return lines[0]

    first, renamed = stamp(), stamp(anon="guest")
    (tmp_path / "_who.sql.j2").write_text("{# new #}\n")
    assert 3 == len({first, renamed, stamp()})


def test_verify_makes_the_policies_again(tmp_path: Path) -> None:
    """The copy is on a temporary table; the comment above a policy is dropped."""
    body = (
        "-- Why.\ncreate policy p on learnplan.x\n  for select to a using (x.id > 0);"
    )
    text = scripts(tmp_path, body)["verify/policy_x.sql"]
    copy = "create policy p on pg_temp.x\n  for select to a using (x.id > 0);"
    assert f"create temporary table x (like learnplan.x);\n\n{copy}\n\n" in text
    assert "-- Why." not in text
    for aspect in ("policies", "row security", "policies without a comment"):
        assert f"'{aspect} of learnplan.x'" in text


def test_verify_lets_only_the_service_bypass_row_security(tmp_path: Path) -> None:
    """BYPASSRLS of the service role is the host's business, of another a finding."""
    body = "select learnplan_private.ensure_role('{{ anon }}');"
    assert "rolbypassrls" in scripts(tmp_path, body)["verify/policy_x.sql"]
    body = "select learnplan_private.ensure_role('{{ service_role }}');"
    assert "rolbypassrls" not in scripts(tmp_path, body)["verify/policy_x.sql"]


def test_verify_asserts_that_no_caller_becomes_another(tmp_path: Path) -> None:
    """Of the roles that a script ensures none is in another, nor in an owner's."""
    body = (
        "select learnplan_private.ensure_role('{{ anon }}');\n"
        "select learnplan_private.ensure_role('{{ service_role }}');"
    )
    text = scripts(tmp_path, body, anon="guest")["verify/policy_x.sql"]
    assert "'memberships of guest, service_role'" in text
    assert "where m.rolname in ('guest', 'service_role')" in text
    assert "or r.rolname in ('learnplan_identity', 'learnplan_reader')" in text
    assert "memberships" not in scripts(tmp_path, "")["verify/policy_x.sql"]


def test_verify_asserts_that_a_closed_schema_opens_what_is_granted(
    tmp_path: Path,
) -> None:
    """After a revoke on all functions, only those of the schema that follow are open."""
    closed = "revoke all on all functions in schema s from public, {{ anon }};\n"
    grants = (
        "grant execute on function s.f(uuid, uuid) to b;\n"
        "grant execute on function t.g() to b;"
    )
    text = scripts(tmp_path, closed + grants)["verify/policy_x.sql"]
    others = text[text.index("'other grants on functions of s'") :]
    assert "'s.f(uuid, uuid)'::regprocedure" in others
    assert "t.g()" not in others
    assert "not in" not in scripts(tmp_path, closed)["verify/policy_x.sql"]
    assert "other grants" not in scripts(tmp_path, grants)["verify/policy_x.sql"]


def test_policy_outside_the_schema_is_refused(tmp_path: Path) -> None:
    """The verify script could not tell whose table it is."""
    with pytest.raises(RenderError, match="not in schema learnplan"):
        scripts(tmp_path, "create policy p on x for select using (true);")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (["authentcated=x"], 'did you mean "authenticated"'),
        (["anon"], '"anon" is no setting'),
        (["anno"], 'unknown render variable "anno"; did you mean "anon"'),
        (["anon=A b"], "cannot be a role name"),
        (["anon=user"], "cannot be a role name"),
        (["anon=pg_x"], "cannot be a role name"),
        (["anon="], "cannot be a role name"),
        (["anon=app\n"], "cannot be a role name"),
        (["anon=" + "a" * 64], "cannot be a role name"),
        (["anon=public"], "cannot be a role name"),
        (["anon=none"], "cannot be a role name"),
        (["anon=system_user"], "cannot be a role name"),
        (["anon=learnplan_reader"], "cannot be a role name"),
        (["service_role=x", "anon=x"], "the same name"),
        (["anon=authenticated"], "the same name"),
        (["anon_reads_resources=maybe"], "neither on nor off"),
    ],
)
def test_bad_setting_is_refused(settings: list[str], text: str) -> None:
    """A setting that would render something wrong is an error."""
    with pytest.raises(RenderError, match=text):
        Variables.from_settings(settings)


def test_settings_choose_names_and_the_switch() -> None:
    """The last setting of a name counts; what is not set keeps its default."""
    settings = ["anon=a", "anon=" + "b" * 63, "anon_reads_resources=true"]
    expected = Variables(anon="b" * 63, anon_reads_resources=True)
    assert expected == Variables.from_settings(settings)


def test_committed_scripts_are_what_the_templates_say() -> None:
    """Plain SQL is deployed; it may not drift from its source."""
    rendered = render.render_project(ROOT / "policies", Variables())
    assert [] == render.differences(rendered, ROOT / "sql")


def test_difference_is_a_diff(tmp_path: Path) -> None:
    """A file that differs, is missing or is left over is shown."""
    rendered = render.render_project(ROOT / "policies", Variables())
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
        render.export(ROOT, tmp_path, Variables())
    assert ["mine"] == [path.name for path in tmp_path.iterdir()]


def test_export_is_a_whole_project(tmp_path: Path) -> None:
    """The copy has every script, the host's role names, and the same plan."""
    out = tmp_path / "new" / "project"
    variables = Variables(authenticated="app_user")
    rendered = render.export(ROOT, out, variables)
    assert [] == render.differences(rendered, out / "sql")
    for name in ("sqitch.conf", "sql/sqitch.plan", "sql/deploy/table_users.sql"):
        assert (ROOT / name).read_bytes() == (out / name).read_bytes()
    names = {p.relative_to(ROOT / "sql") for p in (ROOT / "sql").rglob("*.sql")}
    assert names == {p.relative_to(out / "sql") for p in (out / "sql").rglob("*.sql")}
    assert "to app_user" in (out / "sql/deploy/policy_users.sql").read_text()
    assert "to authenticated" not in (out / "sql/deploy/policy_users.sql").read_text()


def test_export_into_the_scripts_is_refused() -> None:
    """A tree cannot be copied into itself."""
    out = ROOT / "sql" / "copy"
    with pytest.raises(RenderError, match="inside the scripts"):
        render.export(ROOT, out, Variables())
    assert not out.exists()


def test_export_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """A directory below a file is told as such."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(RenderError, match="cannot write the project"):
        render.export(ROOT, tmp_path / "file" / "out", Variables())


def test_write_touches_only_what_differs(tmp_path: Path) -> None:
    """A second run has nothing to do."""
    rendered = {"deploy/policy_x.sql": "select 'é';\n"}
    assert ["deploy/policy_x.sql"] == render.write(rendered, tmp_path)
    assert [] == render.write(rendered, tmp_path)
