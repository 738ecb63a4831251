"""
What is of one tool alone: autogenerate, offline SQL, checks, and going on elsewhere.

Source: Alembic, "Auto Generating Migrations", "Generating SQL Scripts"; Django,
"makemigrations --check", "sqlmigrate".
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from fix_export import ours, standing
from hosts import LOSING, WHO, Alembic, Django, Flyway, Psql
from learnplan_db.engine import runner, session, state, verification

if TYPE_CHECKING:
    from collections.abc import Callable

    from fix_export import Deployer, Standing
    from hosts import Host

pytestmark = pytest.mark.gate

NOTES = """
    import sqlalchemy as sa
    from alembic import op

    revision = "{name}"
    down_revision = {after!r}

    def upgrade():
        op.create_table(
            "notes", sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("user_id", sa.Uuid, sa.ForeignKey("learnplan.users.id")))
        op.execute("insert into notes (id) values (1)")

    def downgrade():
        op.drop_table("notes")
"""
MODELS = (
    Alembic.MODELS
    + """
        notes = sa.Table(
            "notes", metadata, sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("user_id", sa.Uuid, sa.ForeignKey("learnplan.users.id")))
"""
)


@pytest.fixture
def alembic(tmp_path: Path, deployer: Deployer) -> Alembic:
    """Provide a host with Alembic, ours applied, and a table that refers to ours."""
    host = Alembic(tmp_path / "host", deployer.make())
    host.export()
    revision = host.written[0].name[:12]
    host.write("models.py", MODELS)
    host.write("alembic/versions/notes.py", NOTES.format(name="notes", after=revision))
    done = host.up()
    assert 0 == done.returncode, done.stderr
    return host


def test_hosts_own_migration_follows_in_the_same_transaction(alembic: Alembic) -> None:
    """Names without a schema are found on the host's path again, behind ours."""
    with psycopg.connect(alembic.dsn) as connection:
        query = "select 'public.notes'::regclass::text, count(*) from public.notes"
        assert ("notes", 1) == connection.execute(query).fetchone()
        xmins = "select count(distinct xmin::text) from sqitch.changes"
        assert (1,) == connection.execute(xmins).fetchone()


def test_alembic_check_sees_no_difference(alembic: Alembic) -> None:
    """With our hooks autogenerate finds nothing to do, and without them it drops."""
    done = alembic.alembic("check")
    assert 0 == done.returncode, done.stdout + done.stderr
    assert "No new upgrade operations detected" in done.stdout
    alembic.hook("", "")
    done = alembic.alembic("check")
    assert 0 != done.returncode
    for name in ("learning_plans", "changes"):
        assert f"'{name}'" in done.stdout + done.stderr


def test_alembic_revision_is_empty(alembic: Alembic) -> None:
    """What "revision --autogenerate" writes does nothing."""
    done = alembic.alembic("revision", "--autogenerate", "-m", "more")
    assert 0 == done.returncode, done.stderr
    (path,) = alembic.place.glob("*_more.py")
    body = path.read_text().partition("def upgrade()")[2]
    assert 0 == body.count("op.")


def test_alembic_writes_the_sql(
    psql: str, tmp_path: Path, deployer: Deployer, stages: dict[str, Standing]
) -> None:
    """Offline, Alembic prints what psql then runs, to the same end."""
    host = Alembic(tmp_path / "host", deployer.make())
    host.export("--to", "@v1.0.0")
    host.export("--from", "@v1.0.0")
    done = host.alembic("upgrade", "heads", "--sql")
    path = tmp_path / "offline.sql"
    path.write_text(done.stdout)
    argv = psql, "-X", "-q", "-o", os.devnull, "-v", "ON_ERROR_STOP=1"
    done = host.run(*argv, "-f", str(path), host.dsn)
    assert 0 == done.returncode, done.stderr
    assert stages["@v1.2.0"] == standing(host.dsn)


def test_django_sees_no_difference(tmp_path: Path, deployer: Deployer) -> None:
    """An app that has our migrations and no models has nothing to migrate."""
    host = Django(tmp_path / "host", deployer.make())
    host.export("--to", "@v1.0.0")
    host.export("--from", "@v1.0.0")
    assert 0 == host.up().returncode
    done = host.manage("makemigrations", "--check", "--dry-run")
    assert (0, "No changes detected\n") == (done.returncode, done.stdout)
    text = host.manage("sqlmigrate", "learnplan", "learnplan_db_v1_2_0").stdout
    assert "-- Deploy index_learning_plans_topic @v1.1.0 @v1.2.0" in text
    models = tmp_path / "host" / "shop" / "models.py"
    models.write_text(models.read_text().replace("title", "name"))
    assert 1 == host.manage("makemigrations", "--check", "--dry-run").returncode


