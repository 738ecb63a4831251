"""Every block of code of every page does what the page says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doc_pages import PageError, named, pages, read
from doc_reader import Surprise
from fix_tools import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from doc_pages import Page
    from doc_reader import Reader

pytestmark = pytest.mark.docs


@pytest.mark.parametrize("path", pages(), ids=named)
def test_page_does_what_it_says(
    path: Path, reading: Callable[[Page], AbstractContextManager[Reader]]
) -> None:
    """Each block runs, in the order of the page, and ends and prints as it says."""
    try:
        page = read(path)
        for name in page.needs:
            program(name)
        if page.runs:
            with reading(page) as reader:
                for block in page.blocks:
                    reader.does(block)
    except (PageError, Surprise) as error:
        told = str(error)
    else:
        return
    pytest.fail(told, pytrace=False)
