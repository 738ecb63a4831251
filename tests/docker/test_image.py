"""The image of the command line: small, not root, and as good as the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fix_docker import Compose
    from images import Docker

pytestmark = pytest.mark.docker
MEGABYTE = 1_000_000
HARDENED = ("--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def test_image_says_what_it_is_without_an_argument(docker: Docker) -> None:
    """``docker run`` alone shows the help."""
    said = docker.run("run", *HARDENED, docker.cli)
    assert 0 == said.returncode, said.stderr
    assert said.stdout.startswith("Usage: learnplan-db")


def test_image_adds_no_more_than_the_package(docker: Docker) -> None:
    """No pip, no compiler, no source: what is added is what runs (in MB)."""
    image = docker.client.images.get(docker.cli).attrs["Size"]
    base = docker.client.images.get(docker.base).attrs["Size"]
    assert 45 * MEGABYTE > image - base
    listed = docker.run("run", *HARDENED, "--entrypoint=ls", docker.cli, "/", "/opt")
    assert "learnplan-db" in listed.stdout
    assert "source" not in listed.stdout


@pytest.mark.parametrize("user", [None, "4711:4711"])
def test_image_works_for_any_account_but_root(stack: Compose, user: str | None) -> None:
    """Read-only, without a right, also as a number that nobody gave a name."""
    account = (f"--user={user}",) if user else ()
    docker = stack.docker
    who = docker.run("run", *HARDENED, *account, "--entrypoint=id", docker.cli, "-u")
    assert (user or "10001").split(":")[0] == who.stdout.strip()
    said = docker.run(
        "run",
        *HARDENED,
        *account,
        f"--network={stack.name}_default",
        "--env=PGPASSWORD=deployer",
        "--env=DATABASE_URL=postgresql://deployer@db/learnplan",
        docker.cli,
        "verify",
    )
    assert 0 == said.returncode, said.stdout + said.stderr


def test_image_can_prove_and_make_faults(stack: Compose) -> None:
    """The extra for ``--mutate`` is there: a login that may become the roles proves."""
    docker = stack.docker
    said = docker.run(
        "run",
        *HARDENED,
        f"--network={stack.name}_default",
        "--env=PGPASSWORD=learnplan",
        docker.cli,
        "prove",
        "--quiet",
        "--mutate",
        "--kind=policy-dropped",
        "postgresql://postgres@db/learnplan",
    )
    assert 0 == said.returncode, said.stdout + said.stderr
    assert "mutants" in said.stdout
