"""The files that pages are made of: our style and scripts, and uPlot, all of them inside of this package."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

UPLOT: Final = "1.6.32"
"""Version of uPlot, the one piece of code of somebody else."""

ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath d='M1 5h14M1 11h14' stroke='%231c5fd4' stroke-width='2'/%3E%3Ccircle cx='8' cy='8' r='2'/%3E%3C/svg%3E"
)
"""The icon of all pages: a bid, an ask, and the middle."""


@cache
def asset(*path: str) -> str:
    """Return the text of a file of this package."""
    return files("perpmaker.page").joinpath(*path).read_text(encoding="utf-8")


def uplot_script() -> str:
    """Return uPlot with its licence before it, as the licence asks for."""
    return (
        f"/*\nuPlot {UPLOT}\n\n{asset('uplot', 'LICENSE').strip()}\n*/\n{asset('uplot', 'uPlot.iife.min.js').strip()}"
    )


def style() -> str:
    """Return the style of all pages."""
    return f"{asset('uplot', 'uPlot.min.css').strip()}\n{asset('static', 'page.css').strip()}"


def digest(content: str) -> str:
    """Return what a content security policy calls a script or a style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
