"""From one TOML file to settings, with every fault at once.

`load_configuration(file, overrides, catalog)` of `perpmaker.config.configuration` is the way in.
"""
