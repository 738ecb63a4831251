"""
Writes what the documents show of the schema, or says what of it is out of date.

    python -m tools.shown [--check] [--screens]

The schema reference, the tables of the access matrix and the diagram come from a plan
that is deployed on a server of its own. --screens takes the pictures of the pages too,
in headless Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learnplan_db.catalog.reading import read
from learnplan_db.engine import runner, session, state
from learnplan_db.evidence import page as proofs
from learnplan_db.pictures import graphviz, page, reference
from learnplan_db.pictures.reading import drawing
from learnplan_db.proof.prover import prove
from learnplan_db.server.embedded import Server
from tools import matrix, screens

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

    from learnplan_db.pictures.model import Drawing

ROOT = Path(__file__).parents[1]
ACCESS, REFERENCE = Path("docs/access.md"), Path("docs/reference/schema.md")
PICTURE = Path("docs/pictures/erd.svg")
START = "<!-- Generated from policies/*.matrix.toml by python -m tools.shown: -->\n"
END = "<!-- End of what is generated. -->\n"
_SAID = re.compile(r"<(?:title|desc|text)\b[^>]*>([^<]*)</")


def drawn(connection: psycopg.Connection[Any]) -> Drawing:
    """Return the schema of a database on which the plan is deployed."""
    return drawing(connection, ["learnplan"], read(connection, ["learnplan"]))


def texts(found: Drawing, root: Path = ROOT) -> dict[Path, str]:
    """Return what each generated file should be; no picture without Graphviz."""
    access = (root / ACCESS).read_text("utf-8")
    before, rest = access.split(START)
    after = rest.split(END)[1]
    tables = matrix.as_markdown(root / "policies")
    made = {
        ACCESS: f"{before}{START}\n{tables}\n{END}{after}",
        REFERENCE: reference.as_markdown(found),
    }
    if graphviz.available():
        made[PICTURE] = graphviz.as_svg(found, down=True)
    return made


def differences(made: Mapping[Path, str], root: Path = ROOT) -> list[str]:
    """
    Return a diff for each file that is not as it should be.

    Pictures are compared by what they say: where it stands is Graphviz' to decide.
    """
    found = []
    for path, text in made.items():
        there = (root / path).read_text("utf-8") if (root / path).exists() else ""
        lines = [said(one) if path == PICTURE else one for one in (there, text)]
        first, second = (one.splitlines(keepends=True) for one in lines)
        diff = "".join(unified_diff(first, second, str(path), "as it should be"))
        found += [diff] if diff else []
    return found


def said(svg: str) -> str:
    """Return all that a picture says, in no order of its own."""
    return "".join(f"{line}\n" for line in sorted(_SAID.findall(svg)))


def main(arguments: list[str]) -> int:
    """Write the files, or with --check print the differences; 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tools.shown")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--screens", action="store_true")
    given = parser.parse_args(arguments)
    with (
        Server(None, environ=os.environ) as server,
        session.connect(server.dsn()) as connection,
    ):
        runner.deploy(connection, state.load(ROOT))
        found = drawn(connection)
        made = texts(found)
        if given.check:
            changed = differences(made)
            sys.stdout.write("".join(changed))
            return 1 if changed else 0
        for path, text in made.items():
            (ROOT / path).write_text(text, "utf-8")
        if given.screens:
            pages = {
                "erd-page": page.as_html(found, "PostgreSQL 18"),
                "proof-page": proofs.as_html(prove(connection)),
            }
            with tempfile.TemporaryDirectory() as scratch:
                screens.take(pages, Path(scratch), ROOT / PICTURE.parent)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
