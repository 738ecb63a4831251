"""Deploy, protect and prove the learning-plan schema."""

from learnplan_db.errors import LearnplanError
from learnplan_db.personas import acting_as

__all__ = ["LearnplanError", "acting_as"]
