"""
Policy templates to scripts: the deploy script as it stands, its inverse, its proof.

``policies/<stem>.sql.j2`` is the deploy script of the change ``policy_<stem>``, as SQL
with Jinja. The revert and the verify script are derived from what it renders to, so a
statement without a known inverse is an error. ``policies/<stem>@<tag>.sql.j2`` is that
of a version which was reworked after the tag: the version behind it first undoes what
that one made, and its revert makes it again. May import errors and script; reads only
the templates and the plan, and writes only where it is told; never prints.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import shutil
from typing import TYPE_CHECKING

import jinja2

from learnplan_db.errors import RenderError, ScriptError
from learnplan_db.psql import script
from learnplan_db.security.inverse import revert_lines, verify_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from learnplan_db.psql.script import Statement
    from learnplan_db.security.variables import Variables

# No name is taken from the caller's path, in which others may come first.
BEGIN = "begin;\nset local search_path = pg_catalog, pg_temp;"
_BEGUN = re.compile(r"\nbegin;\n(?:set local search_path = .*;\n)?")
MARK = "-- GENERATED from policies/"
# What an expression in a template can raise: a macro called wrongly, 1 / 0, bad bytes.
_FAILURES = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


def _deploy_text(path: Path, variables: Variables) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        undefined=jinja2.StrictUndefined,
        line_statement_prefix="--%",
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - SQL, not HTML
    )
    try:
        return environment.get_template(path.name).render(**variables.as_context())
    except jinja2.TemplateSyntaxError as error:
        where = f"policies/{error.name or path.name}:{error.lineno}"
        raise RenderError.syntax(str(error.message), where) from error
    except jinja2.UndefinedError as error:
        where, known = _template_line(error, path), list(variables.as_context())
        raise RenderError.undefined(str(error.message), where, known) from error
    except jinja2.TemplateNotFound as error:
        where = _template_line(error, path)
        raise RenderError.no_template(str(error.name), where) from error
    except _FAILURES as error:
        raise RenderError.failed(str(error), _template_line(error, path)) from error


def _template_line(error: BaseException, path: Path) -> str:
    """Return file:line of the innermost template frame of a traceback, or the file."""
    found = f"policies/{path.name}"
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.endswith(".sql.j2") and str(path.parent) in name:
            found = f"policies/{name.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _stamp(path: Path, variables: Variables) -> str:
    digest = hashlib.sha256(path.read_bytes())
    for library in sorted(path.parent.glob("_*.sql.j2")):
        digest.update(library.read_bytes())
    digest.update(repr(variables).encode())
    short = digest.hexdigest()[:12]
    return f"{MARK}{path.name} ({short}); edit, then: learnplan-db render"


def render_template(
    path: Path, variables: Variables, earlier: Path | None = None
) -> dict[str, str]:
    """
    Return the three scripts of one template by their path below ``sql``.

    Args: earlier: the template of the version that it replaces, if it is a rework.
    Raises: RenderError: with the template's file and line.
    """
    stem = path.name.removesuffix(".sql.j2")
    change = f"policy_{stem.partition('@')[0]}"
    text = _deploy_text(path, variables)
    stamp = _stamp(path, variables)
    first, _, rest = text.partition("\n")
    if first != f"-- Deploy learnplan-db:{change} to pg":
        raise RenderError.header(f"policies/{path.name}:1", change)
    shown = f"policies/{path.name}"
    body = _body(text, shown)
    reverts = revert_lines(body, shown)
    verifies = verify_lines(body, shown, may_bypass=variables.service_role)
    if earlier:
        old = _deploy_text(earlier, variables)
        undone = revert_lines(_body(old, shown), f"policies/{earlier.name}")
        begun, made = _begun(rest)
        rest = f"{begun}\n-- What the version before has made.\n{undone}\n{made}"
        whole = _begun(old)[1].rpartition("\ncommit;")[0]
        reverts = f"{reverts}\n\n-- What the version before had made.\n{whole.strip()}"
    requires = re.match(r"(?:-- requires: \S+\n)*", rest)
    head = requires[0] if requires else ""
    return {
        f"deploy/policy_{stem}.sql": f"{first}\n{head}{stamp}\n{rest[len(head) :]}",
        f"revert/policy_{stem}.sql": (
            f"-- Revert learnplan-db:{change} from pg\n{stamp}\n\n"
            f"{BEGIN}\n\n{reverts}\n\ncommit;\n"
        ),
        f"verify/policy_{stem}.sql": (
            f"-- Verify learnplan-db:{change} on pg\n{stamp}\n\n"
            f"{BEGIN}\n\n{verifies}\n\nrollback;\n"
        ),
    }


def _begun(text: str) -> tuple[str, str]:
    """Return a script to where its statements begin, and the rest."""
    begun = _BEGUN.search(text)
    place = begun.end() if begun else 0
    return text[:place], text[place:]


def _body(text: str, shown: str) -> tuple[Statement, ...]:
    """Return the statements between begin and commit of a rendered template."""
    try:
        parsed = script.read(text.encode(), f"{shown}, rendered line")
    except ScriptError as error:
        where = (error.where or shown).replace("rendered line:", "rendered line ")
        raise RenderError.not_sql(error.message, where) from error
    if not parsed.wrapped:
        raise RenderError.not_wrapped(shown)
    return parsed.body


def render_project(policies: Path, variables: Variables) -> dict[str, str]:
    """Return the scripts of all templates by their path below ``sql``."""
    templates = sorted(policies.glob("[!_]*.sql.j2"))
    if not templates:
        raise RenderError.no_template("*.sql.j2", str(policies))
    rendered: dict[str, str] = {}
    for versions in _versions(templates, policies.parent / "sql" / "sqitch.plan"):
        for earlier, path in zip([None, *versions], versions, strict=False):
            rendered |= render_template(path, variables, earlier)
    return rendered


def _versions(templates: list[Path], plan: Path) -> Iterator[list[Path]]:
    """Yield the templates of each change, its versions in the order of the plan."""
    of: dict[str, list[Path]] = {}
    for path in templates:
        stem = path.name.removesuffix(".sql.j2")
        of.setdefault(stem.partition("@")[0], []).append(path)
    for versions in of.values():
        if len(versions) > 1:
            text = plan.read_text("utf-8") if plan.exists() else ""
            tags = [*re.findall(r"^@(\S+)", text, re.MULTILINE), ""]
            for path in versions:
                if _tag(path) not in tags:
                    raise RenderError.unknown_tag(f"policies/{path.name}", _tag(path))
            versions.sort(key=lambda path: tags.index(_tag(path)))
        yield versions


def _tag(path: Path) -> str:
    """Return the tag in the name of a template, "" for the version of now."""
    return path.name.removesuffix(".sql.j2").partition("@")[2]


def differences(rendered: dict[str, str], sql: Path) -> list[str]:
    """Return a unified diff for each file that is not what it should be."""
    found = []
    generated = {
        str(path.relative_to(sql))
        for path in sql.glob("*/policy_*.sql")
        if MARK in path.read_text("utf-8", "replace")
    }
    for name in sorted(generated | set(rendered)):
        path = sql / name
        text = path.read_text("utf-8", "replace") if path.exists() else ""
        if _unstamped(text) == _unstamped(rendered.get(name, "")) != "":
            continue
        there = text.splitlines(keepends=True)
        wanted = rendered.get(name, "").splitlines(keepends=True)
        diff = "".join(
            difflib.unified_diff(there, wanted, f"sql/{name}", f"sql/{name} (rendered)")
        )
        if diff or not path.exists():
            found.append(diff)
    return found


def _unstamped(text: str) -> str:
    """Return a script without what names its template: other words may say the same."""
    return re.sub(f"^{MARK}.*$", MARK, text, count=1, flags=re.MULTILINE)


def write(rendered: dict[str, str], sql: Path) -> list[str]:
    """Write the scripts that differ; return their paths below ``sql``."""
    changed = []
    for name, text in rendered.items():
        path = sql / name
        there = path.read_bytes() if path.exists() else b""
        if _unstamped(there.decode("utf-8", "replace")) != _unstamped(text):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            changed.append(name)
    return changed


def export(root: Path, out: Path, variables: Variables) -> dict[str, str]:
    """
    Write a whole deployable project for a host with other names.

    Raises: RenderError: ``out`` holds something already, or is inside ``root/sql``,
        and nothing is written; or it cannot be written, and may be half full.
    """
    rendered = render_project(root / "policies", variables)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RenderError.out_taken(out)
    if out.resolve().is_relative_to((root / "sql").resolve()):
        raise RenderError.out_inside(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / "sqitch.conf", out / "sqitch.conf")
        shutil.copytree(root / "sql", out / "sql")
        write(rendered, out / "sql")
        (out / "policies").mkdir()
        for path in (root / "policies").glob("*.toml"):  # for prove; no templates
            shutil.copy(path, out / "policies")
    except OSError as error:
        raise RenderError.out_unwritable(out, error) from error
    return rendered
