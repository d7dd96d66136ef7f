"""Pages for a browser, which load nothing from elsewhere: the report of a run, and the bots that run now."""