@pytest.mark.parametrize(
    ("host", "mark"),
    [
        ("sql", "nothing is to be done"),
        ("flyway", "flyway -skipExecutingMigrations=true"),
        ("dbmate", "insert into schema_migrations"),
        ("alembic", "alembic stamp"),
        ("django", "migrate --fake learnplan learnplan_db_v1_2_0"),
    ],
    indirect=["host"],
)
def test_host_that_is_there_already_is_told_the_mark(host: Host, mark: str) -> None:
    """Where a deploy of ours was faster, each tool is told how to take note of it."""
    with session.connect(host.dsn) as connection:
        runner.deploy(connection, ours())
    before = standing(host.dsn)
    host.export()
    done = host.up()
    assert 0 != done.returncode
    assert mark in done.stdout + done.stderr
    assert before == standing(host.dsn)


def test_marks_are_what_the_tools_take(
    tmp_path: Path, newest: Callable[..., str]
) -> None:
    """Told so, Alembic and Django take note, and go back from there."""
    alembic = Alembic(tmp_path / "alembic", newest())
    alembic.export()
    assert 0 == alembic.alembic("stamp", alembic.written[0].name[:12]).returncode
    assert 0 == alembic.down().returncode
    django = Django(tmp_path / "django", newest())
    django.export()
    django.manage("migrate", "shop")
    done = django.manage("migrate", "--fake", "learnplan", "learnplan_db_v1_2_0")
    assert 0 == done.returncode
    assert 0 == django.down().returncode


@pytest.mark.parametrize("host", ["sql", "dbmate", "alembic", "django"], indirect=True)
def test_way_back_asks_before_rows_go(host: Host, deployer: Deployer) -> None:
    """Rows stop the way back of every tool, unless its session says they may go."""
    host.export()
    assert 0 == host.up().returncode
    before = standing(host.dsn)
    insert = (
        "insert into learnplan.users (clerk_user_id, email) values ('a', 'a@x.org')"
    )
    deployer.as_admin(host.dsn, insert)
    done = host.down()
    assert 0 != done.returncode
    assert "this would lose rows" in done.stdout + done.stderr
    assert before == standing(host.dsn)
    host.options += LOSING
    done = host.down()
    assert 0 == done.returncode, done.stdout + done.stderr


def test_tag_alone_is_a_migration(
    tmp_path: Path, deployer: Deployer, stages: dict[str, Standing]
) -> None:
    """A release without a change is a row, there and back."""
    host = Psql(tmp_path / "host", deployer.make())
    host.export("--to", "@v1.1.0")
    assert 0 == host.up().returncode
    before = standing(host.dsn)
    assert before.rows["changes"] == stages["@v1.2.0"].rows["changes"]
    assert ["@v1.0.0", "@v1.1.0"] == sorted(row[1] for row in before.rows["tags"])
    host.written.clear()
    host.export("--from", "@v1.1.0", "--to", "@v1.2.0")
    host.applied = 0
    assert 0 == host.up().returncode
    assert stages["@v1.2.0"].rows["tags"] == standing(host.dsn).rows["tags"]
    assert 0 == host.down().returncode
    assert before == standing(host.dsn)


def test_others_go_on_from_there(
    sqitch: str, tmp_path: Path, deployer: Deployer, stages: dict[str, Standing]
) -> None:
    """Sqitch and we see what a migration has done, verify it and go on from it."""
    host = Psql(tmp_path / "host", deployer.make())
    host.export("--to", "@v1.0.0")
    assert 0 == host.up().returncode
    project = ours()
    with session.connect(host.dsn) as connection:
        found = state.status(connection, project)
        assert (59, 21) == (len(found.applied), len(found.pending))
        assert [] == list(verification.verify(connection, project).failures)
    uri = _sqitch_uri(host.dsn)
    root = Path(__file__).parents[2]
    environment = os.environ | {"SQITCH_FULLNAME": WHO[0], "SQITCH_EMAIL": WHO[1]}
    for words in (["verify"], ["deploy"], ["status"], ["check"]):
        done = subprocess.run(
            [sqitch, "--chdir", str(root), *words, uri],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert 0 == done.returncode, done.stdout + done.stderr
    there = standing(host.dsn)
    assert stages["@v1.2.0"] == there


def _sqitch_uri(dsn: str) -> str:
    known: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(dsn)
    host = known["host"].replace("/", "%2F")
    login = f"{known['user']}:{known['password']}"
    return f"db:pg://{login}@/{known['dbname']}?host={host}&port={known['port']}"


def test_migration_goes_on_from_sqitch(
    tmp_path: Path, newest: Callable[..., str], stages: dict[str, Standing]
) -> None:
    """What a deploy began, a migration goes on with."""
    host = Flyway(tmp_path / "host", newest("@v1.0.0"))
    host.export("--from", "@v1.0.0")
    assert 0 == host.up().returncode
    assert stages["@v1.2.0"] == standing(host.dsn)


@pytest.mark.parametrize("path", ["learnplan,public", "public,learnplan"])
def test_alembic_is_not_to_take_ours_for_the_hosts(alembic: Alembic, path: str) -> None:
    """On a path with our schema autogenerate would drop our tables: it stops instead."""
    alembic.options = f"-c search_path={path}"
    done = alembic.alembic("check")
    assert 0 != done.returncode
    assert "remove_table" not in done.stdout + done.stderr
    assert "would take it for the host's own" in done.stderr
    alembic.options = "-c search_path=public"
    done = alembic.alembic("check")
    assert 0 == done.returncode, done.stdout + done.stderr
