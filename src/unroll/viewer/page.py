"""The page as text: a frame, the built front end, the scene as JSON, and the blocks."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from functools import cache
from importlib import resources
from typing import NamedTuple

from unroll.viewer.scene import Scene


class FrontEnd(NamedTuple):
    """What `web/look` is built to.

    Attributes:
        script: runs in the page.
        styles: its style sheet.
    """

    script: str
    styles: str


def look_html(scene: Scene) -> str:
    """Return a page that stands by itself.

    Text from data reaches the page as JSON that no element can be ended in, and is only ever shown as text. The page's
    policy lets run the front end and nothing else, load nothing, and send nothing; a page that follows a training run
    may ask the address that it came from.
    """
    built = front_end()
    policy = policy_for(built, live=scene.values["live"] is not None)
    title = html.escape(str(scene.values["title"]).translate(_UNSEEN))
    blocks = "".join(f'<script type="text/plain" id="{name}">{text}</script>\n' for name, text in scene.blocks.items())
    return (
        "<!doctype html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{title} · unroll</title>\n"
        f"<style>{built.styles}</style>\n</head>\n<body>\n"
        "<main><noscript>This page needs JavaScript.</noscript></main>\n"
        f'<script type="application/json" id="scene">{as_json(scene.values)}</script>\n'
        f"{blocks}"
        f"<script>{built.script}</script>\n</body>\n</html>\n"
    )


#: Characters that would turn the title bar's text round, or not be seen in it; and halves of a character, such as stand
#: for the bytes of a file's name that are no UTF-8: the page could not be written.
_UNSEEN = dict.fromkeys(
    (*range(0x20), 0x7F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)),
    "\N{REPLACEMENT CHARACTER}",
)


def as_json(values: object) -> str:
    """JSON in ASCII that may stand inside an element of HTML."""
    return json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def policy_for(built: FrontEnd, *, live: bool) -> str:
    """The Content-Security-Policy of a page: what may run is named by its hash."""
    return (
        f"default-src 'none'; script-src {_hash(built.script)}; style-src {_hash(built.styles)};"
        f" connect-src {_OWN if live else _NONE}; base-uri {_NONE}; form-action {_NONE};"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )


_OWN, _NONE = "'self'", "'none'"


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"


@cache
def front_end() -> FrontEnd:
    """The built files that come with the package."""
    folder = resources.files("unroll.viewer").joinpath("static")
    return FrontEnd(*(folder.joinpath(name).read_text(encoding="utf-8") for name in ("look.js", "look.css")))
