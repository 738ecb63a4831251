"""
Projects to deploy: the packaged one, and generated ones of any size.

A generated change is what people write: a header, one transaction, a table with a key,
checks, a comment and an index. Never prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from learnplan_db.engine import state
from learnplan_db.settings import config

if TYPE_CHECKING:
    from pathlib import Path

TAG_EACH = 50
REQUIRE_EACH = 4  # every fourth change refers to the one before
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PLANNER = "Bench Mark <bench@example.org>"
KINDS = ("deploy", "revert", "verify")

DEPLOY = """\
-- Deploy bench:{name} to pg
{requires}--
-- What the shop keeps of item kind {number}; written by the benchmark.

begin;

create table shop.{name} (
  id         bigint      not null generated always as identity,
  code       text        not null,
  title      text        not null default '',
  amount     integer     not null,
  created_at timestamptz not null default now(),
{reference}
  constraint {name}_pkey primary key (id),
  constraint {name}_code_length check (length(code) between 1 and 40),
  constraint {name}_amount_min check (amount >= 0)
);

create index idx_{name}_code on shop.{name} (code);

comment on table shop.{name} is
  'Items of kind {number}; one row is one item.';

commit;
"""
REVERT = """\
-- Revert bench:{name} from pg

begin;

drop table shop.{name};

commit;
"""
VERIFY = """\
-- Verify bench:{name} on pg

begin;

select id, code, title, amount, created_at from shop.{name} where false;

rollback;
"""
FIRST = {
    "deploy": """\
-- Deploy bench:shop to pg

begin;

create schema shop;

commit;
""",
    "revert": """\
-- Revert bench:shop from pg

begin;

drop schema shop;

commit;
""",
    "verify": """\
-- Verify bench:shop on pg

begin;

select 1 / count(*) from pg_namespace where nspname = 'shop';

rollback;
""",
}


@dataclass(frozen=True, slots=True)
class Work:
    """
    A project directory, and its raw SQL by what is done with it, for the floor.

    Keys of ``floor``: deploy, deploy --verify, verify, revert; values are files.
    """

    root: Path
    changes: int
    floor: dict[str, Path]


def packaged(scratch: Path) -> Work:
    """Return the plan that the package brings; its raw SQL is written to scratch."""
    root = config.project_root(None)
    project = state.load(root)
    # An earlier version of a reworked change has files of its own: name@tag.sql.
    stems = [project.scripts.path("deploy", c).stem for c in project.plan.changes]
    return Work(root, len(stems), write_floor(root / "sql", stems, scratch))


def generated(changes: int, root: Path) -> Work:
    """Write a project of so many changes, and return it; the first makes a schema."""
    sql = root / "sql"
    for kind in KINDS:
        (sql / kind).mkdir(parents=True)
    (root / "sqitch.conf").write_text("[core]\n\tengine = pg\n\ttop_dir = sql\n")
    names = ["shop", *(f"items_{number:04}" for number in range(1, changes))]
    (sql / "sqitch.plan").write_text(plan_text(names))
    for number, name in enumerate(names):
        for kind, text in scripts(number, name).items():
            (sql / kind / f"{name}.sql").write_text(text)
    return Work(root, changes, write_floor(sql, names, root))


def requires(number: int) -> list[str]:
    """Return what a change of a generated plan requires, by its place from 0."""
    if number == 0:
        return []
    refers = number > 1 and number % REQUIRE_EACH == 0
    return ["shop", *[f"items_{number - 1:04}"] * refers]


def plan_text(names: list[str]) -> str:
    """Return a generated plan, with a tag after each fifty changes."""
    lines = ["%syntax-version=1.0.0", "%project=bench", ""]
    for number, name in enumerate(names):
        needs = f" [{' '.join(needed)}]" if (needed := requires(number)) else ""
        stamp = (BEGAN + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{name}{needs} {stamp} {PLANNER} # Change {number}.")
        if (number + 1) % TAG_EACH == 0:
            tag = f"@v{(number + 1) // TAG_EACH}"
            lines.append(f"{tag} {stamp} {PLANNER} # Tag after {number + 1}.")
            lines.append("")
    return "\n".join(lines) + "\n"


def scripts(number: int, name: str) -> dict[str, str]:
    """Return the three scripts of a generated change, by kind."""
    if number == 0:
        return FIRST
    needed = requires(number)
    reference = ""
    if len(needed) > 1:
        reference = f"  parent_id  bigint      references shop.{needed[1]} (id),\n"
    values = {
        "name": name,
        "number": number,
        "requires": "".join(f"-- requires: {need}\n" for need in needed),
        "reference": reference,
    }
    texts = {"deploy": DEPLOY, "revert": REVERT, "verify": VERIFY}
    return {kind: text.format(**values) for kind, text in texts.items()}


def write_floor(sql: Path, names: list[str], to: Path) -> dict[str, Path]:
    """
    Write what each step runs into one file, in order, and return the files.

    What a later change reworked is not as its own script left it: so in the end only
    the last version is verified.
    """
    last = [name for name in names if "@" not in name]
    orders = {
        "deploy": [("deploy", name) for name in names],
        "deploy --verify": [(kind, n) for n in names for kind in ("deploy", "verify")],
        "verify": [("verify", name) for name in last],
        "revert": [("revert", name) for name in reversed(names)],
    }
    files = {}
    for action, parts in orders.items():
        files[action] = to / f"floor-{action.replace(' --', '-')}.sql"
        texts = [(sql / kind / f"{name}.sql").read_text() for kind, name in parts]
        files[action].write_text("\n".join(texts))
    return files
