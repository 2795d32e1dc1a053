"""Views that are made up, of every shape that a page may get.

`python tests/viewer/made.py FOLDER` writes a page of every kind.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from unroll.inspect import Attention, Looks, Searched, Trace, Track, View
from unroll.viewer import look_html, scene_of
from unroll.viewer.scene import Memory, Shown

SENTENCE = (
    "The film opens slowly , but once the old detective finds the letter that his sister hid under the piano , nothing"
    " is what it seemed and I was not bored for a single minute ."
)
KOREAN = "처음에는 조금 지루했지만 형사가 피아노 밑에서 누나의 편지를 찾은 뒤로는 한 순간도 눈을 뗄 수 없었습니다 ."


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm_track(tokens: tuple[str, ...], units: int, seed: int, title: tuple[int, str] = (0, "forward")) -> Track:
    """An LSTM that was never trained, with forget gates of many time scales, so that there is something to see."""
    rng = np.random.default_rng(seed)
    steps = len(tokens)
    inputs = rng.normal(size=(steps, units)).astype(np.float32)
    scale = np.linspace(-1.0, 5.0, units)
    f = sigmoid(scale + 0.6 * rng.normal(size=(steps, units)))
    i = sigmoid(-0.5 + 1.8 * rng.normal(size=(steps, units)))
    o = sigmoid(0.5 + rng.normal(size=(steps, units)))
    g = np.tanh(inputs)
    c = np.zeros((steps, units))
    state = np.zeros(units)
    order = range(steps) if title[1] == "forward" else range(steps - 1, -1, -1)
    for t in order:
        state = f[t] * state + i[t] * g[t]
        c[t] = state
    h = o * np.tanh(c)
    values = {name: value.astype(np.float32) for name, value in zip("hcifgo", (h, c, i, f, g, o), strict=True)}
    depth, direction = title
    return Track(f"layers.{depth}", depth, direction, "LSTMCell(8, 8)", "native", tokens, ("h", "c"), values)


def memory_of(track: Track) -> Memory:
    """What is left of each step's writing at each later one, by the product of the forget gates between."""
    f, i, g = (track.values[name].astype(np.float64) for name in "fig")
    steps = len(f)
    left = np.zeros((steps, steps))
    for t in range(steps):
        weight = np.ones(f.shape[1])
        for s in range(t, -1, -1):
            left[t, s] = np.abs(weight * i[s] * g[s]).sum()
            weight = weight * f[s]
    return Memory(range(steps), left / left.sum(axis=1, keepdims=True), "gates")


def sentence_view(text: str, *, units: int = 48, seed: int = 0, layers: int = 1, both: bool = False) -> Shown:
    tokens = tuple(text.split())
    tracks = [
        lstm_track(tokens, units, seed + 7 * depth + (direction == "backward"), (depth, direction))
        for depth in range(layers)
        for direction in (("forward", "backward") if both else ("forward",))
    ]
    rng = np.random.default_rng(seed)
    lags = np.arange(len(tokens))
    gradients = {
        track.title: np.exp(-lags / (3 + 5 * index)) * (1 + 0.2 * rng.random(len(tokens)))
        for index, track in enumerate(tracks)
    }
    horizons = {
        name: next((int(k) for k in lags if values[k] < 0.01 * values[0]), None) for name, values in gradients.items()
    }
    heat = rng.dirichlet(np.full(len(tokens), 0.3), size=len(tokens)).astype(np.float32)
    view = View(
        "made up",
        Trace("text", tokens, None, tuple(tracks), (Attention("attention", heat),)),
        gradients,
        horizons,
        {"gradient x input": rng.normal(size=len(tokens))},
        (
            {
                "kind": "vanishing",
                "what": "Gradients fall under 1% after 14 steps; rows are 36 steps long.",
                "numbers": "layer 1, forward, LSTMCell(8, 8): the gradient by c is 0.9 % of itself after 14 steps",
                "try": "If what matters lies further back, try a layer that starts with long memories.",
                "ko": {
                    "what": "기울기가 14 시점 만에 1% 아래로 떨어집니다. 전체 길이는 36 시점입니다.",
                    "numbers": "1층, 앞에서부터, LSTMCell(8, 8): c 상태에 대한 기울기가 14 시점 뒤 처음의 0.9%",
                    "try": "더 앞의 것이 중요하다면 긴 기억으로 시작하는 층을 써 보세요.",
                },
            },
            {
                "kind": "dead",
                "what": "6% of the units never move.",
                "numbers": "units 1, 7, 30",
                "try": "Try fewer units: --hidden-size.",
                "ko": {
                    "what": "유닛의 6%가 전혀 움직이지 않습니다.",
                    "numbers": "유닛 1, 7, 30",
                    "try": "--hidden-size로 유닛 수를 줄여 보세요.",
                },
            },
        ),
        (
            {
                "track": tracks[0].title,
                "state": "c",
                "unit": 30,
                "property": "inside brackets",
                "precision": 0.93,
                "recall": 0.97,
                "f1": 0.95,
                "shuffled": 0.21,
            },
        ),
        {"label": "positive", "probabilities": {"positive": 0.93, "negative": 0.07}},
        Searched(100, 2410, 2388),
    )
    return Shown(f"{seed + 1}: {text[:24]}…", view, text, memory_of(tracks[0]))


