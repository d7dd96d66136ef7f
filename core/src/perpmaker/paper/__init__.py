"""Paper trading: the public data of a venue, and orders that a simulated exchange executes against it."""
