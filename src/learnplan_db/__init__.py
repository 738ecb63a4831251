"""Deploy, protect and prove the learning-plan schema."""
