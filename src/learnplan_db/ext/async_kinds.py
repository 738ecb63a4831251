"""
The asynchronous kinds of SQLAlchemy, or what nothing is an instance of.

Without greenlet, which SQLAlchemy 2.1 no longer brings along, there are none of them,
and what is synchronous works all the same. Imports nothing else of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import (
        AsyncConnection,
        AsyncEngine,
        AsyncSession,
        async_scoped_session,
    )
else:
    try:
        from sqlalchemy.ext.asyncio import (
            AsyncConnection,
            AsyncEngine,
            AsyncSession,
            async_scoped_session,
        )
    except ImportError:

        class Absent:
            """Of which nobody can have made one."""

            def __class_getitem__(cls, item: object) -> type[Absent]:
                """Return the class, for annotations."""
                return cls

        AsyncConnection = AsyncEngine = AsyncSession = async_scoped_session = Absent

__all__ = ["AsyncConnection", "AsyncEngine", "AsyncSession", "async_scoped_session"]
