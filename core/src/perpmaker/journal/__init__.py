"""What a bot remembers on disk: its intents, its memory, its halts, and the folder that they stand in."""
