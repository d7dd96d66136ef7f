"""What lives: tasks, streams, readings, recovery and the way to the end."""
