"""Running bots as other processes of the same user find, ask and stop them: cards, names, a Unix socket for each."""
