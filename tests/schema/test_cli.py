"""The command line on real databases: each bad input, its error and exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from click.testing import CliRunner
from psycopg.conninfo import make_conninfo

from learnplan_db.cli import MODULES, cli
from learnplan_db.engine import state

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def learnplan(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, without a terminal."""
    kept = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "learnplan_db", *arguments],
        env=kept | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a project of three small changes that may be damaged."""
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    for kind in ("deploy", "revert", "verify"):
        (tmp_path / "sql" / kind).mkdir(parents=True)
        for name in "abc":
            text = f"create table t_{name} (i int)" if kind == "deploy" else "select 1"
            text = f"drop table t_{name}" if kind == "revert" else text
            path = tmp_path / "sql" / kind / f"{name}.sql"
            path.write_text(f"begin;\n{text};\ncommit;\n")
    lines = [f"{n} 2026-01-01T00:00:0{i}Z P <p@x> # N." for i, n in enumerate("abc")]
    (tmp_path / "sql" / "sqitch.plan").write_text(
        "%syntax-version=1.0.0\n%project=small\n\n" + "\n".join(lines) + "\n"
    )
    return tmp_path


def failed(done: subprocess.CompletedProcess[str], code: int, *texts: str) -> None:
    """Assert an exit code, and each text in the error; never a traceback."""
    assert (code, "Traceback" in done.stderr) == (done.returncode, False), done
    for text in texts:
        assert text in done.stderr
    assert "error: " in done.stderr
    assert "fix  " in done.stderr


def tables(dsn: str) -> list[str]:
    """Return the tables that deploys made."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select tablename from pg_tables where tablename like 't\\__' order by 1"
        )
        return [row[0] for row in rows]


def test_deploy_status_verify_log_revert(database: str) -> None:
    """The main job at the terminal, and each command's JSON."""
    changes = state.load(ROOT).plan.changes
    count, last = len(changes), changes[-1].name
    assert learnplan("status", database).returncode == 1
    done = learnplan("deploy", "--verify", database)
    assert (0, count) == (done.returncode, done.stdout.count("\n  + ")), done
    again = learnplan("deploy", database)
    assert again.stdout == "Nothing to deploy (up-to-date)\n"
    status = learnplan("status", "--check", database)
    assert status.stdout.endswith("Nothing to deploy (up-to-date)\n")
    said = json.loads(learnplan("status", "--json", database).stdout)
    assert (True, count) == (said["up_to_date"], len(said["deployed"]))
    assert learnplan("verify", database).stdout.endswith("Verify successful\n")
    events = json.loads(learnplan("log", "--json", database).stdout)["events"]
    assert ["deploy"] * count == [event["event"] for event in events]
    assert "Deploy " in learnplan("log", database).stdout
    reverted = learnplan("revert", "--to", "table_tasks", "-y", "--json", database)
    assert last == json.loads(reverted.stdout)["reverted"][0]
    pending = learnplan("status", "--check", database)
    assert (1, True) == (pending.returncode, f"  * {last}" in pending.stdout)


