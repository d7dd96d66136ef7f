"""From what should be on the venue to the commands that bring it about, and to their outcomes."""
