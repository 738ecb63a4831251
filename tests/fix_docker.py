"""
A Docker engine and docker compose, as a host has them.

An engine that answers is used; what was made on it goes. Else root starts Debian's.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.conninfo import make_conninfo

import engine
from fix_tools import program
from images import ROOT, Docker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEALTH_SECONDS = 60
# What "docker compose" is, where it is a program of its own: Debian 12 has no plugin.
PLUGIN = """#!/bin/sh
[ "$1" != docker-cli-plugin-metadata ] || {{
  echo '{{"SchemaVersion": "0.1.0", "Vendor": "tests", "Version": "0"}}'
  exit
}}
[ "$1" != compose ] || shift
# It may be a Python program of the system, and is not meant by what tests import.
unset PYTHONPATH PYTHONHOME
exec {program} "$@"
"""


@dataclass
class Compose:
    """A project of docker compose, with ports and a name of its own."""

    docker: Docker
    directory: Path = ROOT
    server: str = "18"
    own_images: bool = True
    name: str = field(default_factory=lambda: f"learnplan{secrets.token_hex(4)}")
    passwords: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose ports that nobody has."""
        self.port, self.pooler_port = free_port(), free_port()

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the compose file asks for."""
        return {
            **self.docker.environ,
            "COMPOSE_PROJECT_NAME": self.name,
            "LEARNPLAN_PG_IMAGE": self.docker.server(self.server),
            **(self._images if self.own_images else {}),
            "LEARNPLAN_PYTHON_IMAGE": self.docker.base,
            "LEARNPLAN_DEBIAN_IMAGE": self.docker.base,
            "LEARNPLAN_PG_PORT": str(self.port),
            "LEARNPLAN_POOLER_PORT": str(self.pooler_port),
            **self.passwords,
        }

    @property
    def _images(self) -> dict[str, str]:
        """The images of this run, which are built once."""
        return {
            "LEARNPLAN_IMAGE": self.docker.cli,
            "LEARNPLAN_POOLER_IMAGE": self.docker.pooler,
        }

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run docker compose, with variables besides; what it says is text."""
        return subprocess.run(
            [program("docker"), "compose", *arguments],
            cwd=self.directory,
            env=self.environ | more,
            text=True,
            capture_output=True,
            check=False,
        )

    def up(self, *options: str) -> None:
        """Start what the options ask for, and wait for the deploy to end."""
        said = self.run(*options, "up", "--detach")
        assert not said.returncode, said.stderr + self.run("logs", "deploy").stdout
        code = self.container("deploy").wait()["StatusCode"]
        assert not code, self.logs("deploy")

    def down(self) -> None:
        """Stop all, and remove it with its volumes."""
        self.run("--profile", "pooler", "down", "--volumes", "--remove-orphans")

    def container(self, service: str) -> Any:
        """Return the container of a service, also one that ended."""
        label = f"com.docker.compose.service={service}"
        project = f"com.docker.compose.project={self.name}"
        client = self.docker.client
        found = client.containers.list(all=True, filters={"label": [label, project]})
        return next(one for one in found if "run" not in one.name.split("_"))

    def logs(self, service: str) -> str:
        """Return what a service printed."""
        return str(self.container(service).logs().decode())

    def wait_healthy(self, service: str) -> None:
        """Wait until a service says of itself that it works."""
        end = time.monotonic() + HEALTH_SECONDS
        while (found := self.container(service)).attrs["State"]["Health"][
            "Status"
        ] != "healthy":
            assert time.monotonic() < end, found.logs().decode()
            time.sleep(0.2)

    def volumes(self) -> list[str]:
        """Return the names of the project's volumes."""
        label = f"com.docker.compose.project={self.name}"
        found = self.docker.client.volumes.list(filters={"label": label})
        return [volume.name for volume in found]

    def conninfo(self, user: str, password: str | None = None) -> str:
        """Return how a program of this machine connects, past the pooler."""
        return make_conninfo(
            host="127.0.0.1",
            port=self.port,
            dbname="learnplan",
            user=user,
            password=password or self.passwords.get(f"{user.upper()}_PASSWORD", user),
        )

    def pooled(self, user: str) -> str:
        """Return how a program of this machine connects to the pooler."""
        return make_conninfo(self.conninfo(user), port=self.pooler_port)


def free_port() -> int:
    """Return a TCP port of this machine that nobody has."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def environment(scratch: Path) -> dict[str, str]:
    """Return the environment in which ``docker compose`` is there, if it can be."""
    docker = program("docker")
    has = {
        plugin: not subprocess.run(
            [docker, plugin, "version"], capture_output=True, check=False
        ).returncode
        for plugin in ("compose", "buildx")
    }
    environ = dict(os.environ)
    if not has["buildx"]:
        environ["DOCKER_BUILDKIT"] = "0"  # the builder of the engine itself
    if not has["compose"]:
        plugin = scratch / "config" / "cli-plugins" / "docker-compose"
        plugin.parent.mkdir(parents=True)
        plugin.write_text(PLUGIN.format(program=program("docker-compose")))
        plugin.chmod(0o755)
        environ["DOCKER_CONFIG"] = str(scratch / "config")
    return environ


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    """Provide an engine and its images; what was made is gone afterwards."""
    scratch = tmp_path_factory.mktemp("docker")
    environ = environment(scratch)
    with ExitStack() as stack:
        if not engine.answers(environ):
            environ = stack.enter_context(engine.started(environ))
        docker = Docker(environ, scratch)
        stack.callback(docker.close)
        yield docker


@pytest.fixture(scope="module")
def stack(docker: Docker) -> Iterator[Compose]:
    """Provide the compose file, up: PostgreSQL, the plan and the pooler."""
    project = Compose(docker)
    try:
        project.up("--profile", "pooler")
        yield project
    finally:
        project.down()


@pytest.fixture
def composed(docker: Docker) -> Iterator[Compose]:
    """Provide the compose file for a test that starts and stops it itself."""
    project = Compose(docker)
    try:
        yield project
    finally:
        project.down()


@pytest.fixture(scope="session")
def newest_tag() -> str:
    """Return the newest tag of the plan."""
    return (
        "@v"
        + tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    )
