"""Pure exits: profit taking and stop loss, decided apart from any strategy."""
