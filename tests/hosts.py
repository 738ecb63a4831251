"""
Hosts: a directory with migrations, and the real tool that applies them to a database.

Each is what its own manual makes, with one table of the host's before ours. Flyway is
not here: what it would do with its files, psql does, in the order of their versions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import alembic
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from fix_tools import program
from learnplan_db.cli import cli
from learnplan_db.testing.addresses import as_url

if TYPE_CHECKING:
    from subprocess import CompletedProcess

# What the tool's session says of who deploys: the reference is deployed by the same.
WHO = ("Dee Ba", "dee@example.org")
SETTINGS = (
    r"-c learnplan_db.committer_name=Dee\ Ba"
    " -c learnplan_db.committer_email=dee@example.org"
)
LOSING = " -c learnplan_db.allow_data_loss=on"


@dataclass
class Host(ABC):
    """A host's directory, and the conninfo of its database."""

    directory: Path
    dsn: str
    options: str = SETTINGS
    form: ClassVar[str] = ""
    migrations: ClassVar[str] = "migrations"
    written: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the directory of migrations."""
        self.place.mkdir(parents=True)
        self.prepare()

    @property
    def place(self) -> Path:
        """Where the migrations are."""
        return self.directory / self.migrations

    def prepare(self) -> None:  # noqa: B027 - a tool may need nothing
        """Write what the tool needs besides migrations."""

    def export(self, *words: str) -> list[Path]:
        """Write a migration by the command; return its files."""
        before = set(self.place.iterdir())
        argv = ["export", "--format", self.form, "--out", str(self.place), *words]
        done = CliRunner().invoke(cli, argv, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        self.written += sorted(set(self.place.iterdir()) - before)
        return self.written

    @abstractmethod
    def up(self) -> CompletedProcess[str]:
        """Apply what is not applied."""

    @abstractmethod
    def down(self) -> CompletedProcess[str]:
        """Take back the migration that was applied last."""

    def run(self, *argv: str, **environment: str) -> CompletedProcess[str]:
        """Run a program in the directory, with the session's settings."""
        return subprocess.run(
            argv,
            cwd=self.directory,
            env=os.environ | {"PGOPTIONS": self.options} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


class Psql(Host):
    """Files run by psql, each once: the host notes which."""

    form = "sql"
    applied = 0

    def up(self) -> CompletedProcess[str]:
        """Run the files that were not run."""
        steps = [path for path in self.written if not path.stem.endswith(".revert")]
        done = self.psql(steps[self.applied])
        self.applied += done.returncode == 0
        return done

    def down(self) -> CompletedProcess[str]:
        """Run the last one's other file."""
        steps = [path for path in self.written if path.stem.endswith(".revert")]
        done = self.psql(steps[self.applied - 1])
        self.applied -= done.returncode == 0
        return done

    def psql(self, path: Path, *options: str) -> CompletedProcess[str]:
        """Run a file as a person would."""
        argv = program("psql"), "-X", "-q", *options, "-f", str(path), self.dsn
        return self.run(*argv)


class Flyway(Psql):
    """V and U files in the order of their versions, each in one transaction."""

    form = "flyway"

    def up(self) -> CompletedProcess[str]:
        """Run the next V file."""
        done = self.files("V")[self.applied]
        return self._counted(done, 1)

    def down(self) -> CompletedProcess[str]:
        """Run the last one's U file."""
        return self._counted(self.files("U")[self.applied - 1], -1)

    def files(self, letter: str) -> list[Path]:
        """Return the files of a kind by their versions."""
        return sorted(self.place.glob(f"{letter}*.sql"))

    def _counted(self, path: Path, step: int) -> CompletedProcess[str]:
        done = self.psql(path, "-1", "-v", "ON_ERROR_STOP=1")
        self.applied += step * (done.returncode == 0)
        return done


class Dbmate(Host):
    """Dbmate, from the wheel that holds its program."""

    form = "dbmate"

    def up(self) -> CompletedProcess[str]:
        """Apply what is not applied."""
        return self.dbmate("up")

    def down(self) -> CompletedProcess[str]:
        """Take back the newest."""
        return self.dbmate("down")

    def dbmate(self, *words: str) -> CompletedProcess[str]:
        """Run the program."""
        found = make_url(as_url(self.dsn))
        socket, port = found.query.get("host"), found.query.get("port") or found.port
        url = found.set(
            drivername="postgres",
            host=None if socket else found.host,
            port=None,
            query={"socket": str(socket), "port": str(port)} if socket else {},
        )
        path = Path(sys.executable).with_name("dbmate")
        argv = (
            *(str(path), "--no-dump-schema", "--migrations-dir", "migrations"),
            *("--url", url.render_as_string(hide_password=False)),
        )
        return self.run(*argv, *words)


class Alembic(Host):
    """Alembic with SQLAlchemy 2 and psycopg, as "alembic init" makes it."""

    form = "alembic"
    migrations = "alembic/versions"
    MODELS = """
        import sqlalchemy as sa

        metadata = sa.MetaData()
        # What the application reads of ours, and a table of its own.
        users = sa.Table(
            "users", metadata, sa.Column("id", sa.Uuid, primary_key=True),
            schema="learnplan")
    """
    ENV = """
        import os
        import sys
        from alembic import context
        from sqlalchemy import create_engine
        sys.path.insert(0, os.getcwd())
        import models
        {hook}
        options = dict(
            target_metadata=models.metadata, include_schemas=True, {hooks})
        if context.is_offline_mode():
            context.configure(
                url=os.environ["HOST_URL"], literal_binds=True,
                dialect_opts={{"paramstyle": "named"}}, **options)
            with context.begin_transaction():
                context.run_migrations()
        else:
            engine = create_engine(os.environ["HOST_URL"])
            with engine.connect() as connection:
                context.configure(connection=connection, **options)
                with context.begin_transaction():
                    context.run_migrations()
    """
    HOOK = "from learnplan_db.ext.alembic import include_name, include_object"
    HOOKS = "include_name=include_name, include_object=include_object"

    def prepare(self) -> None:
        """Write env.py and the host's models."""
        (self.directory / "alembic.ini").write_text(
            "[alembic]\nscript_location = alembic\npath_separator = os\n"
        )
        mako = (
            Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
        )
        (self.directory / "alembic" / mako.name).write_bytes(mako.read_bytes())
        self.write("models.py", self.MODELS)
        self.hook()

    def hook(self, hook: str = HOOK, hooks: str = HOOKS) -> None:
        """Write env.py with hooks for what is compared."""
        text = textwrap.dedent(self.ENV).format(hook=hook, hooks=hooks)
        self.write("alembic/env.py", text)

    def write(self, name: str, text: str) -> None:
        """Write a file of Python."""
        (self.directory / name).write_text(textwrap.dedent(text))

    def up(self) -> CompletedProcess[str]:
        """Apply all."""
        return self.alembic("upgrade", "heads")

    def down(self) -> CompletedProcess[str]:
        """Take back the newest."""
        return self.alembic("downgrade", "-1")

    def alembic(self, *words: str) -> CompletedProcess[str]:
        """Run alembic."""
        url = as_url(self.dsn).replace("postgresql:", "postgresql+psycopg:")
        return self.run(sys.executable, "-m", "alembic", *words, HOST_URL=url)


class Django(Host):
    """A Django project with an app that has no models, only our migrations."""

    form = "django"
    migrations = "learnplan/migrations"
    SETTINGS = """
        from psycopg.conninfo import conninfo_to_dict
        import os
        known = conninfo_to_dict(os.environ["HOST_DSN"])
        SECRET_KEY = "secret"
        USE_TZ = True
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        INSTALLED_APPS = ["django.contrib.contenttypes", "shop", "learnplan"]
        DATABASES = {"default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": known["dbname"], "USER": known["user"],
            "PASSWORD": known.get("password", ""),
            "HOST": known["host"], "PORT": known.get("port", "")}}
    """
    MODELS = """
        from django.db import models

        class Order(models.Model):
            title = models.TextField()
    """

    def prepare(self) -> None:
        """Write the project, its settings and an app of its own."""
        for package in ("learnplan", "learnplan/migrations", "shop", "shop/migrations"):
            (self.directory / package).mkdir(exist_ok=True)
            (self.directory / package / "__init__.py").write_text("")
        text = textwrap.dedent(self.SETTINGS)
        (self.directory / "settings.py").write_text(text)
        (self.directory / "shop" / "models.py").write_text(textwrap.dedent(self.MODELS))
        assert self.manage("makemigrations", "shop").returncode == 0

    def up(self) -> CompletedProcess[str]:
        """Apply all."""
        return self.manage("migrate")

    def down(self) -> CompletedProcess[str]:
        """Take back the newest."""
        names = [path.stem for path in sorted(self.place.glob("learnplan_db*.py"))]
        done = [n for n in names if n in self.shown()]
        return self.manage("migrate", "learnplan", done[-2] if done[1:] else "zero")

    def shown(self) -> set[str]:
        """Return the names of migrations that are applied."""
        lines = self.manage("showmigrations", "learnplan").stdout.splitlines()
        return {line.split()[-1] for line in lines if "[X]" in line}

    def manage(self, *words: str) -> CompletedProcess[str]:
        """Run manage.py."""
        argv = sys.executable, "-m", "django", *words
        environment = {
            "DJANGO_SETTINGS_MODULE": "settings",
            "HOST_DSN": self.dsn,
            "PYTHONPATH": os.pathsep.join([str(self.directory), *sys.path]),
        }
        return self.run(*argv, **environment)


HOSTS = {host.form: host for host in (Psql, Flyway, Dbmate, Alembic, Django)}
