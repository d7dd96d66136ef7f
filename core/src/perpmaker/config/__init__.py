"""From one TOML file to settings, with every fault at once."""
