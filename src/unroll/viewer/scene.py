"""From what was measured to what the page shows: the same values under the names that `web/look/src/scene.ts` has.

Shapes: T steps, H hidden size, R steps at which the memory was asked.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from unroll.inspect import Trace, Track, View
from unroll.viewer.pack import Packer, bits_for

#: Characters of one step's name that the page gets; the rest is said as a count.
LONGEST = 400

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
        about: of each method of saliency, what it measures.
    """

    name: str
    view: View
    text: str = ""
    memory: Memory | None = None
    about: Mapping[str, str] = {}


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
        "layers": [_layer(track, trace, packer) for track in trace.tracks],
        "memory": memory,
        "saliency": [
            {"name": name, "about": one.about.get(name, name), "values": _numbers(values)}
            for name, values in view.saliency.items()
        ],
        "lags": list(_lags(view)),
        "matrices": [
            {
                "name": looked.module,
                "rows": _names(looked.weights.shape[0], tokens),
                "columns": _names(looked.weights.shape[1], tokens),
                "block": packer.block(looked.weights),
            }
            for looked in trace.attention
        ],
        "images": [],
        "flags": [_flag(flag) for flag in view.flags],
        "diagnosis": [_finding(finding) for finding in view.findings],
        "answer": answer_text(view.answer),
    }


def _layer(track: Track, trace: Trace, packer: Packer) -> dict[str, Any]:
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
        "timescales": _timescales(track),
    }


def _kind(name: str, values: np.ndarray, track: Track) -> str:
    """Gates from 0 to 1 are shares; all else may have either sign."""
    if name not in track.states and values.size and np.nanmin(values) >= 0 and np.nanmax(values) <= 1:
        return "share"
    return "signed"


def _timescales(track: Track) -> list[float | None] | None:
    """(H,) steps that each unit holds on: -1 / mean(ln f) of the gate that keeps.

    Source: Tallec and Ollivier 2018, "Can recurrent neural networks warp time?", section 2: a leak of 1 - f forgets
    within 1 / (1 - f) steps; the geometric mean over steps is what a product of gates decays by.
    """
    gate = next((name for name in ("f", "z") if name in track.values and name not in track.states), None)
    if gate is None:
        return None
    logs = np.log(np.clip(track.values[gate].astype(np.float64), 1e-12, 1.0)).mean(axis=0)
    return [None if mean > -1e-9 else round(float(-1 / mean), 3) for mean in logs]


def _lags(view: View) -> Iterator[dict[str, Any]]:
    for name, gradients in view.gradients.items():
        first = float(gradients[0]) if len(gradients) and gradients[0] > 0 else math.nan
        shares = [float(value) / first for value in gradients]
        yield {"name": name, "values": _numbers(shares), "horizon": view.horizons.get(name), "timescale": None}


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


def _finding(finding: Mapping[str, str]) -> dict[str, Any]:
    numbers = finding.get("numbers", "")
    return {
        "text": finding.get("what", ""),
        "advice": finding.get("try", ""),
        "figures": [["", numbers]] if numbers else [],
        "grave": finding.get("kind", "healthy") != "healthy",
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
    said = next((value for name in ("label", "word") if isinstance(value := answer.get(name), str)), "")
    if said:
        chance = chances.get(said)
        return _cut(f"{said} ({chance:.0%})" if isinstance(chance, float) else said)
    for name in ("labels", "tags"):
        if isinstance(answer.get(name), list):
            return _cut(", ".join(map(str, answer[name])))
    return ""


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
