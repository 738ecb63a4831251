"""Engines of SQLAlchemy on the plan's database, a pool of one each, and two people."""

from __future__ import annotations

import importlib.util
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, ForeignKey, Text, Uuid, create_engine
from sqlalchemy.dialects.postgresql import ENUM
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from fix_tools import absent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

MAKE = """
with people as (
  insert into learnplan.users (clerk_user_id, email)
  values ('ann', 'ann@x.org'), ('ben', 'ben@x.org') returning id, clerk_user_id
), plans as (
  insert into learnplan.learning_plans
    (user_id, topic, skill_level, weekly_hours, learning_style, visibility)
  select id, clerk_user_id, 'beginner', 5, 'mixed', 'private' from people
  returning id, topic
)
select plans.topic, people.id, plans.id
from people inner join plans on plans.topic = people.clerk_user_id order by 1"""


def enum(name: str, *words: str) -> ENUM:
    """Return a type of the schema's."""
    return ENUM(*words, name=name, schema="learnplan", create_type=False)


class Base(DeclarativeBase):
    """What the host maps."""


class Plan(Base):
    """A learning plan, as an application maps it; the topic is its owner's name."""

    __tablename__ = "learning_plans"
    __table_args__ = ({"schema": "learnplan"},)
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    user_id: Mapped[uuid.UUID] = mapped_column(Uuid, ForeignKey("learnplan.users.id"))
    topic: Mapped[str] = mapped_column(Text)
    skill_level: Mapped[str] = mapped_column(
        enum("skill_level", "beginner", "intermediate", "advanced"), default="beginner"
    )
    weekly_hours: Mapped[int] = mapped_column(default=5)
    learning_style: Mapped[str] = mapped_column(
        enum("learning_style", "reading", "video", "practice", "mixed"), default="mixed"
    )
    visibility: Mapped[str] = mapped_column(Text, default="private")


class User(Base):
    """Somebody, as far as a foreign key needs to know."""

    __tablename__ = "users"
    __table_args__ = ({"schema": "learnplan"},)
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True)


def url(dsn: str, driver: str) -> URL:
    """Return a database's URL for a driver, which says the directory in its own way."""
    if not importlib.util.find_spec(driver):
        absent(f"no {driver}")
    known = conninfo_to_dict(dsn)
    host, port = str(known["host"]), int(known.get("port") or 5432)
    if driver == "pg8000" and host.startswith("/"):
        absent("pg8000 wants a server with an address")
    password = str(known["password"]) if known.get("password") else None
    return URL.create(
        f"postgresql+{driver}",
        username=str(known["user"]),
        password=password,
        database=str(known["dbname"]),
        query={"host": host, "port": str(port)},
    )


@pytest.fixture
def people(admin_dsn: str) -> dict[str, tuple[uuid.UUID, uuid.UUID]]:
    """Provide ann and ben with a private plan each: user's and plan's id by name."""
    with psycopg.connect(admin_dsn) as admin:
        rows = admin.execute(MAKE).fetchall()
    return {name: (user, plan) for name, user, plan in rows}


@pytest.fixture
def make_engine() -> Iterator[Callable[..., Engine]]:
    """Provide a maker of engines whose pool is of one connection."""
    made: list[Engine] = []

    def make(dsn: str, driver: str = "psycopg", **more: Any) -> Engine:
        options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 5} | more
        made.append(create_engine(url(dsn, driver), **options))
        return made[-1]

    yield make
    for engine in made:
        engine.dispose()


@asynccontextmanager
async def async_engine(
    dsn: str, driver: str = "psycopg", **more: Any
) -> AsyncIterator[AsyncEngine]:
    """Provide an async engine whose pool is of one connection."""
    options = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 5} | more
    engine = create_async_engine(url(dsn, driver), **options)
    try:
        yield engine
    finally:
        await engine.dispose()
