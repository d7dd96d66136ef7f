"""The command perpmaker: one file per subcommand, imported only when called."""
