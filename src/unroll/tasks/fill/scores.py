"""What a model of the missing word is worth, and the gaps that show it.

Shapes: N tokens of a row, M gaps, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from unroll.data import Tokenizer, pad_tokens
from unroll.ids import FIRST_ID
from unroll.metrics.intervals import wilson
from unroll.models.fill import GapModel
from unroll.report import Section
from unroll.tasks.base import Score
from unroll.tasks.fill.data import Pieces, Rows

#: Tokens of rows that are scored at once, about; and gaps whose whole softmax is held at once.
_SCORED, _GAPS = 8_192, 2_048
#: Predictions that are compared with the missing word.
TOP = 5
#: Gaps that the report shows.
_SHOWN = 12


class Predicted(NamedTuple):
    """What was predicted for every gap of some rows.

    Attributes:
        truth: (M,) the missing tokens, -1 for an unknown one.
        best: (M, 5) tokens, the likeliest first.
        probability: (M, 5) theirs, among all that may fill a gap.
    """

    truth: np.ndarray
    best: np.ndarray
    probability: np.ndarray

    def metrics(self) -> dict[str, Score]:
        """The share of gaps whose token is the first prediction, or among five."""
        right = self.best == self.truth[:, None]
        counts = {"accuracy": int(right[:, 0].sum()), "top5_accuracy": int(right.any(axis=1).sum())}
        total = len(self.truth)
        return {name: Score(count / total, wilson(count, total)) for name, count in counts.items()}


def predict_gaps(model: GapModel, rows: Rows, fillers: np.ndarray) -> Predicted:
    """What a model predicts for the gaps of rows."""
    best, probability = likeliest(model.eval(), rows, fillers, TOP)
    return Predicted(rows.truth(), best, probability)


@torch.no_grad()
def likeliest(model: GapModel, rows: Rows, allowed: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest tokens of every gap, each as if it were the only one, and their probabilities.

    Args:
        model: in evaluation mode.
        rows: with their gaps.
        allowed: (V,) bool: which tokens may fill a gap.
        count: how many to give.

    Returns:
        (M, count) tokens and probabilities, for the gaps of the first row, then the second ...
    """
    device = model.bias.device
    forbidden = ~torch.from_numpy(allowed[FIRST_ID:]).to(device)
    best: list[np.ndarray] = [np.zeros((0, count), dtype=np.int64)]
    share: list[np.ndarray] = [np.zeros((0, count))]
    for at, end in _chunks([len(row) for row in rows.ids]):
        ids, lengths = pad_tokens([row.astype(np.int64) for row in rows.ids[at:end]])
        gaps = rows.gaps[at:end]
        where = [np.repeat(np.arange(end - at), [len(own) for own in gaps]), np.concatenate(gaps)]
        contexts = model.contexts(ids.to(device), lengths.to(device))[where[0], where[1]]
        for some in torch.split(contexts, _GAPS):
            logits = model.scores(some).masked_fill(forbidden, -torch.inf)
            top = logits.softmax(dim=-1).topk(min(count, logits.shape[1]))
            best.append(top.indices.cpu().numpy() + FIRST_ID)
            share.append(top.values.cpu().double().numpy())
    return np.concatenate(best), np.concatenate(share)


def _chunks(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring rows with about so many tokens together."""
    at, held = 0, 0
    for row, length in enumerate(lengths):
        held += length
        if held >= _SCORED or row + 1 == len(lengths):
            yield at, row + 1
            at, held = row + 1, 0


def gaps_section(tokenizer: Tokenizer, pieces: Pieces, rows: Rows, predicted: Predicted) -> Section:
    """Some gaps, evenly spread, with what was predicted for them."""
    places = [(row, int(at)) for row, gaps in enumerate(rows.gaps) for at in gaps]
    shown = []
    for number in np.linspace(0, len(places) - 1, min(_SHOWN, len(places))).astype(int):
        row, at = rows.ids[places[number][0]], places[number][1]
        left, right = tokenizer.decode(row[:at][-20:]), tokenizer.decode(row[at + 1 :][:20])
        listed = [
            f"{pieces.texts[token]} {100 * share:.0f}%"
            for token, share in zip(predicted.best[number][:3], predicted.probability[number], strict=False)
        ]
        missing = int(predicted.truth[number])
        truth = pieces.texts[missing] if missing >= 0 else "(a word that is not known)"
        shown.append({"text": f"{left} ___ {right}", "missing": truth, "answers": ", ".join(listed)})
    return Section("Gaps and answers", "Some gaps of this part, evenly spread.", shown)
