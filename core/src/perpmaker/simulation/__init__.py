"""A simulated exchange and the markets that move it."""
