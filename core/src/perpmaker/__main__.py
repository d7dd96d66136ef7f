"""`python -m perpmaker` is the command perpmaker."""

from __future__ import annotations

from perpmaker.cli import main

if __name__ == "__main__":
    main()
