"""Templates of new scripts: where they are found, and what they may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fix_tools import absent
from learnplan_db.errors import TemplateError
from learnplan_db.plans import templates
from learnplan_db.plans.templates import Template

VALUES: templates.Values = {
    "change": "users",
    "empty": "",
    "zero": "0",
    "requires": ["a", "b"],
    "nothing": [],
}

FILLED = {
    "[% change %]": "users",
    "[%change%]|[%+ change +%]": "users|users",
    "[% unknown %]|[% _private %]|[% change.x %]": "||",
    "[% requires.1 %]|[% requires.2 %]|[% requires.x %]": "b||",
    "a\n  [%- change -%]  \nb": "ausersb",
    "[% FOREACH r IN requires %]<[% r %]>[% END %]": "<a><b>",
    "[% FOREACH r IN change %]<[% r %]>[% END %]": "",
    "[% FOREACH x IN requires -%]\n[% FOREACH y IN requires -%]\n[% x %][% y %] [% END -%]\n[% END %]": "aa ab ba bb ",
    "[% IF change %]y[% ELSE %]n[% END %]": "y",
    "[% IF empty %]y[% ELSE %]n[% END %]": "n",
    "[% IF zero %]y[% END %]": "",
    "[% IF nothing %]y[% END %]": "y",
    "[% UNLESS zero %]y[% END %]": "y",
    "[% CALL x %][% Upper %]": "[% CALL x %][% Upper %]",
    "a[% END %]b[% ELSE %]": "a[% END %]b[% ELSE %]",
    "a[% IF change %]b [% change %]": "a[% IF change %]b users",
}


@pytest.mark.parametrize("text", FILLED)
def test_template_is_filled(text: str) -> None:
    """The directives that Sqitch relies on are known; anything else stays."""
    assert FILLED[text] == Template(text, "x").filled(VALUES)


def test_built_in_templates_are_those_of_the_system() -> None:
    """Without any template directory scripts are the same as Sqitch's own."""
    system = Path("/etc/sqitch/templates")
    if not system.is_dir():
        absent("no templates of Sqitch: ./dev system-deps")
    values: templates.Values = {
        "project": "school",
        "change": "users",
        "engine": "pg",
        "requires": ["a", "q:b"],
        "conflicts": ["!c"],
    }
    own = templates.find("pg", [], {})
    theirs = templates.find("pg", [system], {})
    assert set(templates.CORE) == set(own)
    for script, template in theirs.items():
        assert str(system / script / "pg.tmpl") == template.source
        assert template.filled(values) == own[script].filled(values)


def test_first_directory_with_a_template_wins(tmp_path: Path) -> None:
    """A file of its own wins over directories, the first of which wins."""
    for name, scripts in (("1", ["deploy"]), ("2", ["deploy", "revert", "test"])):
        for script in scripts:
            (tmp_path / name / script).mkdir(parents=True)
            (tmp_path / name / script / "pg.tmpl").write_text(f"{name} {script}")
    (tmp_path / "own").write_text("own")
    directories = [tmp_path / name for name in ("0", "1", "2")]
    found = templates.find("pg", directories, {"revert": tmp_path / "own"})
    texts = {script: template.text for script, template in found.items()}
    assert texts.pop("verify") == templates.BUILT_IN["verify"]
    assert {"deploy": "1 deploy", "revert": "own", "test": "2 test"} == texts


def test_named_template_must_be_there(tmp_path: Path) -> None:
    """Only the engine's own templates are built in; a script may be left out."""
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "mine.tmpl").write_text("")
    found = templates.find("mine", [tmp_path], {})
    with pytest.raises(TemplateError, match='no template "mine" for revert scripts'):
        templates.check(found, ["verify"], "mine", str(tmp_path))
    templates.check(found, ["verify", "revert"], "mine", str(tmp_path))


def test_unreadable_template_is_told(tmp_path: Path) -> None:
    """A template that is missing or no UTF-8 is named."""
    bad = tmp_path / "bad.tmpl"
    bad.write_bytes(b"\xff")
    with pytest.raises(TemplateError, match="it is not UTF-8"):
        templates.find("pg", [], {"deploy": bad})
    with pytest.raises(TemplateError, match="no such file"):
        templates.find("pg", [], {"deploy": tmp_path / "none"})
