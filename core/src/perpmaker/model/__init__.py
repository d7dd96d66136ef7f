"""Values only: what instruments, orders, positions, quotes and events are. No I/O, no clock, no venue."""
