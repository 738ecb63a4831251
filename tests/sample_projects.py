"""Projects that the twins share: six changes that fail when asked to, and a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twins import Pair

BY = "P <p@x.org>"
PLAN = (
    "a 2026-01-01T00:00:00Z {by} # First.\n"
    "b [a] 2026-01-01T00:00:01Z {by} # Second,\\nin two lines.\n"
    "@v1 2026-01-01T00:00:02Z {by} # One.\n"
    "c [b@v1 !other:z] 2026-01-01T00:00:03Z {by} # Third.\n"
    "d [c a] 2026-01-01T00:00:04Z {by} # Fourth.\n"
    "@v2 2026-01-01T00:00:05Z {by} # Two.\n"
    "@v2-too 2026-01-01T00:00:06Z {by} # Two again.\n"
    "e 2026-01-01T00:00:07Z {by}\n"
    "f [e] 2026-01-01T00:00:08Z {by} # Sixth, which fails when asked to.\n"
)


def plan(text: str, project: str = "rows", uri: str = "") -> str:
    """Return a whole plan of body lines."""
    address = f"%uri={uri}\n" if uri else ""
    head = f"%syntax-version=1.0.0\n%project={project}\n{address}\n"
    return head + text.format(by=BY)


def fill(pair: Pair, names: str, prefix: str = "t") -> None:
    """Write three scripts for each change; variables make them fail."""
    pair.configure(
        *('[core "variables"]', "\tfail_deploy = -", "\tfail_revert = -"),
        "\tfail_verify = -",
    )
    for name in names.split():
        table = f'"{prefix}_{name.replace("/", "_")}"'
        for kind, text in (
            ("deploy", f"begin;\ncreate table {table} (i int);\n"),
            ("revert", f"begin;\ndrop table {table};\n"),
            ("verify", f"begin;\nselect i from {table};\n"),
        ):
            fails = f"select 1 / (:'fail_{kind}' <> '{name}')::int;\n"
            end = "rollback;\n" if kind == "verify" else "commit;\n"
            pair.write(f"{kind}/{name}.sql", text + fails + end)


def second(pair: Pair, needs: str, name: str = "second", uri: str = "") -> None:
    """Write the second project's plan: x needs something, y needs x."""
    body = (
        f"x [{needs}] 2026-03-01T00:00:00Z {{by}}\ny [x] 2026-03-01T00:00:01Z {{by}}\n"
    )
    pair.write("sqitch.plan", plan(body, name, uri))
