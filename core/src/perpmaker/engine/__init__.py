"""The trader, which decides, and the supervisor, which lives."""
