"""
Every error a person can meet, with its address, its remedy and its exit code.

    LearnplanError            2  base: what happened, where, what to do
    ├── ConfigError           2  target, options, project files
    │   └── SettingsError     2  commands that write a project's configuration
    ├── PlanError             2  the plan file
    ├── TemplateError         2  templates of new scripts
    ├── AuthoringError        2  writing scripts, notes and bundles
    ├── ExportError           2  what cannot be said as plain SQL, or not be written
    ├── RenderError           2  policy templates and render variables
    ├── MatrixError           2  the access matrix
    ├── ProofError            2  a target on which nothing can be proved
    ├── RegistryError         2  what the database says was deployed
    ├── CatalogError          2  schemas that are to be compared, and are not there
    ├── PictureError          2  a schema that cannot be drawn, a file not written
    ├── ReportError           2  a format or filter of log, plan and status
    ├── IdentityError         2  acting_as cannot take the role asked for
    ├── VerifyError           2  a verify script says no
    ├── DataLossError         2  a revert would lose rows
    ├── ScriptError           2  a script failed in the database
    ├── ConnectError          2  no connection, or one that cannot be used
    ├── LostError             2  the connection was lost in the middle of a change
    ├── SeedError             2  a database that takes no sample data
    ├── ApiError              2  the library was called with what it cannot use
    ├── BehindError           2  the database lacks what "require" was asked for
    ├── SuiteError            2  a host's tests ask the pytest plugin for too much
    ├── ServerError           4  the embedded server
    └── NothingDoneError      1  nothing to do or to show, on standard output

``AheadWarning`` is a warning of Python's: the database has more than was required.
``OwnSqlError`` is none of them: whoever sent SQL along with a script turns it into one.
Constructors for causes are classmethods, so that wording lives in one place: a file a
noun, all of them imported from here.
May import nothing of the package; never prints.
"""

from __future__ import annotations

from learnplan_db.errors.api import AheadWarning, ApiError, BehindError
from learnplan_db.errors.authoring import AuthoringError, TemplateError
from learnplan_db.errors.base import (
    LearnplanError,
    NothingDoneError,
    did_you_mean,
    without_password,
)
from learnplan_db.errors.catalog import CatalogError
from learnplan_db.errors.config import ConfigError
from learnplan_db.errors.connection import ConnectError
from learnplan_db.errors.export import ExportError
from learnplan_db.errors.identity import IdentityError
from learnplan_db.errors.loss import DataLossError, Loss
from learnplan_db.errors.lost import LostError
from learnplan_db.errors.mutation import MutationError
from learnplan_db.errors.picture import PictureError
from learnplan_db.errors.plan import PLAN_SYNTAX, PlanError
from learnplan_db.errors.proof import MatrixError, ProofError
from learnplan_db.errors.registry import RegistryError, VerifyError
from learnplan_db.errors.render import RenderError
from learnplan_db.errors.report import ReportError
from learnplan_db.errors.script import OwnSqlError, ScriptError
from learnplan_db.errors.seeding import SeedError
from learnplan_db.errors.server import ServerError
from learnplan_db.errors.settings import NotSetError, SettingsError
from learnplan_db.errors.testing import SuiteError

__all__ = [
    "PLAN_SYNTAX",
    "AheadWarning",
    "ApiError",
    "AuthoringError",
    "BehindError",
    "CatalogError",
    "ConfigError",
    "ConnectError",
    "DataLossError",
    "ExportError",
    "IdentityError",
    "LearnplanError",
    "Loss",
    "LostError",
    "MatrixError",
    "MutationError",
    "NotSetError",
    "NothingDoneError",
    "OwnSqlError",
    "PictureError",
    "PlanError",
    "ProofError",
    "RegistryError",
    "RenderError",
    "ReportError",
    "ScriptError",
    "SeedError",
    "ServerError",
    "SettingsError",
    "SuiteError",
    "TemplateError",
    "VerifyError",
    "did_you_mean",
    "without_password",
]
