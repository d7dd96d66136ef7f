"""The whole plugin mechanism: hooks, declarations, loading, and the catalog of what is installed."""
