"""The page in a real browser, opened from disk: what is shown is what was measured, and every way to steer works."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from report.browser import Browser, missing
from viewer.made import SENTENCE, kinds, sentence_view, tagged_view
from viewer.test_page import hostile_page

#: What the keys and the pointer are aimed at: the heat map, in pixels of the window.
HEAT = """
const pane = unroll.inside.panes[0], over = pane.element.querySelector(".over");
over.scrollIntoView({block: "center"});
const place = over.getBoundingClientRect(), box = pane.heat;
return {x: place.left + box.x, y: place.top + box.y, width: box.width, height: box.height};
"""
NOW = "return unroll.room.state.now"
READY = "return window.unroll?.inside && unroll.inside.panes[0].drawn > 0 && document.querySelector('#unit .uplot')"
#: All values of what is shown.
VALUES = """
const grid = await unroll.room.grid(), rows = [];
for (let u = 0; u < grid.rows; u++) rows.push([...grid.row(u)]);
return rows;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := missing():
        pytest.skip(reason)
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {**kinds(), "hostile": hostile_page()}
    folder = tmp_path_factory.mktemp("pages")
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def opened(browser: Browser, path: Path, width: int = 1200, *, dark: bool = False) -> None:
    browser.said()
    browser.open(path, width, dark=dark)
    browser.wait(READY)


def settled(browser: Browser) -> None:
    """Two frames later everything that waits for a frame is drawn."""
    browser.run("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")


def now(browser: Browser) -> dict[str, Any]:
    settled(browser)
    return dict(browser.run(NOW))


def heat(browser: Browser) -> dict[str, float]:
    place = dict(browser.run(HEAT))
    settled(browser)
    return place


def shown_values(track: str = "c") -> np.ndarray:
    """(H, T) what the sentence's page must show."""
    return sentence_view(SENTENCE).view.trace.tracks[0].values[track].T.astype(float)


