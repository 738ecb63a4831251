"""
Every error a person can meet, with its address, its remedy and its exit code.

    LearnplanError            2  base: what happened, where, what to do
    ├── ConfigError           2  target, options, project files
    ├── PlanError             2  the plan file
    ├── RenderError           2  policy templates and render variables
    ├── RegistryError         2  what the database says was deployed
    ├── IdentityError         2  acting_as cannot take the role asked for
    ├── VerifyError           1  a verify script says no
    ├── ScriptError           3  a script failed in the database
    ├── ConnectError          4  no connection, or one that cannot be used
    └── ServerError           4  the embedded server

Constructors for causes are classmethods, so that wording lives in one place: a file a
noun, all of them imported from here.
May import nothing of the package; never prints.
"""

from __future__ import annotations

from learnplan_db.errors.base import LearnplanError, did_you_mean
from learnplan_db.errors.config import ConfigError
from learnplan_db.errors.identity import IdentityError
from learnplan_db.errors.plan import PLAN_SYNTAX, PlanError
from learnplan_db.errors.registry import RegistryError, VerifyError
from learnplan_db.errors.render import RenderError
from learnplan_db.errors.script import ScriptError
from learnplan_db.errors.server import ConnectError, ServerError

__all__ = [
    "PLAN_SYNTAX",
    "ConfigError",
    "ConnectError",
    "IdentityError",
    "LearnplanError",
    "PlanError",
    "RegistryError",
    "RenderError",
    "ScriptError",
    "ServerError",
    "VerifyError",
    "did_you_mean",
]
