"""Decides what is sent, from what is believed: pure, so that the same events give the same decisions."""
