"""
Read the plan of a target.

May import lower floors; reads the plan file alone, never prints.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from learnplan_db.errors import PlanError
from learnplan_db.plans.plan import parse

if TYPE_CHECKING:
    from learnplan_db.model import Plan, Target


def read_plan(target: Target) -> Plan:
    """Return the plan of a target. Raises: PlanError: it is missing or malformed."""
    shown = str(target.plan_file)
    try:
        data = (target.root / target.plan_file).read_bytes()
    except OSError as error:
        raise PlanError.no_file(shown, error) from error
    return _parse(data, shown)


_parse = lru_cache(maxsize=16)(parse)  # words of a command line ask repeatedly
