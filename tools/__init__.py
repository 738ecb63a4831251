"""What is made of the plan for its documents; no part of the package."""
