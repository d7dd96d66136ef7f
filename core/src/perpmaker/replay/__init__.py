"""Runs what a journal has of a run through the same code again, and compares every decision."""
