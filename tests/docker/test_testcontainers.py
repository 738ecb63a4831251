"""
The pytest plugin on a server in a container: real inner runs, on a real engine.

What docs/containers.md and docs/testing.md say of it.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from images import Docker

pytestmark = pytest.mark.docker
pytest_plugins = ["pytester"]
KNOWN = {found.name for found in entry_points(group="pytest11")}
PLUGIN = () if "learnplan_db" in KNOWN else ("-p", "learnplan_db.pytest_plugin")
INI = """
[pytest]
addopts = -p no:cacheprovider -p no:hypothesispytest
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
learnplan_server = container
"""
SUITE = """
import psycopg
from learnplan_db import acting_as

def test_rolled_back(learnplan_db, as_user, learnplan_rows):
    plan = learnplan_rows.make_plan()
    with as_user(plan.owner):
        found = learnplan_db.execute("select id from learnplan.learning_plans")
        assert [(plan.id,)] == found.fetchall()

def test_of_its_own(learnplan_clone):
    with psycopg.connect(learnplan_clone.app) as connection, acting_as(connection, sub="x"):
        assert "off" == connection.execute("show fsync").fetchone()[0]
        assert [] == connection.execute("select from learnplan.learning_plans").fetchall()
"""


class Host:
    """The suite of a host that says container, and what it leaves on the engine."""

    def __init__(self, pytester: pytest.Pytester, docker: Docker) -> None:
        self.pytester, self.docker = pytester, docker

    def run(self, *arguments: str, ini: str = "") -> pytest.RunResult:
        """Run the suite in a process of its own."""
        self.pytester.makeini(INI + ini)
        self.pytester.makepyfile(SUITE)
        return self.pytester.runpytest_subprocess(*PLUGIN, *arguments)

    def containers(self) -> list[str]:
        """Return the names of what testcontainers started, and is there still."""
        label = {"label": "org.testcontainers=true"}
        found = self.docker.client.containers.list(all=True, filters=label)
        return [str(container.name) for container in found]


@pytest.fixture
def host(
    pytester: pytest.Pytester, docker: Docker, monkeypatch: pytest.MonkeyPatch
) -> Host:
    """Provide a host whose engine is the tests', without Ryuk, whose image is none here."""
    for name in ("DOCKER_HOST", "DOCKER_CONFIG"):
        if name in docker.environ:
            monkeypatch.setenv(name, docker.environ[name])
    monkeypatch.setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
    return Host(pytester, docker)


def test_suite_gets_a_server_in_a_container(host: Host) -> None:
    """All fixtures work on it; it is named at the top, and gone at the end."""
    image = host.docker.server()
    result = host.run(ini=f"learnplan_image = {image}")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"learnplan: a container of {image}, from ini *"])
    assert [] == host.containers()


def test_option_comes_before_the_configuration(host: Host) -> None:
    """``--learnplan-image`` names another one; one that cannot be had is told."""
    result = host.run(
        "--learnplan-image=learnplan-nowhere:1", ini="learnplan_image = x"
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            '*no server in a container of "learnplan-nowhere:1": *',
            "*fix *name an image*",
        ]
    )
    assert [] == host.containers()


def test_image_that_is_no_server_is_told(host: Host) -> None:
    """What ends at once is not waited for, and does not stay."""
    result = host.run(f"--learnplan-image={host.docker.base}")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*no server in a container of *"])
    assert [] == host.containers()
