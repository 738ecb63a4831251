"""
The proof as one page of HTML, which needs nothing but itself.

It asks the network for nothing, and shows its evidence without its script too. May
import lower floors and jinja2; reads its own template, style and script; never writes.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2
from markupsafe import Markup

from learnplan_db.evidence import picture, terms
from learnplan_db.evidence.legal import xml
from learnplan_db.evidence.text import percent, score_rows, survives
from learnplan_db.proof.nouns import ROWS

if TYPE_CHECKING:
    from learnplan_db.proof.nouns import Mutation, Proof

# An outcome's class in the style sheet, its letter, and what it means.
LOOKS = {
    ROWS: ("rows", "✓", "it works"),
    terms.STAMPED: ("stamped", "S", "it works, but the database sets the column"),
    "hidden": ("hidden", "○", "no row, and no error: the row is not to be seen"),
    "refused-by-policy": ("policy", "P", "a policy's check says no"),
    "refused-by-grant": ("grant", "G", "the role or the column lacks the privilege"),
    "refused-by-trigger": ("trigger", "T", "a rule of the schema says no"),
    "refused-by-constraint": ("constraint", "C", "the data would be wrong"),
}
OTHER = ("other", "?", "what the server said instead")


def as_html(proof: Proof, mutation: Mutation | None = None) -> str:
    """Return the page; it makes no request, and works without its script."""
    template, style, script = _parts()
    found = terms.findings(proof)
    grids = picture.grids(proof, found)
    bars = [bar for grid in grids for bar in grid.bars]
    shown = terms.spread(run.outcome for bar in bars for run in bar.runs)
    outcomes = [word for word in LOOKS if word in shown]
    outcomes += [word for word in shown if word not in LOOKS]
    lost = (
        [one.mutant for one in mutation.verdicts if survives(one)] if mutation else []
    )
    return template.render(
        proof=proof,
        mutation=mutation,
        facts=[terms.facts(one) for one in found],
        links={place: bar.id for bar in bars for place in bar.findings},
        grids=grids,
        slots=picture.slots(proof),
        personas=picture.ordered(one.cell.persona for one in proof.results),
        looks={word: LOOKS.get(word, OTHER) for word in [*LOOKS, *outcomes]},
        OTHER=OTHER,
        outcomes=outcomes,
        words=terms,
        percent=percent,
        score=score_rows(mutation) if mutation else [],
        survivors=lost,
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


@cache
def _parts() -> tuple[jinja2.Template, str, str]:
    here = resources.files("learnplan_db.evidence")
    texts = [
        here.joinpath(name).read_text("utf-8")
        for name in ("page.html.j2", "base.css", "page.css", "page.js")
    ]
    environment = jinja2.Environment(
        autoescape=True,
        finalize=_legal,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(texts[0]), texts[1] + texts[2], texts[3]


def _legal(value: Any) -> Any:
    """Return a value of the page; text only as HTML may hold it."""
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return xml(value) if plain else value
