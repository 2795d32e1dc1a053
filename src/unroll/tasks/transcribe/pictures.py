"""Pictures of recordings: log-mel over time with the letters where the network has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from unroll.decoding.ctc import align
from unroll.models.recognizer import least_steps
from unroll.report import Section
from unroll.report.charts import Axis, Chart, Plot, Raster, Spans
from unroll.tasks.transcribe.network import letters_of
from unroll.tasks.transcribe.settings import Saved
from unroll.tasks.transcribe.sound import Ears

#: Recordings that are shown, and seconds of each at most.
SHOWN, _SECONDS = 6, 12.0


class Shown(NamedTuple):
    """A recording that is shown.

    Attributes:
        name: what it is called.
        features: (T, M).
        log_p: (S, V), log-probabilities of the network.
        gold: what is spoken.
        said: what was understood.
    """

    name: str
    features: np.ndarray
    log_p: np.ndarray
    gold: str
    said: str


def picture_section(shown: Sequence[Shown], saved: Saved, ears: Ears) -> Section:
    """Log-mel of some recordings, wrong ones first, with the letters that were understood."""
    text = (
        "Energy of the sound, dark where there is much, from low bands at the bottom to high ones at the top; above it"
        " the letters as they were understood, where the likeliest path of CTC has them (a letter may stand late or for"
        " a moment only: CTC learns which letters follow each other, not how long they last)."
    )
    return Section(
        "Recordings and where their letters are", text, charts=lambda: [_plot(one, saved, ears) for one in shown]
    )


def _plot(one: Shown, saved: Saved, ears: Ears) -> Chart:
    frame = ears.features.hop / ears.features.rate
    most = round(_SECONDS / frame)
    features = one.features[:most]
    bands = features.shape[1] if len(features) else 0
    end = len(features) * frame
    layers: list[Raster | Spans] = [Raster("", features.tolist(), 0.0, end, colour=1)]
    letters = letters_of(one.said, saved)
    if letters and least_steps(letters) <= len(one.log_p):
        step = ears.frames * frame
        placed = [own for own in align(one.log_p, letters) if own.first * step < end]
        labels = [saved.letters[own.letter - 1].replace(" ", "␣") for own in placed]
        starts, ends = [own.first * step for own in placed], [min(own.end * step, end) for own in placed]
        layers.append(Spans("", starts, ends, labels, float(bands), colour=2))
    right = "right" if one.gold == one.said else f"spoken: {one.gold}"
    said = one.said or "(nothing)"
    title = f"{one.name}: {said} ({right})"
    return Plot(title, layers, x=Axis(label="seconds"), y=Axis(label="mel band"), wide=one.features.shape[0] > 400)
