"""Pictures of pages, to be looked at: `python tests/viewer/shots.py FOLDER OUT [WIDTH ...]`, light and dark."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from report.browser import Browser


def shoot(pages: Path, out: Path, widths: list[int]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        for page in sorted(pages.glob("*.html")):
            for width in widths:
                for dark in (False, True):
                    browser.open(page, width, dark=dark)
                    browser.wait("return window.unroll?.inside?.panes[0].drawn > 0")
                    browser.wait("return new Promise(done => setTimeout(() => done(1), 300))")
                    browser.picture(out / f"{page.stem}-{width}-{'dark' if dark else 'light'}.png")
                    print(page.stem, width, dark, browser.said(), browser.outside())


if __name__ == "__main__":
    shoot(Path(sys.argv[1]), Path(sys.argv[2]), [int(width) for width in sys.argv[3:]] or [900, 1440, 2560])
