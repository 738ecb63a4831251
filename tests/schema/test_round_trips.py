"""A dump, a restore, an upgrade or a logical copy loses nothing, and says who may make it."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from fix_copies import ROWS, assert_whole, ran, run, sums, told
from fix_database import ROOT, plain_owner
from learnplan_db.engine import runner, session, state
from learnplan_db.server.embedded import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fix_database import TestServer
    from fix_proof import Clones

# docs/backups.md says so: all that a role needs which dumps everything, and no more.
BACKUP = """create role {} login bypassrls password 'secret';
grant pg_read_all_data to {};"""


@pytest.fixture(scope="module")
def populated(clones: Clones) -> str:
    """Provide the conninfo of a database with the plan and some rows."""
    dsn = clones.make()
    with psycopg.connect(dsn) as connection:
        connection.execute(ROWS.encode())
    return dsn


@pytest.fixture(scope="module")
def source(populated: str) -> tuple[list[str], dict[str, Any]]:
    """Provide what that database holds."""
    found = sums(populated)
    assert (60, 540, 3) == (
        *(found["learnplan.tasks"][0], found["learnplan.task_resources"][0]),
        found["learnplan.users"][0],
    )
    return told(populated), found


@pytest.fixture(scope="module")
def backup(populated: str) -> Iterator[str]:
    """Provide the conninfo of a role that has what docs/backups.md grants, and no more."""
    name = f"backup_{uuid.uuid4().hex[:8]}"
    statement = BACKUP.format(name, name)
    assert statement.replace(name, "backup") in (
        (ROOT / "docs" / "backups.md").read_text()
    )
    with psycopg.connect(populated, autocommit=True) as connection:
        connection.execute(statement.encode())
        yield psycopg.conninfo.make_conninfo(populated, user=name, password="secret")  # noqa: S106
        connection.execute(f"drop role {name}".encode())


def test_custom_format_restores(
    *, backup: str, source: Any, programs: Path, database: str, tmp_path: Path
) -> None:
    """pg_dump -Fc by the backup role, pg_restore by a superuser: all is there."""
    run(programs / "pg_dump", "-Fc", "-f", str(tmp_path / "dump"), "-d", backup)
    run(
        programs / "pg_restore",
        "--exit-on-error",
        "-d",
        database,
        str(tmp_path / "dump"),
    )
    assert_whole(database, source)


def test_plain_format_restores(
    *, backup: str, source: Any, programs: Path, database: str, tmp_path: Path
) -> None:
    """A dump in SQL, played by psql."""
    run(programs / "pg_dump", "-f", str(tmp_path / "dump"), "-d", backup)
    play = ("-Xqo/dev/null", "-v", "ON_ERROR_STOP=1", "-f", str(tmp_path / "dump"))
    run(programs / "psql", *play, "-d", database)
    assert_whole(database, source)


def test_schema_then_data_restores(
    *, backup: str, source: Any, programs: Path, database: str, tmp_path: Path
) -> None:
    """--schema-only, then --data-only: the triggers keep the times of the rows."""
    for part in ("--schema-only", "--data-only"):
        run(
            programs / "pg_dump",
            "-Fc",
            part,
            "-f",
            str(tmp_path / "dump"),
            "-d",
            backup,
        )
        run(programs / "pg_restore", "-e", "-d", database, str(tmp_path / "dump"))
    assert_whole(database, source)


def test_clean_replaces_what_is_there(
    *, clones: Clones, backup: str, source: Any, programs: Path, tmp_path: Path
) -> None:
    """--clean --if-exists over a database that somebody changed brings back the source."""
    changed = clones.make()
    with psycopg.connect(changed) as connection:
        connection.execute("drop policy users_select_authenticated on learnplan.users")
        connection.execute(
            "insert into learnplan.users (clerk_user_id, email) values ('x', 'x')"
        )
    assert source != (told(changed), sums(changed))
    run(programs / "pg_dump", "-Fc", "-f", str(tmp_path / "dump"), "-d", backup)
    options = ("--clean", "--if-exists", "-e", "-d", changed)
    run(programs / "pg_restore", *options, str(tmp_path / "dump"))
    assert_whole(changed, source)


def test_another_cluster_gets_the_roles_first(
    *, populated: str, backup: str, source: Any, programs: Path, tmp_path: Path
) -> None:
    """pg_dumpall --roles-only brings the roles, without which a restore has errors."""
    run(programs / "pg_dump", "-Fc", "-f", str(tmp_path / "dump"), "-d", backup)
    run(
        programs / "pg_dumpall",
        "--roles-only",
        "-f",
        str(tmp_path / "roles"),
        "-d",
        populated,
    )
    # The superuser of the same name is there.
    roles = [
        line
        for line in (tmp_path / "roles").read_text().splitlines()
        if not line.endswith(" ROLE postgres;")
    ]
    (tmp_path / "roles").write_text("\n".join(roles))
    with Server(None, environ=os.environ) as other:
        dsn = other.dsn()
        restore = ("-d", dsn, "-e", str(tmp_path / "dump"))
        done = ran(programs / "pg_restore", *restore, "--single-transaction")
        assert (1, True) == (done.returncode, "does not exist" in done.stderr), done
        play = ("-Xqo/dev/null", "-v", "ON_ERROR_STOP=1", "-f", str(tmp_path / "roles"))
        run(programs / "psql", *play, "-d", dsn)
        run(programs / "pg_restore", *restore)
        assert_whole(dsn, source)
        with psycopg.connect(dsn) as connection:
            row = connection.execute(
                "select rolbypassrls from pg_roles where rolname ~ '^backup_'"
            ).fetchone()
        assert (True,) == row


def test_an_owner_cannot_back_up(
    *,
    learnplan_noproc: Any,  # the roles are there
    server: TestServer,
    fresh_dsn: Callable[..., str],
    programs: Path,
) -> None:
    """
    Row security holds for owners: pg_dump says so, or loses rows if told to go on.

    The same rows are there for the role that may see them.
    """
    with plain_owner(server, fresh_dsn, "nocreaterole") as (_, dsn):
        with session.connect(dsn) as connection:
            runner.deploy(connection, state.load(ROOT))
        boss = server.dsn(str(conninfo_to_dict(dsn)["dbname"]))
        with psycopg.connect(boss) as connection:
            connection.execute(ROWS.encode())
        done = ran(programs / "pg_dump", "-d", dsn)
        assert 1 == done.returncode, done
        assert "query would be affected by row-level security policy" in done.stderr
        dumps = {}
        for name, who, more in (
            ("owner", dsn, ["--enable-row-security"]),
            ("boss", boss, []),
        ):
            done = ran(
                programs / "pg_dump", *more, "--data-only", "--inserts", "-d", who
            )
            assert 0 == done.returncode, done
            dumps[name] = done.stdout.count("INSERT INTO learnplan.")
        assert {
            "owner": 3 + 12 + 60 + 9 + 540,
            "boss": 687,
        } == dumps  # what a policy shows a member


def test_an_owner_cannot_restore_rows_alone(
    *,
    backup: str,
    server: TestServer,
    fresh_dsn: Callable[..., str],
    programs: Path,
    tmp_path: Path,
) -> None:
    """Rows do not come back under row security: pg_restore says so, and changes nothing."""
    dump = str(tmp_path / "dump")
    run(
        programs / "pg_dump",
        "-Fc",
        "--data-only",
        "-n",
        "learnplan",
        "-f",
        dump,
        "-d",
        backup,
    )
    with plain_owner(server, fresh_dsn, "nocreaterole") as (_, dsn):
        with session.connect(dsn) as connection:
            runner.deploy(connection, state.load(ROOT))
        done = ran(programs / "pg_restore", "-1", "-d", dsn, dump)
        assert (1, True) == (done.returncode, "row-level security" in done.stderr), done
        boss = server.dsn(str(conninfo_to_dict(dsn)["dbname"]))
        assert 0 == sums(boss)["learnplan.users"][0]
        run(programs / "pg_restore", "-1", "-d", boss, dump)
        assert 3 == sums(boss)["learnplan.users"][0]