def test_target_may_be_an_option_a_variable_or_a_sqitch_uri(database: str) -> None:
    """Argument, --target, else DATABASE_URL."""
    assert learnplan("status", DATABASE_URL=database).returncode == 1
    assert learnplan("status", "--target", database).returncode == 1
    known = psycopg.conninfo.conninfo_to_dict(database)
    uri = (
        f"db:pg://{known['user']}@/{known['dbname']}"
        f"?host={known['host']}&port={known['port']}"
    )
    environment = {"PGPASSWORD": str(known.get("password") or "")}
    done = learnplan("status", uri, **environment)
    assert (1, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize(
    ("damage", "texts"),
    [
        ("missing", ["cannot be read", "sql/sqitch.plan"]),
        ("empty", ["sql/sqitch.plan"]),
        ("duplicate", ['"a"', "sql/sqitch.plan:7"]),
        ("unknown", ['"zz"', "sql/sqitch.plan:7"]),
        ("syntax", ["sql/sqitch.plan:7"]),
        ("script", ["sql/deploy/c.sql", "no readable"]),
    ],
)
def test_damaged_project_changes_nothing(
    project: Path, database: str, damage: str, texts: list[str]
) -> None:
    """Plan missing, empty, duplicate, unknown, malformed; a script missing."""
    plan = project / "sql" / "sqitch.plan"
    more = {
        "duplicate": "a 2026-01-01T00:00:09Z P <p@x> # N.\n",
        "unknown": "d [zz] 2026-01-01T00:00:09Z P <p@x> # N.\n",
        "syntax": "what is this\n",
    }
    if damage in more:
        plan.write_text(plan.read_text() + more[damage])
    elif damage == "empty":
        plan.write_text("")
    elif damage == "missing":
        plan.unlink()
    else:
        (project / "sql" / "deploy" / "c.sql").unlink()
    failed(learnplan("-C", str(project), "deploy", database), 2, *texts)
    with psycopg.connect(database) as connection:
        found = connection.execute("select to_regnamespace('sqitch')").fetchone()
    assert (None,) == found


def test_error_in_a_script_leaves_the_earlier_changes(
    project: Path, database: str
) -> None:
    """File, true line, SQLSTATE; earlier changes stay, this one leaves nothing."""
    (project / "sql" / "deploy" / "b.sql").write_text(
        "begin;\ncreate table t_b (i int);\n\nselect\n  nothing;\ncommit;\n"
    )
    done = learnplan("-C", str(project), "deploy", "--mode", "change", database)
    assert done.returncode == 2
    for text in ("sql/deploy/b.sql:5", "42703", 'column "nothing" does not exist', "^"):
        assert text in done.stderr
    assert ["t_a"] == tables(database)
    log = json.loads(learnplan("-C", str(project), "log", "--json", database).stdout)
    assert ["fail", "deploy"] == [event["event"] for event in log["events"]]


@pytest.mark.parametrize(
    ("target", "code", "text"),
    [
        ("nonsense", 2, 'unknown argument "nonsense"'),
        ("mysql://host/db", 2, 'unknown argument "mysql://host/db"'),
        ("db:sqlite:x", 2, 'is for engine "sqlite"'),
        ("host=/nowhere dbname=x", 2, "no connection"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", 2, "no connection"),
    ],
)
def test_unusable_target(target: str, code: int, text: str) -> None:
    """Target that is no URI; server unreachable. A password is never shown."""
    done = learnplan("deploy", target)
    failed(done, code, text)
    assert "hunter2" not in done.stdout + done.stderr


def test_missing_database_and_permission(
    server: Any, fresh_dsn: Callable[[], str]
) -> None:
    """Database missing; no permission to create a schema."""
    failed(
        learnplan("deploy", server.dsn("learnplan_absent")),
        2,
        "learnplan_absent",
        "does not exist",
    )
    dsn = fresh_dsn()
    with psycopg.connect(dsn, autocommit=True) as admin:
        name = f"poor_{os.getpid()}"
        admin.execute(f"create role {name} login password 'secret'")
        poor = make_conninfo(dsn, user=name, password="secret")  # noqa: S106
        done = learnplan("deploy", poor)
        admin.execute(f"drop role {name}")
    failed(done, 2, "no permission to create the registry", "grant create on database")


def test_deploy_to_an_unknown_change(project: Path, database: str) -> None:
    """Deploy to a change that is not in the plan."""
    done = learnplan("-C", str(project), "deploy", "--to", "bb", database)
    assert (2, True) == (done.returncode, "bb" in done.stderr), done
    assert [] == tables(database)


def test_revert_without_a_terminal_needs_yes(project: Path, database: str) -> None:
    """Revert without a terminal and without -y."""
    learnplan("-C", str(project), "deploy", database)
    failed(learnplan("-C", str(project), "revert", database), 2, "-y")
    assert ["t_a", "t_b", "t_c"] == tables(database)


def test_newer_edited_and_foreign_plans(project: Path, database: str) -> None:
    """Database deployed from another project or a newer plan than this package."""
    learnplan("-C", str(project), "deploy", database)
    other = learnplan("status", "--json", database)
    assert ["small"] == json.loads(other.stdout)["other_projects"]
    other = learnplan("status", database)
    assert "Other projects here: small" in other.stderr
    reverted = learnplan("revert", "-y", database)
    assert "the registry holds small" in reverted.stderr
    assert "Nothing to revert (nothing deployed)\n" == reverted.stdout
    plan = project / "sql" / "sqitch.plan"
    text = plan.read_text()
    plan.write_text("".join(text.splitlines(keepends=True)[:-1]))
    older = learnplan("-C", str(project), "deploy", database)
    failed(older, 2, "newer than this plan", "3  c is not in the plan")
    plan.write_text(text.replace("# N.", "# Another note."))
    edited = learnplan("-C", str(project), "deploy", database)
    failed(edited, 2, "disagree from a on", "a has another note")
    assert ["t_a", "t_b", "t_c"] == tables(database)


def test_killed_in_the_middle_leaves_nothing(project: Path, database: str) -> None:
    """kill -9 in a script: no half change; the next deploy needs no manual step."""
    script = project / "sql" / "deploy" / "c.sql"
    text = script.read_text()
    script.write_text(text.replace("commit;", "select pg_sleep(60);\ncommit;"))
    process = subprocess.Popen(
        [sys.executable, "-m", "learnplan_db", "-C", str(project), "deploy", database],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with psycopg.connect(database, autocommit=True) as watcher:
        sleeping = "select count(*) from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"
        end = time.monotonic() + 20
        while watcher.execute(sleeping).fetchone() != (1,):
            assert time.monotonic() < end
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        watcher.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where wait_event = 'PgSleep' and datname = current_database()"
        )
    assert ["t_a", "t_b"] == tables(database)
    script.write_text(text)
    assert learnplan("-C", str(project), "deploy", database).returncode == 0
    assert ["t_a", "t_b", "t_c"] == tables(database)


def test_many_deployers_at_once(project: Path, database: str) -> None:
    """Two at once: each change is deployed exactly once, and nobody fails."""
    command = [sys.executable, "-m", "learnplan_db", "-C", str(project)]
    processes = [
        subprocess.Popen(
            [*command, "deploy", database],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    results = [process.communicate() for process in processes]
    assert [0] * 4 == [process.returncode for process in processes], results
    log = json.loads(learnplan("-C", str(project), "log", "--json", database).stdout)
    assert ["c", "b", "a"] == [event["change"] for event in log["events"]]


def test_blocked_deploy_names_who_blocks(project: Path, database: str) -> None:
    """A change gives up its lock attempt and names the session in the way."""
    learnplan("-C", str(project), "deploy", "--to", "a", database)
    script = project / "sql" / "deploy" / "b.sql"
    script.write_text("begin;\nalter table t_a add column j int;\ncommit;\n")
    with psycopg.connect(database) as holder:
        holder.execute("select * from t_a")
        done = learnplan(
            *("-C", str(project), "deploy", "--to", "b", "--lock-timeout", "1"),
            database,
        )
        assert f"pid {holder.info.backend_pid}" in done.stderr
    assert done.returncode == 2
    again = learnplan("-C", str(project), "deploy", database)
    assert again.returncode == 0


def test_render_check_and_out(tmp_path: Path, database: str) -> None:
    """render --check: exit 1 with a diff; --out: a project that deploys."""
    root = tmp_path / "project"
    for part in ("sql", "policies"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(ROOT / "sqitch.conf", root)
    assert learnplan("-C", str(root), "render", "--check").returncode == 0
    path = root / "sql" / "deploy" / "policy_users.sql"
    path.write_text(path.read_text().replace("force row", "enable row"))
    differs = learnplan("-C", str(root), "render", "--check")
    assert (1, True) == (differs.returncode, "+alter table" in differs.stdout)
    assert "Wrote 1 scripts" in learnplan("-C", str(root), "render").stdout
    failed(
        learnplan("render", "--set", "authentcated=x", "--out", str(tmp_path / "o")),
        2,
        'did you mean "authenticated"',
    )
    template = root / "policies" / "users.sql.j2"
    template.write_text(template.read_text() + "\n-- {{ nobody }}\n")
    line = template.read_text().count("\n")
    failed(
        learnplan("-C", str(root), "render", "--check"),
        2,
        f"policies/users.sql.j2:{line}",
        "nobody",
    )


def test_guard_stops_a_data_change_that_row_security_would_hide(
    project: Path, database: str, fresh_dsn: Callable[..., str]
) -> None:
    """row_security = off: UPDATE 0 by row security becomes an error (threat 2)."""
    name = f"plain_{os.getpid()}"
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"create role {name} login password 'secret'")
    owned = make_conninfo(fresh_dsn(name), user=name, password="secret")  # noqa: S106
    with (project / "sqitch.conf").open("a") as configuration:
        configuration.write("[learnplan]\n\tguard = true\n")
    script = project / "sql" / "deploy" / "b.sql"
    script.write_text(
        "begin;\nalter table t_a enable row level security;\n"
        "alter table t_a force row level security;\nupdate t_a set i = 1;\ncommit;\n"
    )
    done = learnplan("-C", str(project), "deploy", owned)
    assert (2, True) == (done.returncode, "row-level security" in done.stderr), done
    assert "sql/deploy/b.sql:4" in done.stderr


def test_scripts_are_utf8_whatever_the_environment_says(
    project: Path, database: str
) -> None:
    """A script is UTF-8, and PGCLIENTENCODING does not change what it says."""
    script = project / "sql" / "deploy" / "c.sql"
    text = "begin;\ncreate table t_c as select 'Ω 日本'::text as i;\ncommit;\n"
    script.write_text(text, encoding="utf-8")
    done = learnplan("-C", str(project), "deploy", database, PGCLIENTENCODING="LATIN1")
    assert done.returncode == 0, done
    with psycopg.connect(database, client_encoding="utf8") as connection:
        assert ("Ω 日本",) == connection.execute("select i from t_c").fetchone()


def test_psql_gets_what_follows_the_dashes(psql: str, database: str) -> None:
    """Opens psql on the target; its own options stand after --."""
    done = learnplan("psql", database, "--", "-XAtc", "select 6 * 7")
    assert (0, "42\n") == (done.returncode, done.stdout), done
    assert learnplan("psql", database, "-XAtc", "select 1").returncode == 2


@pytest.mark.parametrize("command", sorted(MODULES))
def test_help_has_an_example(command: str) -> None:
    """Every command's help shows an example, and the README names the command."""
    done = CliRunner().invoke(cli, [command, "--help"], prog_name="learnplan-db")
    assert "Example:\n    learnplan-db" in done.output
    assert f"`{command}`" in README or f"learnplan-db {command}" in README


def test_deploy_with_nothing_to_do_reads_no_script(
    project: Path, database: str
) -> None:
    """What reads and runs scripts is imported only when something is to be deployed."""
    argv = ["-X", "importtime", "-m", "learnplan_db", "-C", str(project), "deploy"]
    reader, seen = "learnplan_db.psql.script", []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, *argv, database],
            capture_output=True,
            text=True,
            check=True,
        )
        seen.append(reader in done.stderr)
    assert [True, False] == seen
    assert "Nothing to deploy (up-to-date)\n" == done.stdout
    assert "psycopg" in done.stderr
