"""
What a host may choose when it renders: the names of three roles, and one switch.

May import errors alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from learnplan_db.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Iterable

ROLE_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
OWN_ROLES = frozenset({"learnplan_identity", "learnplan_reader"})
RESERVED = frozenset(
    """
    all analyse analyze and any array as asc asymmetric both case cast check
    collate column constraint create current_catalog current_date current_role
    current_time current_timestamp current_user default deferrable desc distinct
    do else end except false fetch for foreign from grant group having in
    initially intersect into lateral leading limit localtime localtimestamp none
    not null offset on only or order placing primary public references returning
    select session_user some symmetric system_user table then to trailing true
    union unique user using variadic when where window with
    """.split()  # noqa: SIM905 - a list of words reads better than of literals
)
SWITCH = {"on": True, "true": True, "off": False, "false": False}


@dataclass(frozen=True, slots=True)
class Variables:
    """What a host may choose: three role names, and whether anon reads the catalog."""

    anon: str = "anon"
    authenticated: str = "authenticated"
    service_role: str = "service_role"
    anon_reads_resources: bool = False

    @classmethod
    def from_settings(cls, settings: Iterable[str]) -> Variables:
        """
        Return the defaults changed by ``name=value`` texts.

        Raises: RenderError: unknown name, bad role name, bad switch, two roles alike.
        """
        chosen = cls()
        known = [field.name for field in fields(cls)]
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals and name in known:
                raise RenderError.no_setting(setting)
            if name not in known:
                raise RenderError.unknown_variable(name, known)
            if name == "anon_reads_resources":
                if value not in SWITCH:
                    raise RenderError.bad_switch(name, value)
                chosen = replace(chosen, anon_reads_resources=SWITCH[value])
                continue
            taken = RESERVED | OWN_ROLES
            if not ROLE_NAME.fullmatch(value) or value in taken or value[:3] == "pg_":
                raise RenderError.bad_role(name, value)
            chosen = replace(chosen, **{name: value})  # type: ignore[arg-type]
        if (
            len({chosen.anon, chosen.authenticated, chosen.service_role})
            < len(known) - 1
        ):
            raise RenderError.roles_alike()
        return chosen

    def as_context(self) -> dict[str, object]:
        """Return what a template may name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
