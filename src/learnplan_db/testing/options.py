"""
The options of the pytest plugin: their words, and what they say together.

May import pytest and the standard library only: it is loaded in every run of pytest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ENVIRONMENT, IMAGE = "LEARNPLAN_TEST_SERVER", "postgres:18"


def add(parser: pytest.Parser) -> None:
    """Add the options, in a group of their own."""
    group = parser.getgroup("learnplan", "learnplan-db: a database with the plan")
    group.addoption(
        "--learnplan-server",
        metavar="CONNINFO",
        help="Make the databases of the tests on this server, as a superuser; or on "
        'one in a container: the word "container" (pip install '
        "'learnplan-db[testcontainers]'). "
        f"Else the ini option learnplan_server, the variable {ENVIRONMENT}, or one "
        "that is started for the run (pip install 'learnplan-db[embedded]').",
    )
    group.addoption(
        "--learnplan-image",
        metavar="IMAGE",
        help=f"The image of the container. Else ini learnplan_image, or {IMAGE}.",
    )
    group.addoption(
        "--learnplan-mutate",
        action="store_true",
        help="Run the tests that are marked learnplan_policy; when they are green, run "
        "them again for each fault of the policies and grants, and tell which faults "
        "no test sees.",
    )
    group.addoption(
        "--learnplan-mutate-kind",
        action="append",
        default=[],
        metavar="KIND",
        help="Try only the mutants of this kind; may be given again, and hold *.",
    )
    group.addoption(
        "--learnplan-mutate-name",
        action="append",
        default=[],
        metavar="NAME",
        help="Try only the mutants of this name; may be given again, and hold *.",
    )
    group.addoption(
        "--learnplan-mutate-min",
        type=percentage,
        metavar="PERCENT",
        help="Fail under this score. Else the ini option learnplan_mutate_min, or 100.",
    )
    group.addoption(
        "--learnplan-mutate-json",
        metavar="FILE",
        help="Write what became of each mutant to a file.",
    )
    for name, told in (
        ("learnplan_server", "As --learnplan-server; no place for a password."),
        ("learnplan_image", "As --learnplan-image."),
        (
            "learnplan_template",
            "A database of the server to copy, instead of a deploy.",
        ),
        ("learnplan_mutate_min", "As --learnplan-mutate-min."),
        ("learnplan_equivalents", "Your own list of mutants that change nothing."),
    ):
        parser.addini(name, told, default="")
    parser.addini(
        "learnplan_roles",
        "Names of your roles, a line each: anon=NAME, authenticated=NAME, "
        "service_role=NAME.",
        type="linelist",
        default=[],
    )


def named(config: pytest.Config) -> tuple[str | None, str]:
    """Return the server that is named, and by whom; the most explicit comes first."""
    for conninfo, said_by in (
        (config.getoption("learnplan_server"), "--learnplan-server"),
        (config.getini("learnplan_server"), "ini learnplan_server"),
        (os.environ.get(ENVIRONMENT), ENVIRONMENT),
    ):
        if conninfo:
            return conninfo, said_by
    return None, "nobody"


def image(config: pytest.Config) -> str:
    """Return the image of a server in a container."""
    given = config.getoption("learnplan_image") or config.getini("learnplan_image")
    return given or IMAGE


def distributed(config: pytest.Config) -> bool:
    """Whether pytest-xdist hands the tests to other processes."""
    option = config.option
    return bool(getattr(option, "numprocesses", None) or getattr(option, "tx", None))


def percentage(text: str) -> float:
    """Return a number from 0 to 100. Raises: ValueError: it is none."""
    number = float(text)
    if not 0 <= number <= 100:  # noqa: PLR2004 - of a hundred
        raise ValueError(f"{text} is not between 0 and 100")
    return number
