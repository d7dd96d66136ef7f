"""Recording: what a venue says of a market to everybody, as it came, on disk."""
