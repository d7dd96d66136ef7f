"""Serves the simulated exchange over the wire, in a venue's own dialect."""
