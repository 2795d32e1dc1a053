"""Debian's Chromium without a window, driven over the WebDriver protocol: pages as readers see them."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

#: A page may not reach the network, and the browser has no reason to.
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

#: Boxes of a page that its reader cannot see whole and cannot scroll to: beyond the window, or cut off by their parent.
_OUTSIDE = """
const width = document.documentElement.clientWidth, found = [];
if (document.documentElement.scrollWidth > width) found.push(`page ${document.documentElement.scrollWidth} > ${width}`);
for (const box of document.querySelectorAll("main *")) {
  if (box.closest("details:not([open]) > :not(summary)") || box.closest("svg") && box.tagName !== "text") continue;
  const place = box.getBoundingClientRect();
  let inside = box.parentElement, end = width;
  for (; inside; inside = inside.parentElement) {
    const flow = getComputedStyle(inside).overflowX;
    if (["auto", "scroll"].includes(flow)) { end = Infinity; break; }
    if (flow !== "visible" || inside.tagName === "SECTION") end = Math.min(end, inside.getBoundingClientRect().right);
  }
  if (place.right > end + 1 || place.left < -1) found.push(`${box.tagName} ${box.textContent.trim().slice(0, 40)}`);
}
return found;
"""

#: Cells of tables whose text is broken into a column of letters.
_SQUEEZED = """
const found = [];
for (const cell of document.querySelectorAll("th, td")) {
  const text = cell.textContent.trim(), place = cell.getBoundingClientRect();
  const size = parseFloat(getComputedStyle(cell).fontSize);
  if (text.length > 8 && place.width && place.width < 5 * size) found.push(`${place.width}px: ${text.slice(0, 40)}`);
}
return found;
"""

#: How far the tables of a page scroll inside their boxes, in pixels.
_SCROLLED = """
return [...document.querySelectorAll(".scroll")].filter(box => box.offsetWidth)
  .map(box => [box.querySelector("table").getAttribute("aria-label"), box.scrollWidth - box.clientWidth]);
"""


def missing() -> str | None:
    """What keeps the browser from being used here, or None."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"not installed: {', '.join(lacking)}" if lacking else None


class Browser:
    """A browser of its own for one `with` block.

    Args:
        profile: an empty folder for what it writes.
    """

    def __init__(self, profile: Path) -> None:
        self._profile = profile

    def __enter__(self) -> Browser:
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
        assert self._driver.stdout is not None
        port = next(
            found[1] for line in self._driver.stdout if (found := re.search(r"successfully on port (\d+)", line))
        )
        self._address = f"http://127.0.0.1:{port}/session"
        options = {"binary": shutil.which("chromium"), "args": [*FLAGS, f"--user-data-dir={self._profile}"]}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        wanted = {"capabilities": {"alwaysMatch": capabilities}}
        self._address += "/" + self._ask("", wanted)["sessionId"]
        return self

    def __exit__(self, *problem: object) -> None:
        self._ask("", None, method="DELETE")
        self._driver.terminate()
        self._driver.wait()
        assert self._driver.stdout is not None
        self._driver.stdout.close()

    def _ask(self, path: str, body: object, method: str = "POST") -> Any:
        request = urllib.request.Request(
            self._address + path,
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]

    def _tell(self, command: str, values: dict[str, Any]) -> Any:
        return self._ask("/goog/cdp/execute", {"cmd": command, "params": values})

    def open(self, page: Path, width: int, *, dark: bool = False, height: int = 900) -> None:
        """Show a page that is a file in a window of this width."""
        self.visit(page.resolve().as_uri(), width, dark=dark, height=height)

    def visit(self, address: str, width: int, *, dark: bool = False, height: int = 900) -> None:
        """Show a page in a window of this width."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._tell("Emulation.setDeviceMetricsOverride", screen)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._tell("Emulation.setEmulatedMedia", {"features": [scheme]})
        self._ask("/url", {"url": address})

    def run(self, script: str) -> Any:
        """Return what a script returns in the page; the page's own policy does not bind the driver."""
        return self._ask("/execute/sync", {"script": script, "args": []})

    def said(self) -> list[str]:
        """Return what the page wrote to the console since it was last asked: errors, refusals of its policy."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._ask("/se/log", {"type": "browser"})]

    def measured(self) -> dict[str, float]:
        """Return what the browser measures of the page: seconds of a core under "ProcessTime", and more."""
        self._tell("Performance.enable", {"timeDomain": "threadTicks"})
        return {one["name"]: one["value"] for one in self._tell("Performance.getMetrics", {})["metrics"]}

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Do one thing with the pointer: "mouseMoved", "mousePressed", "mouseReleased", "mouseWheel"."""
        self._tell("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press, move and let go, in pixels of the window."""
        left = {"button": "left", "buttons": 1, "clickCount": 1}
        self.mouse("mouseMoved", *start)
        self.mouse("mousePressed", *start, **left)
        for share in (0.3, 0.7, 1.0):
            place = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", *place, **left)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def key(self, key: str, *, shift: bool = False) -> None:
        """Press a key and let it go."""
        held = {"key": key, "modifiers": 8 if shift else 0}
        typed = {"text": key} if len(key) == 1 else {}
        self._tell("Input.dispatchKeyEvent", {"type": "keyDown" if typed else "rawKeyDown", **held, **typed})
        self._tell("Input.dispatchKeyEvent", {"type": "keyUp", **held})

    def wait(self, script: str, seconds: float = 20.0) -> Any:
        """Run a script until it returns something true, and return that."""
        end = time.monotonic() + seconds
        while not (found := self.run(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"{script} stayed {found!r} for {seconds} s; console: {self.said()}")
            self.run("return new Promise(done => requestAnimationFrame(() => done(1)))")
        return found

    def outside(self) -> list[str]:
        """Return what lies beyond the page's edges where no reader can get at it."""
        return list(self.run(_OUTSIDE))

    def squeezed(self) -> list[str]:
        """Return cells of tables that are too narrow to be read."""
        return list(self.run(_SQUEEZED))

    def scrolled(self) -> dict[str, int]:
        """Return the tables that are wider than their boxes, and by how many pixels."""
        return {name: over for name, over in self.run(_SCROLLED) if over > 0}

    def picture(self, out: Path, *, whole: bool = True) -> None:
        """Write what is seen as a PNG: the whole page, or the window."""
        data = self._tell(
            "Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole, **self._clip(whole)}
        )
        out.write_bytes(base64.b64decode(data["data"]))

    def _clip(self, whole: bool) -> dict[str, Any]:
        if not whole:
            return {}
        width, height = self.run("const r = document.documentElement; return [r.clientWidth, r.scrollHeight];")
        return {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}
