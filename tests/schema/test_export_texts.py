"""
Whatever a script holds arrives as in a deploy: through each tool, and on paper.

Tabs, percent signs, colons, quotes, backslashes, comments, line ends, other scripts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hosts import HOSTS, SETTINGS, WHO, Alembic, Psql
from learnplan_db.engine import runner, session, state
from learnplan_db.model import Planner
from twins import Side

if TYPE_CHECKING:
    from fix_export import Deployer
    from hosts import Host
    from learnplan_db.engine.state import Project

pytestmark = pytest.mark.gate

# Each change: what it deploys; what it reverts.
TEXTS = {
    "tabs": (
        "create function f_tabs() returns text language sql as $$\n\tselect '\t'::text\n$$;"
        "\ncreate table tabs as select 'x\ty'::text as v;",
        "drop function f_tabs(); delete from tabs; drop table tabs;",
    ),
    "percent": (
        "create table percent as select '100%' as a, 'a%%b' as b, '%(x)s %s' as c,"
        " format('%s %I', 1, 'a b') as d;",
        "delete from percent; drop table percent;",
    ),
    "colons": (
        r"create table colons as select ':a :b::text \:c \\:d ::: :=:' as a,"
        r" '12:30:00'::time as b, (array[1,2,3])[1:2] as c, E'\\:x \\' as d;",
        "delete from colons; drop table colons;",
    ),
    "comments": (
        "create table comments as select 1 as v -- one ; 'two\n;"
        "insert into comments values (2) /* c */ -- d\n;\n-- the last",
        "delete from comments; drop table comments -- bye\n;",
    ),
    "quotes": (
        "create table quotes as select 'it''s \"q\" \\' as a, $a$ '''\"\"\" $a$ as b,"
        " E'\\'\\n\\\\' as c, U&'\\00e9' as d, '{{ x }} {% y %} ${z} #{z}' as e;"
        'comment on table quotes is \'"""\\\';',
        "delete from quotes; drop table quotes;",
    ),
    "letters": (
        "create table \"tä ß 日\" as select 'é 😀 \u00a0' as v;"
        "comment on table \"tä ß 日\" is 'naïve';",
        'delete from "tä ß 日"; drop table "tä ß 日";',
    ),
    "lines": (
        "create function f_lines() returns text language sql as "
        "$$\r\nselect 'a\r\nb'::text\r\n$$;",
        "drop function f_lines();",
    ),
}
TABLES = """
  select relname, obj_description(oid) from pg_class
  where relnamespace = 'public'::regnamespace and relkind = 'r'
    and relname !~ '^(alembic_|schema_migrations|django_|shop_)' order by 1"""
FUNCTIONS = """
  select proname, prosrc from pg_proc
  where pronamespace = 'public'::regnamespace order by 1"""


def written(root: Path, texts: dict[str, tuple[str, str]]) -> Project:
    """Write a project of these texts."""
    lines = ["%syntax-version=1.0.0\n%project=smäll\n\n"]
    for number, (name, pair) in enumerate(texts.items()):
        when = f"2026-01-01T00:00:0{number}Z"
        lines.append(f"{name} {when} Plänner O'x <p@x> # é 'q' \\ % :x {{y}} \"\"\"\n")
        for kind, text in zip(("deploy", "revert"), pair, strict=True):
            (root / kind).mkdir(parents=True, exist_ok=True)
            path = root / kind / f"{name}.sql"
            path.write_bytes(f"-- é\nbegin;\n{text}\ncommit;\n".encode())
    (root / "sqitch.plan").write_text("".join(lines))
    (root / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    return state.load(root, committer=Planner(*WHO))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Provide a project of all texts."""
    return written(tmp_path / "project", TEXTS)


def held(dsn: str) -> list[Any]:
    """Return the registry's rows, and all that the scripts made."""
    side = Side(Path(), dsn)
    try:
        tables = side.read(TABLES)
        rows = [side.read(f'table "{name}"') for name, _ in tables]
        return [side.rows(), tables, rows, side.read(FUNCTIONS)]
    finally:
        side.close()


@pytest.mark.parametrize("host", HOSTS, indirect=True)
def test_texts_arrive_there_and_back(
    host: Host, deployer: Deployer, project: Project
) -> None:
    """Each tool hands every statement over as it stands."""
    dsn = deployer.make()
    host.export("-C", str(project.target.root))
    for ours, theirs in ((runner.deploy, host.up), (runner.revert, host.down)):
        with session.connect(dsn) as connection:
            ours(connection, project)
        done = theirs()
        assert 0 == done.returncode, done.stdout + done.stderr
        assert held(dsn) == held(host.dsn)


@pytest.mark.parametrize("named", [True, False])
def test_texts_are_printed_as_they_stand(
    tmp_path: Path,
    psql: str,
    deployer: Deployer,
    project: Project,
    named: bool,  # noqa: FBT001 - a case
) -> None:
    """What Alembic prints keeps tabs and percent signs, whatever env.py says of them."""
    dsn = deployer.make()
    with session.connect(dsn) as connection:
        runner.deploy(connection, project)
    host = Alembic(tmp_path / "host", deployer.make())
    env = host.directory / "alembic" / "env.py"
    if not named:
        env.write_text(env.read_text().replace('"paramstyle": "named"', ""))
    host.export("-C", str(project.target.root))
    printed = str(tmp_path / "printed.sql")
    env.write_text(
        env.read_text().replace(
            "literal_binds",
            f"output_buffer=open({printed!r}, 'w', newline=''), literal_binds",
        )
    )
    assert 0 == host.alembic("upgrade", "heads", "--sql").returncode
    argv = psql, "-X", "-q", "-o", os.devnull, "-v", "ON_ERROR_STOP=1", "-f", printed
    done = host.run(*argv, host.dsn, PGCLIENTENCODING="LATIN1")
    assert 0 == done.returncode, done.stderr
    assert held(dsn) == held(host.dsn)


def test_letters_arrive_from_any_terminal(
    tmp_path: Path, deployer: Deployer, project: Project
) -> None:
    """A file says in which encoding it is, wherever psql runs it."""
    dsn = deployer.make()
    with session.connect(dsn) as connection:
        runner.deploy(connection, project)
    host = Psql(tmp_path / "host", deployer.make())
    host.export("-C", str(project.target.root))
    host.options += " -c client_encoding=LATIN1"
    assert 0 == host.up().returncode
    assert held(dsn) == held(host.dsn)


@pytest.mark.parametrize("host", HOSTS, indirect=True)
def test_backslashes_are_read_as_in_a_deploy(
    host: Host, tmp_path: Path, deployer: Deployer
) -> None:
    """Where a login's strings are not standard, they are for us; or nothing is done."""
    text = r"create table t as select 'a\\b' as v;", "delete from t; drop table t;"
    project = written(tmp_path / "project", {"backslash": text})
    dsn = deployer.make()
    with session.connect(dsn) as connection:
        runner.deploy(connection, project)
    host.export("-C", str(project.target.root))
    host.options += " -c standard_conforming_strings=off"
    done = host.up()
    if host.form == "dbmate":  # it sends all of a file at once
        assert "strings is off in this session" in done.stdout + done.stderr
        host.options = SETTINGS
        done = host.up()
    assert 0 == done.returncode, done.stdout + done.stderr
    assert held(dsn) == held(host.dsn)
