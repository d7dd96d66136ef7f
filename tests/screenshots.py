"""Makes pictures of pages: `uv run python tests/screenshots.py PAGE... [--out DIR]`, a file or an address each.

Each is shown in a Chromium without a window (Debian: chromium) at 390, 1280 and 1920 pixels, in light and dark; what it
asks for, complains of, or has cut is said. Exit code 1 where there is any of that.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
from browser import browser, opened

WIDTHS = (390, 1280, 1920)


@click.command()
@click.argument("pages", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("screenshots"))
def main(pages: tuple[str, ...], out: Path) -> None:
    """Make pictures of PAGES."""
    if browser() is None:
        raise click.UsageError("no Chromium is installed (Debian: apt-get install chromium)")

    out.mkdir(parents=True, exist_ok=True)
    is_bad = False

    with opened() as page:
        for name in pages:
            address = name if "://" in name else Path(name).resolve().as_uri()

            for width in WIDTHS:
                for dark in (False, True):
                    page.open(address, width=width, dark=dark)
                    elsewhere = [one for one in page.requests if not one.startswith(address.partition("?")[0])]
                    wide = page.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                    stem = Path(name.partition("?")[0]).stem or "page"
                    file = out / f"{stem}-{width}-{'dark' if dark else 'light'}.png"
                    page.shoot(file)
                    faults = [*elsewhere, *page.complaints, *([f"{wide} pixels too wide"] if wide > 0 else [])]
                    is_bad = is_bad or bool(faults)
                    click.echo(f"{file}: {'; '.join(faults) or 'nothing asked for, nothing complains, nothing cut'}")

    sys.exit(is_bad)


if __name__ == "__main__":
    main()
