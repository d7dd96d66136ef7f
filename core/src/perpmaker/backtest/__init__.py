"""What a run came to, and runs over recorded data."""
