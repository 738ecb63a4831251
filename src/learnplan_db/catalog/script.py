"""
The steps of a repair as one script for psql: all of it takes effect, or nothing.

May import lower floors of catalog; does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from learnplan_db.catalog.names import OWNER, literal, unquoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from learnplan_db.catalog.careful import Step
    from learnplan_db.catalog.objects import Catalog, Key

PATIENCE = "5s"
_SETTINGS = (
    "set local standard_conforming_strings = on",
    f"set local lock_timeout = '{PATIENCE}'",
    "set local check_function_bodies = off",
    "set local row_security = off",
)
# As the plan does it: who is no superuser acts for the owner of a function as a member.
_LEND = """do $lend$
begin
  if not pg_has_role({role}, 'USAGE') then
    execute format('grant %I to %I', {role}, current_user)
      || case when current_setting('server_version_num')::integer < 160000 then ''
        else ' with inherit true, set true' end;
    perform set_config('learnplan_drift.lent_' || md5({role}), 'lent', true);
  end if;
end
$lend$"""
_RETURN = """do $return$
begin
  if current_setting('learnplan_drift.lent_' || md5({role}), true) = 'lent' then
    execute format('revoke %I from %I', {role}, current_user);
  end if;
end
$return$"""


def script(
    steps: Sequence[Step],
    catalogs: Sequence[Catalog],
    path: Sequence[str],
    titles: Mapping[Key, str],
    head: Sequence[str],
) -> str:
    """
    Return the whole script.

    Args: catalogs: expected and found, which know the owners; path: schemas of
        extensions; titles: what is told of each object; head: what is told first.
    """
    lent = sorted(set(_lent(steps, catalogs)))
    lines = [*(f"-- {line}" for line in head), "", "begin;", ""]
    setting = f"set local search_path = {', '.join(['pg_catalog', *path])}"
    lines += _ended([setting, *_SETTINGS])
    lines += _ended(_LEND.format(role=literal(name)) for name in lent)
    last = None
    for step in steps:
        if step.key != last:
            lines += ["", f"-- {titles.get(step.key, f'{step.key} stands in the way')}"]
            last = step.key
        lines += [f"-- {step.note}"] if step.note else []
        lines += _ended(step.statements)
        for text in _ended(step.withheld):
            lines += [f"-- {line}" for line in text.split("\n")]
    lines += ["", *_ended(_RETURN.format(role=literal(name)) for name in lent)]
    return "\n".join([*lines, "commit;", ""])


def _ended(statements: Iterable[str]) -> Iterator[str]:
    return (f"{text};" for text in statements)


def _lent(steps: Sequence[Step], catalogs: Sequence[Catalog]) -> Iterator[str]:
    """Yield roles other than the deployer that own what is mended, unquoted."""
    for step in steps:
        for catalog in catalogs if step.statements else ():
            owner = catalog.get(step.key, {}).get("owner", OWNER)
            if owner != OWNER:
                yield unquoted(owner)
