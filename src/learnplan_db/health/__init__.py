"""Whether a database, its logins and its settings are fit for the plan: doctor."""