def tagged_view() -> Shown:
    """A tag for each word, and for each word what decided its tag."""
    one = sentence_view("The old detective found the letter under the piano .", seed=3, both=True)
    steps = len(one.view.trace.labels)
    rng = np.random.default_rng(3)
    distance = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    rows = np.exp(-distance / 1.5) * rng.normal(0.4, 1, size=(steps, steps))
    tags = ["DET", "ADJ", "NOUN", "VERB", "DET", "NOUN", "ADP", "DET", "NOUN", "PUNCT"]
    view = replace(one.view, answer={"tags": tags}, saliency={"gradient x input": rows})
    return one._replace(view=view)


def series_view() -> Shown:
    """A forecaster on a series with a season."""
    t = np.arange(96)
    steps = tuple(map(str, t))
    values = (np.sin(2 * np.pi * t / 12) + t / 40 + 0.2 * np.random.default_rng(4).normal(size=96))[:, None]
    track = lstm_track(steps, 24, 4)
    name = "gradient x input"
    view = View(
        "made up",
        Trace("series", steps, values.astype(np.float32), (track,), ()),
        {track.title: np.exp(-t / 9)},
        {track.title: 42},
        {name: np.exp(-(95 - t) / 8) * np.cos(2 * np.pi * t / 12)},
    )
    return Shown("sales", view, "", memory_of(track), "forecast")


def picture_view() -> Shown:
    """A captioner that looked at a picture of two squares."""
    words = ("▸", "a", "red", "square", "beside", "a", "blue", "one")
    pixels = np.full((40, 72, 3), 236, np.uint8)
    pixels[10:30, 8:28], pixels[12:28, 46:62] = (214, 60, 48), (48, 84, 200)
    across = np.linspace(0, 1, 9)[None, None, :]
    down = np.linspace(0, 1, 5)[None, :, None]
    centres = np.array([0.3, 0.25, 0.25, 0.5, 0.6, 0.75, 0.75, 0.5])[:, None, None]
    maps = np.exp(-(((across - centres) / 0.16) ** 2) - ((down - 0.5) / 0.4) ** 2)
    looked = Looks(
        "captioner.decoder.attention", pixels, (*words[1:], "■"), maps / maps.sum(axis=(1, 2), keepdims=True)
    )
    trace = Trace("text", words, None, (lstm_track(words, 24, 5),), ())
    answer = {"caption": "a red square beside a blue one"}
    return Shown("1.png", View("made up", trace, answer=answer, looks=(looked,)), "", None, "written")


def page(*shown: Shown, title: str = "runs/reviews", language: str | None = "en") -> str:
    return look_html(scene_of(title, "classify · LSTM · 48 units", shown, language=language))


def kinds() -> dict[str, str]:
    """A page of every kind."""
    return {
        "word": page(sentence_view(SENTENCE)),
        "korean": page(sentence_view(KOREAN), language="ko"),
        "deep": page(sentence_view(SENTENCE, layers=2, both=True)),
        "tagged": page(tagged_view(), title="runs/tagger"),
        "series": page(series_view(), title="runs/sales"),
        "picture": page(picture_view(), title="runs/captions"),
        "two": page(sentence_view(SENTENCE), sentence_view(SENTENCE.replace("not bored", "very bored"), seed=1)),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind, text in kinds().items():
        (folder / f"{kind}.html").write_text(text, encoding="utf-8")
