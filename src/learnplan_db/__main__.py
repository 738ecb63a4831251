"""Run the command line as ``python -m learnplan_db``."""

from learnplan_db.start import main

main()
