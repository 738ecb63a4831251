"""
What is the same of two databases has the same fingerprint.

May import catalog.objects; does no I/O.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from learnplan_db.catalog.objects import Catalog, Facts


def lines(catalog: Catalog) -> list[str]:
    """Return one line an object, ``hash  kind name``, in the order of their names."""
    return [f"{object_fingerprint(catalog[key])}  {key}" for key in sorted(catalog)]


def fingerprint(catalog: Catalog) -> str:
    """Return the hash of a catalog: what sha256sum says of its lines."""
    return _sha256("".join(f"{line}\n" for line in lines(catalog)))


def object_fingerprint(facts: Facts) -> str:
    """Return the hash of all facts of one object."""
    return _sha256(json.dumps(facts, sort_keys=True, ensure_ascii=False))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
