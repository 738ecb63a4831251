"""
What was struck and survived, counted in docs/reliability.json, shown in a table.

LEARNPLAN_WRITE_RELIABILITY=1 has tests write down what they count, and the page's
table with it.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCS = Path(__file__).parents[1] / "docs"
MOMENTS = (
    *("between statements", "before COMMIT", "in COMMIT", "in COMMIT, durable"),
    *("after COMMIT", "in an index build"),
)
BEGIN, END = "<!-- crash: from reliability.json -->\n", "<!-- /crash -->\n"
Key = tuple[str, str, str]  # command, way, moment


def record(case: str, server: str, struck: Counter[Key], lived: Counter[Key]) -> None:
    """Write down the faults of one test, in the place of what it wrote before."""
    if not os.environ.get("LEARNPLAN_WRITE_RELIABILITY"):
        return
    with (DOCS / "reliability.md").open("r+") as page:
        flock(page, LOCK_EX)  # tests run in parallel
        path = DOCS / "reliability.json"
        known = json.loads(path.read_text()) if path.exists() else {}
        known.setdefault("crash", {})[case] = {"server": server} | {
            " | ".join(key): [struck[key], lived[key]] for key in sorted(struck)
        }
        known["crash"] = dict(sorted(known["crash"].items()))
        # A line a case.
        lines = (
            f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in known["crash"].items()
        )
        rest = {k: v for k, v in known.items() if k != "crash"}
        text = '  "crash": {\n' + ",\n".join(lines) + "\n  }"
        more = json.dumps(rest, indent=2)[1:-2] if rest else ""
        path.write_text("{\n" + text + ("," + more if more else "") + "\n}\n")
        text = page.read()
        page.seek(0)
        page.write(shown(text, known["crash"]))
        page.truncate()


def shown(page: str, cases: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page with the table of these cases between its marks."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    return pattern.sub(lambda _: BEGIN + table(cases) + END, page)


def table(cases: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table: a row for each command and way, and one for all."""
    struck, lived = Counter[Key](), Counter[Key]()
    servers = sorted({case["server"] for case in cases.values()})
    for case in cases.values():
        for name, counts in case.items():
            if name != "server":
                command, way, moment = name.split(" | ")
                struck[command, way, moment] += counts[0]
                lived[command, way, moment] += counts[1]
    lines = [
        f"| command | struck by | {' | '.join(MOMENTS)} | faults | survived |",
        "|---|---|" + "--:|" * (len(MOMENTS) + 2),
    ]
    for command, way in sorted({key[:2] for key in struck}):
        found = [struck[command, way, moment] for moment in MOMENTS]
        well = sum(lived[command, way, moment] for moment in MOMENTS)
        cells = " | ".join(f"{n:,}" if n else "" for n in found)
        lines.append(f"| {command} | {way} | {cells} | {sum(found):,} | {well:,} |")
    totals = " | ".join(
        f"{sum(struck[k] for k in struck if k[2] == m):,}" for m in MOMENTS
    )
    lines.append(
        f"| all | | {totals} | **{struck.total():,}** | **{lived.total():,}** |"
    )
    return "\n".join([*lines, "", f"On PostgreSQL {', '.join(servers)}.", ""])
