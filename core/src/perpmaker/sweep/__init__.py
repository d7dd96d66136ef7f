"""The same market, played with other settings: points, their results in a file that is gone on with, what they say.

A sweep asks for points (`space`, `search`), has each played by an executor (`run`), keeps each result as it comes
(`results_file`), and reads out of all of them whether the best point is any better than chance (`verdict`).
"""
