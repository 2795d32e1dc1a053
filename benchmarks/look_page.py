"""How fast the page of `unroll look` opens and pans: `PYTHONPATH=tests python benchmarks/look_page.py [STEPS UNITS]`.

Makes a page of an LSTM that was never trained, opens it from disk in headless Chromium, and says how long it took until
the heat map was drawn and how many frames a second it pans at: by the clock, which counts what else the machine does,
and by the time that the page's own process had a core, which does not. The load of the machine is said beside them.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from report.browser import Browser
from unroll.inspect import Trace, View
from unroll.viewer import look_html, scene_of
from unroll.viewer.scene import Shown
from viewer.made import lstm_track

#: Frames of one pan.
FRAMES = 40
#: Opened when the heat map has been drawn, in milliseconds since the page was asked for.
OPENED = """
const pane = window.unroll?.inside?.panes[0];
return pane && pane.drawn > 0 && performance.getEntriesByName("heat").length
  && performance.getEntriesByName("heat")[0].startTime;
"""
#: Pan as a drag does, one move a frame; the times between frames, in milliseconds.
PAN = """
const [width, frames] = [%d, %d], {state, span} = unroll.room;
state.set({from: 0, to: width, step: null});
for (let k = 0; k < 3; k++) await new Promise(done => requestAnimationFrame(done));
const times = [], before = unroll.inside.panes[0].drawn;
let last = 0;
for (let k = 0; k < frames; k++) {
  const from = (span - width) * k / frames;
  state.set({from, to: from + width});
  const now = await new Promise(done => requestAnimationFrame(done));
  if (last) times.push(now - last);
  last = now;
}
return {times, drawn: unroll.inside.panes[0].drawn - before};
"""


def page(steps: int, units: int) -> str:
    """A page of so many steps of text and so many units."""
    tokens = tuple(f"w{step}" for step in range(steps))
    view = View("", Trace("text", tokens, None, (lstm_track(tokens, units, 0),), ()))
    return look_html(scene_of("speed", "", [Shown("", view, " ".join(tokens))], language="en"))


def measure(steps: int, units: int) -> dict[str, Any]:
    """Seconds until the heat map is there, and frames a second at three distances."""
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder) / "profile") as browser:
        path = Path(folder) / "look.html"
        began = time.perf_counter()
        text = page(steps, units)
        made = time.perf_counter() - began
        path.write_text(text, encoding="utf-8")
        load = os.getloadavg()
        browser.measured()
        browser.open(path, 1440)
        opened = float(browser.wait(OPENED, 120)) / 1000
        busy = browser.measured()["ProcessTime"]
        browser.wait("return document.querySelector('#unit .uplot')", 60)
        frames = {}
        for width in (steps // 2, steps // 10, min(200, steps)):
            before = browser.measured()["ProcessTime"]
            found = browser.run(f"return (async () => {{{PAN % (width, FRAMES)}}})()")
            taken = (browser.measured()["ProcessTime"] - before) / FRAMES
            times = sorted(found["times"])
            frames[f"{width} steps"] = {
                "frames a second by the clock (median)": round(1000 / times[len(times) // 2], 1),
                "ms of a core for a frame": round(1000 * taken, 1),
                "frames a second on a core of its own": round(1 / taken, 1),
                "drawn": found["drawn"],
            }
        return {
            "steps": steps,
            "units": units,
            "megabytes": round(len(text) / 1e6, 1),
            "made in s": round(made, 1),
            "opened in s by the clock": round(opened, 2),
            "opened in s of a core": round(busy, 2),
            "panning": frames,
            "load before": [round(one, 1) for one in load],
            "cores": os.cpu_count(),
            "machine": platform.processor() or platform.machine(),
        }


if __name__ == "__main__":
    wanted = [int(number) for number in sys.argv[1:]] or [10_000, 1_024]
    print(json.dumps(measure(*wanted), indent=2))
