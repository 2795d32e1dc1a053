"""Pictures of pages, to be looked at.

`python tests/viewer/shots.py FOLDER OUT [WIDTH ...]` for all, light and dark; `docs` in the place of the folders
for those that the manual shows.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from report.browser import Browser
from viewer.made import kinds

MANUAL = Path(__file__).parents[2] / "docs" / "img" / "look"
#: What the manual shows: a page of every kind, and every width, theme and language among them.
SHOWN = (
    ("word", 1440, False, ""),
    ("korean", 900, True, ""),
    ("deep", 1440, True, ""),
    ("tagged", 900, False, "m"),
    ("series", 1440, False, "lm"),
    ("picture", 900, True, ""),
    ("two", 2560, False, ""),
)


def shoot(pages: Path, out: Path, widths: list[int]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        for page in sorted(pages.glob("*.html")):
            for width in widths:
                for dark in (False, True):
                    _open(browser, page, width, dark, "")
                    browser.picture(out / f"{page.stem}-{width}-{'dark' if dark else 'light'}.png")
                    print(page.stem, width, dark, browser.said(), browser.outside())


def shoot_for_manual() -> None:
    MANUAL.mkdir(parents=True, exist_ok=True)
    made = kinds()
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        for kind, width, dark, keys in SHOWN:
            page, raw = Path(folder) / f"{kind}.html", Path(folder) / "raw.png"
            page.write_text(made[kind], encoding="utf-8")
            _open(browser, page, width, dark, keys)
            browser.picture(raw)
            image = Image.open(io.BytesIO(raw.read_bytes())).convert("RGB")
            image.thumbnail((1440, 10_000))
            # Every hue is kept, also that of thin lines.
            small = image.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
            small.save(MANUAL / f"{kind}-{width}-{'dark' if dark else 'light'}.png", optimize=True)


def _open(browser: Browser, page: Path, width: int, dark: bool, keys: str) -> None:
    browser.open(page, width, dark=dark)
    browser.wait("return window.unroll?.inside?.panes[0].drawn > 0")
    for key in keys:
        browser.key(key)
    browser.wait("return new Promise(done => setTimeout(() => done(1), 400))")


if __name__ == "__main__":
    if sys.argv[1:] == ["docs"]:
        shoot_for_manual()
    else:
        shoot(Path(sys.argv[1]), Path(sys.argv[2]), [int(width) for width in sys.argv[3:]] or [900, 1440, 2560])