@pytest.mark.parametrize("kind", ["word", "korean", "deep", "tagged", "series", "picture", "two", "hostile"])
@pytest.mark.parametrize("width", [900, 1440, 2560])
def test_page_opens_whole_and_without_a_complaint(
    browser: Browser, pages: dict[str, Path], kind: str, width: int
) -> None:
    opened(browser, pages[kind], width, dark=width == 1440)
    assert browser.said() == []
    assert browser.outside() == []
    sizes = browser.run(
        "return [...document.querySelectorAll('main *')].filter(e => e.childNodes.length && e.offsetWidth)"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12, "text is large enough to be read"


def test_heat_map_holds_the_values_of_the_trace(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    expected = shown_values()
    found = np.array(browser.run(f"return (async () => {{{VALUES}}})()"))
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= np.ptp(expected) / 65534 / 2 + 1e-6


def test_heat_map_is_blue_below_zero_and_orange_above(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    place = heat(browser)
    expected = shown_values()
    units, steps = expected.shape
    colours = np.array(
        browser.run(
            f"""
            const pane = unroll.inside.panes[0], canvas = pane.element.querySelector(".heat");
            const box = pane.heat, context = canvas.getContext("2d"), rows = [];
            for (let u = 0; u < {units}; u++) {{
              rows.push([]);
              for (let t = 0; t < {steps}; t++) {{
                const x = box.x + (t + .5) / {steps} * box.width, y = box.y + (u + .5) / {units} * box.height;
                rows[u].push([...context.getImageData(x, y, 1, 1).data]);
              }}
            }}
            return rows;
            """
        )
    )
    strong = np.abs(expected) > 0.25 * np.abs(expected).max()
    strong[0] = False  # The frame around the chosen unit may touch it.
    warm = colours[..., 0] > colours[..., 2]
    assert strong.sum() > 100
    assert (warm == (expected > 0))[strong].all()
    assert place["height"] > 100


def test_pointer_shows_the_value_under_it(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    place = heat(browser)
    expected = shown_values()
    units, steps = expected.shape
    for unit, step in ((30, 12), (47, 3)):
        browser.mouse(
            "mouseMoved",
            place["x"] + (step + 0.5) / steps * place["width"],
            place["y"] + (unit + 0.5) / units * place["height"],
        )
        settled(browser)
        tip = browser.run("const tip = document.querySelector('.tip:not([hidden])'); return tip && tip.innerText")
        word, where, value = tip.split("\n")
        assert word == SENTENCE.split()[step]
        assert where == f"step {step} · unit {unit}"
        assert float(value) == pytest.approx(expected[unit, step], rel=6e-3)


def test_wheel_keys_and_drag_zoom_and_move(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    steps = len(SENTENCE.split())
    place = heat(browser)
    middle = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    browser.mouse("mouseWheel", *middle, deltaX=0, deltaY=-300, modifiers=2)
    zoomed = now(browser)
    assert 0 < zoomed["from"] < zoomed["to"] < steps
    assert (zoomed["from"] + zoomed["to"]) / 2 == pytest.approx(steps / 2, abs=0.2), "what is under the pointer stays"
    browser.drag(middle, (middle[0] + place["width"] / 4, middle[1]))
    moved = now(browser)
    width = zoomed["to"] - zoomed["from"]
    assert moved["from"] == pytest.approx(zoomed["from"] - width / 4, abs=0.3)
    browser.key("0")
    assert (now(browser)["from"], now(browser)["to"]) == (0, steps)
    browser.key("+")
    assert now(browser)["to"] - now(browser)["from"] == pytest.approx(steps / 2)
    browser.mouse("mouseWheel", *middle, deltaX=0, deltaY=200)
    assert now(browser)["to"] - now(browser)["from"] == pytest.approx(steps / 2), "the wheel alone scrolls the page"


def test_marked_text_finds_the_units_that_are_on_there(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    values = shown_values()
    units, steps = values.shape
    place = heat(browser)
    first, last = 12, 19
    lane = place["y"] - 20
    browser.drag(
        (place["x"] + (first + 0.5) / steps * place["width"], lane),
        (place["x"] + (last + 0.5) / steps * place["width"], lane),
    )
    assert now(browser)["spans"] == [[first, last]]
    rows = browser.wait(
        "const rows = [...document.querySelectorAll('#query tbody tr')];"
        "return rows.length && rows.map(row => [+row.dataset.unit, +row.lastChild.textContent])"
    )
    marked = np.zeros(steps, bool)
    marked[first : last + 1] = True
    best = np.zeros(units)
    for unit in range(units):
        for threshold in values[unit]:
            for on in (values[unit] >= threshold, values[unit] <= threshold):
                best[unit] = max(best[unit], 2 * (on & marked).sum() / (on.sum() + marked.sum()))
    # The page cuts the range in 256 steps, so of near values it may take the neighbour's threshold.
    assert [f1 for _, f1 in rows] == pytest.approx(np.sort(best)[::-1][: len(rows)], abs=0.06)
    assert all(f1 == pytest.approx(best[unit], abs=0.06) for unit, f1 in rows)
    browser.run("document.querySelector('#query tbody button').click()")
    assert now(browser)["unit"] == rows[0][0]
    browser.run("const s = document.querySelector('[data-choice=sorting]'); s.value = 'query';"
                "s.dispatchEvent(new Event('change'));")  # fmt: skip
    order = browser.run("return [...unroll.inside.unitOrder]")
    assert order[: len(rows)] == [unit for unit, _ in rows]
    assert sorted(order) == list(range(units))
    browser.key("Escape")
    assert now(browser)["spans"] == []


def test_orders_of_units_are_what_they_are_called(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    track = sentence_view(SENTENCE).view.trace.tracks[0]

    def order(name: str) -> list[int]:
        browser.run(
            f"const s = document.querySelector('[data-choice=sorting]'); s.value = '{name}';"
            "s.dispatchEvent(new Event('change'));"
        )
        settled(browser)
        return list(browser.run("return [...unroll.inside.unitOrder]"))

    assert order("number") == list(range(48))
    scales = -1 / np.log(track.values["f"].astype(float)).mean(axis=0)
    assert order("timescale") == np.argsort(-scales.round(3), kind="stable").tolist()
    full = (np.abs(track.values["c"]) > 0.9).mean(axis=0)
    assert order("saturation") == np.argsort(-full, kind="stable").tolist()
    alike = order("similarity")
    assert sorted(alike) == list(range(48))
    correlation = np.corrcoef(track.values["c"].T)
    along = np.mean([correlation[a, b] for a, b in itertools.pairwise(alike)])
    assert along > np.mean([correlation[u, u + 1] for u in range(47)]) + 0.2


def test_difference_of_two_views_is_the_difference(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["two"])
    assert now(browser)["compare"] == "both"
    assert browser.run("return [...document.querySelectorAll('.pane')].filter(p => p.offsetHeight).length") == 2
    browser.key("c")
    assert now(browser)["compare"] == "difference"
    browser.wait("return unroll.inside.panes[1].shown?.grid.low < 0 && unroll.inside.panes[1].shown.kind === 'signed'")
    script = "const g = unroll.inside.panes[1].shown.grid; return [...Array(g.rows).keys()].map(u => [...g.row(u)])"
    found = np.array(browser.run(script))
    first, second = (
        sentence_view(text, seed=seed).view.trace.tracks[0].values["c"].T.astype(float)
        for text, seed in ((SENTENCE, 0), (SENTENCE.replace("not bored", "very bored"), 1))
    )
    assert np.abs(found - (first - second)).max() < 1e-3
    browser.key("c")
    settled(browser)
    assert now(browser)["compare"] == "one"
    assert browser.run("return [...document.querySelectorAll('.pane')].filter(p => p.offsetHeight).length") == 1


def test_of_two_views_each_has_its_answer_and_says_what_it_shows(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["two"])
    answers = browser.run("return [...document.querySelectorAll('.answer')].map(p => p.innerText)")
    assert [answer.split(": ")[:2] for answer in answers] == [["Answer", "1"], ["Answer", "2"]]
    captions = "return [...document.querySelectorAll('.pane-name')].map(one => one.textContent.split(' · ').at(-1))"
    assert browser.run(captions) == ["cell state c", "cell state c"]
    browser.key("l")
    settled(browser)
    browser.wait(f"return (() => {{{captions}}})().every(name => name === '셀 상태 c')")


@pytest.mark.parametrize("width", [1440, 2560])
def test_page_takes_the_width_that_there_is(browser: Browser, pages: dict[str, Path], width: int) -> None:
    opened(browser, pages["two"], width)
    ends = browser.run(
        "return [...document.querySelectorAll('main section')].filter(one => one.offsetWidth)"
        ".map(one => one.getBoundingClientRect()).map(box => [box.top, box.left, box.right])"
    )
    rows: dict[float, list[tuple[float, float]]] = {}
    for top, left, right in ends:
        rows.setdefault(round(top), []).append((left, right))
    for row in rows.values():
        assert min(left for left, _ in row) < 0.04 * width
        assert max(right for _, right in row) > 0.95 * width, "a section stands beside an empty part of the page"


def test_keys_steer_the_page(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["deep"])
    browser.key("ArrowRight")
    browser.key("ArrowRight")
    assert (now(browser)["step"], now(browser)["focus"]) == (1, 1)
    browser.key("ArrowRight", shift=True)
    assert now(browser)["spans"] == [[1, 2]]
    browser.key("ArrowDown")
    assert now(browser)["unit"] == 1
    browser.key("]")
    assert now(browser)["layer"] == 1
    browser.key("t")
    assert now(browser)["track"] != "c"
    browser.key("?")
    assert browser.run("return document.querySelector('dialog').open")
    browser.key("d")
    assert now(browser)["theme"] == "light", "the list of keys has the keys"
    browser.run("document.querySelector('dialog').close()")
    assert browser.said() == []


def test_theme_and_language_change_the_whole_page(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    looks = "return [getComputedStyle(document.body).backgroundColor, document.querySelector('h2').textContent]"
    paper, title = browser.run(looks)
    drawn = browser.run("return unroll.inside.panes[0].element.querySelector('.heat').toDataURL()")
    browser.key("d")
    browser.key("l")
    settled(browser)
    dark_paper, korean = browser.run(looks)
    assert sum(map(int, dark_paper[4:-1].split(","))) < 150 < sum(map(int, paper[4:-1].split(",")))
    assert korean != title
    assert any("가" <= letter <= "힣" for letter in korean)
    assert browser.run("return document.documentElement.lang") == "ko"
    browser.wait(f"return unroll.inside.panes[0].element.querySelector('.heat').toDataURL().length !== {len(drawn)}")
    opened(browser, pages["word"], dark=True)
    assert now(browser)["theme"] == "dark", "the page begins as the reader's system is"


def test_words_are_shaded_by_what_is_held_of_them(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    script = "return [...document.querySelectorAll('.sentence .token')].map(token => parseFloat(token.title))"
    memory = sentence_view(SENTENCE).memory
    assert memory is not None
    shares = memory.shares * 100
    assert browser.run(script) == pytest.approx(shares[-1], abs=0.6)
    assert browser.run("return [...document.querySelectorAll('.sentence .token')].map(t => t.textContent)") == (
        SENTENCE.split()
    )
    browser.run(
        "document.querySelectorAll('.sentence .token')[9].dispatchEvent(new Event('pointerover', {bubbles: true}))"
    )
    settled(browser)
    assert browser.run(script) == pytest.approx(shares[9], abs=0.6)


def test_words_of_a_tagger_have_their_tags_and_what_decided_each(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["tagged"])
    tags = browser.run("return [...document.querySelectorAll('.sentence rt')].map(tag => tag.textContent)")
    assert tags[:4] == ["DET", "ADJ", "NOUN", "VERB"]
    browser.key("m")
    script = "return [...document.querySelectorAll('.sentence .token')].map(token => parseFloat(token.title))"
    rows = tagged_view().view.saliency["gradient x input"]
    for step in (2, 7):
        browser.run(
            f"document.querySelectorAll('.sentence .token')[{step}]"
            ".dispatchEvent(new Event('pointerover', {bubbles: true}))"
        )
        settled(browser)
        assert browser.run(script) == pytest.approx(rows[step], rel=0.02, abs=1e-3)


def test_picture_is_bright_where_a_word_looked(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["picture"])
    browser.wait("return document.querySelectorAll('#images canvas').length === 8")
    script = (
        "return [...document.querySelectorAll('#images canvas')].map(c => {"
        "const at = x => [...c.getContext('2d').getImageData(x * c.width, c.height * .92, 1, 1).data].slice(0, 3)"
        ".reduce((a, b) => a + b); return at(.1) - at(.9)})"
    )
    sides = browser.run(script)
    # "red" looked to the left, "blue" to the right; the ground at the lower edge is the same everywhere.
    assert sides[1] > 5
    assert sides[5] < -5
    assert browser.run("return document.querySelectorAll('#attention').length") == 0


def test_diagnosis_and_flags_are_told_in_the_language_of_the_page(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["word"])
    text = browser.run("return document.body.innerText")
    assert "Gradients fall under 1% after 14 steps" in text
    assert "Found on 100 other texts of the training file (2,410 steps), scored on 100 more (2,388 steps)." in text
    browser.key("l")
    settled(browser)
    text = browser.run("return document.body.innerText")
    assert "기울기가 14 시점 만에 1% 아래로 떨어집니다." in text
    assert "괄호 안" in text
    assert "1층, 앞에서부터 · c 30" in text
    assert "Gradients" not in text


def test_lines_of_many_steps_cover_what_a_path_would(browser: Browser, pages: dict[str, Path]) -> None:
    """Crowded lines are drawn by columns of pixels; what is drawn differs by the smooth edges of a path alone."""
    opened(browser, pages["series"], 900)
    script = """
    const plot = document.querySelector('#unit canvas'), context = plot.getContext('2d'), {state} = unroll.room;
    const frames = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))));
    const covered = () => {
      const {data, width, height} = context.getImageData(0, 0, plot.width, plot.height), columns = [];
      for (let x = 80; x < width - 20; x++) {
        let [top, bottom] = [height, 0];
        // The tracks are coloured, the grid and the numbers are grey.
        for (let y = 0, at = 4 * x; y < height; y++, at += 4 * width) {
          const part = [data[at], data[at + 1], data[at + 2]];
          if (data[at + 3] > 100 && Math.max(...part) - Math.min(...part) > 60) [top, bottom] = [Math.min(top, y), y];
        }
        columns.push([top, bottom]);
      }
      return columns;
    };
    await frames();
    const path = covered(), ratio = window.devicePixelRatio;
    Object.defineProperty(window, "devicePixelRatio", {value: 2.5, configurable: true, writable: true});
    state.set({to: 95.999});
    await frames();
    const columns = covered();
    window.devicePixelRatio = ratio;
    return [path, columns];
    """
    path, columns = (np.array(one) for one in browser.run(f"return (async () => {{{script}}})()"))
    assert np.ptp(path) > 80
    assert not np.array_equal(path, columns), "both were drawn in the same way"
    # A line of 4 pixels in the place of one of 2; here and there the grey line lies over a coloured one.
    assert np.median(np.abs(path - columns)) <= 2
    assert np.quantile(np.abs(path - columns), 0.85) <= 6


def test_hostile_text_is_shown_and_runs_nothing(browser: Browser, pages: dict[str, Path]) -> None:
    opened(browser, pages["hostile"])
    for key in ("ArrowRight", "m", "l", "t", "s", "d"):
        browser.key(key)
    settled(browser)
    assert browser.run("return document.title").startswith("</script><script>document.title = 'run'</script>")
    assert browser.run("return document.querySelectorAll('img, iframe, object, main script').length") == 0
    text = browser.run("return document.body.innerText")
    assert "<img src=x onerror=" in text
    assert "[U+202E]gnp.exe" in text
    assert "[U+DCFF]" in text
    assert not {"\u202e", "\u2066", "\x1b", "\x00"} & set(text)
    assert browser.said() == []
