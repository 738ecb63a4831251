"""
A server of a test run in a container, for whoever has Docker and asks for it.

May import errors, and testcontainers, a part of an extra, inside of functions only;
never prints. Source: testcontainers-python, DbContainer and PostgresContainer.
"""

from __future__ import annotations

import contextlib
import gc
import secrets
import warnings
from typing import TYPE_CHECKING, cast

from psycopg.conninfo import make_conninfo

from learnplan_db.errors import SuiteError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testcontainers.community.postgres import PostgresContainer

WORD = "container"
USER, PORT = "postgres", 5432
# Nothing of it outlives the run: no disk is waited for, and clones are copied as files.
COMMAND = (
    "postgres -c fsync=off -c synchronous_commit=off -c full_page_writes=off "
    "-c max_connections=200"
)


@contextlib.contextmanager
def running(image: str, said_by: str) -> Iterator[str]:
    """
    Provide conninfo of a superuser of a new server, gone with its data afterwards.

    Raises: SuiteError: the extra is not installed, no engine answers, or the image
        cannot be had or does not become a server.
    """
    with contextlib.ExitStack() as stack:
        container = _described(image, said_by)
        stack.callback(container.stop)
        try:
            container.start()
            host = container.get_container_host_ip()
            port = container.get_exposed_port(PORT)
        except (OSError, RuntimeError, _docker_error()) as error:
            raise SuiteError.no_container(image, str(error)) from error
        yield make_conninfo(
            host=host, port=port, user=USER, password=container.password, dbname=USER
        )


def _described(image: str, said_by: str) -> PostgresContainer:
    """Return a container that is not started; this asks the engine for its version."""
    try:
        from testcontainers.community.postgres import (  # noqa: PLC0415 - an extra
            PostgresContainer,
        )
    except ImportError as error:
        raise SuiteError.no_testcontainers(said_by) from error
    reason = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # docker forgets its socket
        try:
            return PostgresContainer(
                image,
                port=PORT,
                username=USER,
                password=secrets.token_hex(12),
                dbname=USER,
                driver=None,
                command=COMMAND,
            )
        except _docker_error() as error:
            reason = str(error)
        gc.collect()
    raise SuiteError.no_engine(said_by, reason)


def _docker_error() -> type[Exception]:
    """Return what all errors of the engine are; it comes with the extra, untyped."""
    from docker import errors  # type: ignore[import-untyped]  # noqa: PLC0415

    return cast("type[Exception]", errors.DockerException)
