"""What log, plan and status say."""
