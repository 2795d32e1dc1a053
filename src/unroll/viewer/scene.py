"""From what was measured to what the page shows: the same values under the names that `web/look/src/scene.ts` has.

Shapes: T steps, H hidden size, R steps at which the memory was asked.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.inspect import Looks, Trace, Track, View, gate_time_scales, time_scale
from unroll.viewer.pack import Packer, bits_for

#: Characters of one step's name that the page gets; the rest is said as a count.
LONGEST = 400

#: The share of a gradient up to which its curve is shown.
_LEAST = 1e-6
#: Where an answer holds what was said.
_SAID = ("label", "word", "translation", "answer", "caption", "text")
#: Letters that follow each other in running text, however many steps of one letter there are.
_SINGLE = 0.9


class Memory(NamedTuple):
    """How much of each step is still held at others.

    Attributes:
        at: the R steps that were asked at, ascending.
        shares: (R, T) each row sums to one.
        about: what was measured, in words.
    """

    at: Sequence[int]
    shares: np.ndarray
    about: str


class Shown(NamedTuple):
    """One model on one input, as the page is given it.

    Attributes:
        name: what tells it from the other one.
        view: what was measured.
        text: the text as it was written, if the steps are parts of one.
        memory: what is held where; None if that was not measured.
        decides: what saliency is about: the "answer", the "forecast", what was "written".
    """

    name: str
    view: View
    text: str = ""
    memory: Memory | None = None
    decides: str = "answer"


class Scene(NamedTuple):
    """What a page holds.

    Attributes:
        values: JSON-able, without the blocks.
        blocks: id -> packed numbers.
    """

    values: dict[str, Any]
    blocks: dict[str, str]


def scene_of(
    title: str,
    subtitle: str,
    shown: Sequence[Shown],
    *,
    language: str | None = None,
    notes: Sequence[str] = (),
    live: Mapping[str, Any] | None = None,
) -> Scene:
    """Pack one or two views for a page.

    Args:
        title: of the page.
        subtitle: one line on the model.
        shown: what is shown; of two, the page shows them beside each other and their difference.
        language: "en", "ko", or None for the reader's own.
        notes: what the reader must know, one sentence each.
        live: "address" and "every" (milliseconds) of a training run that the page follows.
    """
    count = sum(values.size for one in shown for track in one.view.trace.tracks for values in track.values.values())
    packer = Packer(bits_for(count))
    values = {
        "version": 1,
        "title": title,
        "subtitle": subtitle,
        "language": language,
        "views": [_view(one, packer) for one in shown],
        "notes": list(notes),
        "live": None if live is None else dict(live),
    }
    return Scene(values, packer.texts)


def _view(one: Shown, packer: Packer) -> dict[str, Any]:
    view, trace = one.view, one.view.trace
    tokens, gaps = _tokens(trace, one.text)
    tags = _tags(view.answer, len(tokens))
    memory = None
    if one.memory is not None:
        block = packer.block(one.memory.shares)
        memory = {"at": [int(step) for step in one.memory.at], "about": one.memory.about, "block": block}
    return {
        "name": one.name,
        "unit": _unit(trace),
        "tokens": tokens,
        "gaps": gaps,
        "series": _series(trace, packer),
        "layers": _layers(trace, packer),
        "memory": memory,
        "saliency": [_saliency(name, values, packer) for name, values in view.saliency.items()],
        "decides": one.decides,
        "lags": list(_lags(view)),
        "matrices": [
            {
                "name": looked.module,
                "rows": [_cut(row) for row in looked.rows] or _names(looked.weights.shape[0], tokens),
                "columns": _names(looked.weights.shape[1], tokens),
                "block": packer.block(looked.weights),
            }
            for looked in trace.attention
            # Cells of a picture are shown in the picture.
            if looked.module not in {seen.module for seen in view.looks}
        ],
        "images": [_image(seen, packer) for seen in view.looks],
        "flags": [_flag(flag) for flag in view.flags],
        "searched": None if view.searched is None else view.searched._asdict(),
        "diagnosis": [_finding(finding) for finding in view.findings],
        "answer": "" if tags else answer_text(view.answer),
        "tags": tags,
    }


def _layers(trace: Trace, packer: Packer) -> list[dict[str, Any]]:
    scales = gate_time_scales(trace)
    return [_layer(track, trace, scales.get(track.title), packer) for track in trace.tracks]


def _layer(track: Track, trace: Trace, scales: np.ndarray | None, packer: Packer) -> dict[str, Any]:
    units = max(values.shape[1] for values in track.values.values())
    return {
        "name": track.title,
        "cell": track.cell.split("(")[0].removesuffix("Cell"),
        "direction": -1 if track.direction == "backward" else 1,
        "units": units,
        "tokens": None if track.labels == trace.labels else [_cut(label) for label in track.labels],
        "tracks": [
            {"name": name, "kind": _kind(name, values, track), "block": packer.block(values.T)}
            for name, values in track.values.items()
        ],
        "timescales": None
        if scales is None
        else [round(float(one), 3) if math.isfinite(one) else None for one in scales],
    }


def _kind(name: str, values: np.ndarray, track: Track) -> str:
    """Gates from 0 to 1 are shares; all else may have either sign."""
    if name not in track.states and values.size and np.nanmin(values) >= 0 and np.nanmax(values) <= 1:
        return "share"
    return "signed"


def _saliency(name: str, values: np.ndarray, packer: Packer) -> dict[str, Any]:
    """One number for each step, or a row of them for the choice at each step."""
    if values.ndim == 1:
        return {"name": name, "values": _numbers(values), "rows": None}
    return {"name": name, "values": _numbers(values[-1]), "rows": packer.block(values)}


def _image(seen: Looks, packer: Packer) -> dict[str, Any]:
    height, width, channels = seen.pixels.shape
    return {
        "name": seen.module,
        "width": width,
        "height": height,
        "channels": channels,
        "pixels": packer.block(seen.pixels.reshape(-1, channels).T),
        "labels": [_cut(label) for label in seen.labels],
        "mapWidth": seen.maps.shape[2],
        "mapHeight": seen.maps.shape[1],
        "maps": packer.block(seen.maps.reshape(len(seen.maps), -1)),
    }


def _lags(view: View) -> Iterator[dict[str, Any]]:
    for name, gradients in view.gradients.items():
        first = float(gradients[0]) if len(gradients) and gradients[0] > 0 else math.nan
        shares = gradients / first
        # Nobody learns from what is left further back, and its powers of ten would squeeze the rest.
        far = int(np.flatnonzero(shares > _LEAST)[-1]) + 1 if (shares > _LEAST).any() else len(shares)
        yield {
            "name": name,
            "values": _numbers(shares[: far + 1]),
            "horizon": view.horizons.get(name),
            "timescale": None if math.isnan(tau := time_scale(gradients)) or tau <= 0 else round(min(tau, 1e9), 3),
        }


def _flag(flag: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "layer": str(flag["track"]),
        "state": str(flag.get("state", "h")),
        "unit": int(flag["unit"]),
        "property": str(flag["property"]),
        "precision": float(flag["precision"]),
        "recall": float(flag["recall"]),
        "f1": float(flag["f1"]),
        "chance": None if flag.get("shuffled") is None else float(flag["shuffled"]),
    }


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    """In both languages; what has no Korean is shown as it is."""
    said = {name: str(finding.get(name, "")) for name in ("what", "numbers", "try")}
    korean = finding.get("ko", {})
    return {
        "kind": finding.get("kind", ""),
        "grave": finding.get("kind", "healthy") != "healthy",
        "en": said,
        "ko": {name: str(korean.get(name, text)) for name, text in said.items()},
    }


def answer_text(answer: object) -> str:
    """What a model said, as one short line; empty if that has no short form.

    Example:
        >>> answer_text({"label": "spam", "probabilities": {"spam": 0.931, "ham": 0.069}})
        'spam (93%)'
    """
    if not isinstance(answer, Mapping):
        return "" if answer is None else _cut(str(answer))
    chances = next((value for value in answer.values() if isinstance(value, Mapping)), {})
    said = next((value for name in _SAID if isinstance(value := answer.get(name), str)), "")
    if said:
        chance = chances.get(said)
        return _cut(f"{said} ({chance:.0%})" if isinstance(chance, float) else said)
    for name in ("labels", "tags"):
        if isinstance(answer.get(name), list):
            return _cut(", ".join(map(str, answer[name])))
    return ""


def _tags(answer: object, count: int) -> list[str] | None:
    """What was said of each step, if that is what was said."""
    tags = answer.get("tags") if isinstance(answer, Mapping) else None
    return [_cut(str(tag)) for tag in tags] if isinstance(tags, list) and len(tags) == count else None


def _series(trace: Trace, packer: Packer) -> dict[str, Any] | None:
    if trace.series is None:
        return None
    columns = trace.series.shape[1]
    return {"names": [str(column + 1) for column in range(columns)], "block": packer.block(trace.series.T)}


def _unit(trace: Trace) -> str:
    """Whether the steps are words, single characters, or numbers."""
    if trace.kind != "text":
        return "step"
    known = [label for label in trace.labels if label]
    single = sum(len(label) == 1 for label in known)
    return "character" if known and single >= _SINGLE * len(known) else "word"


def _tokens(trace: Trace, text: str) -> tuple[list[str], list[str] | None]:
    """What the steps are called, and what stands before each in the text: white space at the edge of a piece belongs
    there."""
    labels = trace.labels
    if _unit(trace) != "word":
        return [_cut(label) or "·" for label in labels], None
    folded = unicodedata.normalize("NFC", text).casefold()
    tokens: list[str] = []
    gaps: list[str] = []
    place = 0
    for label in labels:
        bare = label.strip()
        at = folded.find(bare.casefold(), place) if bare else -1
        if at >= 0:
            between = folded[place:at]
            gaps.append(between if between.isspace() or not between else " ")
            place = at + len(bare)
        else:
            gaps.append(" " if not folded or label[:1].isspace() else "")
        tokens.append(_cut(bare or label) or "·")
    return tokens, [_white(gap) for gap in gaps]


def _white(gap: str) -> str:
    """One line break or one space for whatever stood there."""
    return "\n" if "\n" in gap else " " if gap else ""


def _names(count: int, tokens: Sequence[str]) -> list[str]:
    return list(tokens) if count == len(tokens) else [str(row + 1) for row in range(count)] if count > 1 else ["→"]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)"


def _numbers(values: Any) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
