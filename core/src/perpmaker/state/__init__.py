"""Folds events into state. The only writer of state; no I/O, no clock."""
