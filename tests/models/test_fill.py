"""The model of a gap: what it must not see, and what it must."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unroll.cells import CELLS
from unroll.errors import ConfigError
from unroll.ids import FIRST_ID
from unroll.models.both_ways import BothWays, one_way
from unroll.models.fill import GapModel, GapModels

V, T = 9, 6
LENGTHS = torch.tensor([6, 4, 1, 0])


def model(cell: str = "lstm", *, both: bool = True, layers: int = 2) -> GapModel:
    torch.manual_seed(0)
    sizes = [3, *[5] * layers]
    back = one_way(CELLS[cell], sizes, reverse=True) if both else None
    return GapModel(V, BothWays(one_way(CELLS[cell], sizes), back)).double()


def rows() -> Tensor:
    ids = torch.randint(FIRST_ID, V, (4, T), generator=torch.Generator().manual_seed(1))
    return ids * (torch.arange(T) < LENGTHS.unsqueeze(1))


@pytest.mark.parametrize("cell", list(CELLS))
@pytest.mark.parametrize("both", [True, False])
def test_the_token_in_the_gap_is_never_seen(cell: str, both: bool) -> None:
    """Whatever stands at a position, what is known of that position keeps its bits; what is known of others changes."""
    gap = model(cell, both=both)
    before = gap.contexts(rows(), LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        for at in range(length):
            changed = rows()
            changed[row, at] = (changed[row, at] - FIRST_ID + 3) % (V - FIRST_ID) + FIRST_ID
            after = gap.contexts(changed, LENGTHS)
            same = [torch.equal(before[row, t], after[row, t]) for t in range(length)]
            # The left side alone knows nothing of what comes later.
            assert same == [t == at or (not both and t < at) for t in range(length)]


def test_a_context_is_what_two_readers_of_its_two_sides_know() -> None:
    """Computed a second time, one gap at a time, from the tokens left of it and the tokens right of it alone."""
    gap = model(layers=1)
    found = gap.contexts(rows(), LENGTHS)
    edge = gap.embedding.weight[0].view(1, 1, -1)
    for row, length in enumerate(LENGTHS.tolist()):
        vectors = gap.embedding(rows()[row : row + 1, :length])
        for at in range(length):
            left, _ = gap.encoder.forwards(torch.cat([edge, vectors[:, :at]], dim=1))
            assert gap.encoder.backwards is not None
            right, _ = gap.encoder.backwards(torch.cat([vectors[:, at + 1 :], edge], dim=1))
            expected = torch.tanh(gap.project(torch.cat([left[0, -1], right[0, 0]])))
            torch.testing.assert_close(found[row, at], expected, rtol=1e-12, atol=1e-12)


def test_the_loss_is_that_of_the_known_tokens_alone() -> None:
    gap = model()
    ids = rows()
    ids[0, 2] = 1
    scores = gap.scores(gap.contexts(ids, LENGTHS).flatten(0, 1)).unflatten(0, ids.shape).log_softmax(dim=-1)
    expected = -sum(
        scores[row, at, ids[row, at] - FIRST_ID]
        for row, length in enumerate(LENGTHS.tolist())
        for at in range(length)
        if ids[row, at] >= FIRST_ID
    )
    torch.testing.assert_close(gap(ids, LENGTHS), torch.as_tensor(expected))
    other = model(both=False)
    together = GapModels(gap, other)(ids, LENGTHS)
    torch.testing.assert_close(together, gap(ids, LENGTHS) + other(ids, LENGTHS))


def test_stacks_that_do_not_fit_are_refused() -> None:
    cell = CELLS["gru"]
    with pytest.raises(ConfigError, match="input size 3, got batch_first=True, input size 4"):
        BothWays(one_way(cell, [3, 5]), one_way(cell, [4, 5], reverse=True))


def test_one_stack_and_two_give_a_classifier_what_it_asks_for() -> None:
    cell = CELLS["lstm"]
    encoder = BothWays(one_way(cell, [3, 5, 5]), one_way(cell, [3, 5, 5], reverse=True))
    x = torch.randn(4, T, 3)
    encoded = encoder(x, LENGTHS)
    assert encoded.y.shape == (4, T, encoder.output_size)
    for row, length in enumerate(LENGTHS.tolist()):
        if length:
            torch.testing.assert_close(encoded.last[row, :5], encoded.y[row, length - 1, :5])
            torch.testing.assert_close(encoded.last[row, 5:], encoded.y[row, 0, 5:])
    alone = BothWays(encoder.forwards, None)(x, LENGTHS)
    torch.testing.assert_close(alone.last, encoded.last[:, :5])
