"""What a page does to its server is undone before the next page is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doc_pages import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from doc_pages import Page
    from doc_reader import Reader

pytestmark = pytest.mark.docs
DOES = """```sql
grant service_role to app;
alter role service_role bypassrls login;
alter role app set statement_timeout = '1s';
create role visitor login;
grant create on database app to visitor;
create database another;
```
"""
LOOKS = """```sql
select rolbypassrls or rolcanlogin from pg_roles where rolname = 'service_role';
select pg_has_role('app', 'service_role', 'member');
select count(*) from pg_db_role_setting where setrole <> 0;
select count(*) from pg_roles where rolname = 'visitor';
select count(*) from pg_database where datname in ('app', 'another');
```
"""


def test_page_leaves_nothing_to_the_next(
    tmp_path: Path, reading: Callable[[Page], AbstractContextManager[Reader]]
) -> None:
    """Roles, their attributes, settings and members, and databases are as before."""
    said = []
    for name, text in (("does", DOES + LOOKS), ("looks", LOOKS)):
        path = tmp_path / f"{name}.md"
        path.write_text(text)
        with reading(read(path)) as reader:
            for block in read(path).blocks:
                reader.does(block)
            said.append([word for word in reader.said.split() if word in "tf012"])
    assert [["t", "t", "1", "1", "2"], ["f", "f", "0", "0", "1"]] == said
