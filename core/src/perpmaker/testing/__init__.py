"""What tests and plugin authors use: virtual time, networks in memory, scripted markets."""
