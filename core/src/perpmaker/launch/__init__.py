"""From a configuration to a bot that is ready to run: connect, check, claim, set up."""
