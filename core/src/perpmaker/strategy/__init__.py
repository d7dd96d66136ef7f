"""Pure strategies: from a view to the quotes that should rest."""
