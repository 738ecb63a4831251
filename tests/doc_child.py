"""
One Python namespace, in a process of its own: the blocks of a page, one after another.

Reads a request a line on standard input, as JSON: source, file, line, environment and
directory; answers on the file descriptor of its argument with the name of the error
that was raised, or null. What a block prints goes to its standard output.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import sys
import traceback
from typing import Any


def run(request: dict[str, Any], names: dict[str, Any], loop: asyncio.Runner) -> Any:
    """Run one block; return the name of what it raised."""
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environ"])
    try:
        code = compile(
            "\n" * request["line"] + request["source"],
            request["file"],
            "exec",
            ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        )
        done = eval(code, names)  # noqa: S307 - the page is ours
        if inspect.iscoroutine(done):

            async def wait() -> None:
                """Give the loop a coroutine of its own kind."""
                await done

            loop.run(wait())
    except BaseException as error:  # noqa: BLE001 - also SystemExit is told
        traceback.print_exc()
        return type(error).__name__
    return None


def main() -> None:
    """Answer requests until there are no more."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with (
        asyncio.Runner() as loop,
        os.fdopen(int(sys.argv[1]), "w", buffering=1) as answers,
    ):
        for line in sys.stdin:
            raised = run(json.loads(line), names, loop)
            sys.stdout.flush()
            sys.stderr.flush()
            answers.write(json.dumps(raised) + "\n")


main()
