"""CTC's loss against all paths, and a recogniser that sees no padding and reads a stream as it reads the whole."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from unroll.cells import CELLS
from unroll.models.encoders import recurrent_stack
from unroll.models.recognizer import Recognizer, ctc_loss, least_steps
from unroll.models.spec_augment import SpecAugment


def network(*, both: bool = False, delay: int = 0) -> Recognizer:
    torch.manual_seed(0)
    cells = [tuple(CELLS["lstm"](size, 5) for _ in range(1 + both)) for size in (6, 5 * (1 + both))]
    made = Recognizer(recurrent_stack(cells), 3, 2, frames=3, delay=delay)
    made.mean.copy_(torch.tensor([1.0, -1.0]))
    made.scale.copy_(torch.tensor([0.5, 2.0]))
    return made.eval()


@pytest.mark.parametrize("letters", [[], [1], [1, 2], [2, 2], [1, 2, 1]])
def test_the_loss_is_the_sum_over_all_paths(letters: list[int]) -> None:
    torch.manual_seed(len(letters))
    log_p = torch.randn(5, 3, dtype=torch.float64).log_softmax(dim=1)
    total = 0.0
    for path in itertools.product(range(3), repeat=5):
        if [letter for letter, _ in itertools.groupby(path) if letter] == letters:
            total += math.exp(sum(float(log_p[step, letter]) for step, letter in enumerate(path)))
    found = ctc_loss(log_p[None], torch.tensor([5]), [letters])
    assert float(found) == pytest.approx(-math.log(total), rel=1e-5)


def test_the_loss_of_a_batch_is_the_sum_of_its_rows() -> None:
    torch.manual_seed(0)
    log_p = torch.randn(2, 6, 4).log_softmax(dim=2)
    both = ctc_loss(log_p, torch.tensor([6, 4]), [[1, 2], [3]])
    each = ctc_loss(log_p[:1], torch.tensor([6]), [[1, 2]]) + ctc_loss(log_p[1:, :4], torch.tensor([4]), [[3]])
    assert float(both) == pytest.approx(float(each), rel=1e-6)


def test_a_text_that_does_not_fit_is_refused() -> None:
    assert least_steps([1, 1, 2]) == 4
    with pytest.raises(ValueError, match="row 0 needs 4 steps for its letters, it has 3"):
        ctc_loss(torch.zeros(1, 3, 4), torch.tensor([3]), [[1, 1, 2]])


@pytest.mark.parametrize("both", [False, True])
def test_padding_is_not_seen(both: bool) -> None:
    made = network(both=both, delay=2)
    x = torch.randn(2, 11, 2)
    x[1, 7:] = math.nan
    log_p, steps = made(x, torch.tensor([11, 7]))
    assert steps.tolist() == [4, 3]
    alone, _ = made(x[1:, :7], torch.tensor([7]))
    torch.testing.assert_close(log_p[1, :3], alone[0], atol=1e-6, rtol=1e-5)


def test_steps_in_pieces_are_the_steps_of_the_whole() -> None:
    made = network(delay=2)
    x = torch.randn(1, 12, 2)
    whole, _ = made(x, torch.tensor([12]))
    first, state = made.read(made.stacked(made.normalised(x[:, :6]), ended=False))
    second, _ = made.read(made.stacked(made.normalised(x[:, 6:])), state)
    torch.testing.assert_close(torch.cat([first, second], dim=1)[:, 2:], whole, atol=1e-6, rtol=1e-5)


def test_which_network_reads_both_ways() -> None:
    assert network(both=True).both_ways
    assert not network().both_ways


def test_masks_hide_stretches_and_nothing_else() -> None:
    torch.manual_seed(1)
    augment = SpecAugment(masks=2, bands=0.5, frames=0.4)
    x = torch.randn(50, 20, 8)
    fill = torch.arange(8.0) + 10
    lengths = torch.full((50,), 20)
    found = augment.hidden(x, lengths, fill)
    changed = found != x
    assert (found[changed] == fill.expand_as(found)[changed]).all()
    frames, bands = changed.all(dim=2), changed.all(dim=1)
    assert (changed == (frames.unsqueeze(2) | bands.unsqueeze(1))).all()
    assert frames.any()
    assert bands.any()
    assert int(frames.sum(dim=1).max()) <= 2 * (0.4 * 20 + 1)
    assert torch.equal(SpecAugment(masks=0).hidden(x, lengths, fill), x)


def test_a_voice_moves_every_band_of_a_recording_by_one_factor() -> None:
    torch.manual_seed(0)
    bands = np.arange(20.0)
    x = torch.from_numpy(bands**2).float().expand(50, 3, 20)
    assert torch.equal(SpecAugment(voice=0.0).voiced(x), x)
    found = SpecAugment(voice=0.2).voiced(x)
    factors = set()
    for row in found.numpy():
        assert (row == row[0]).all()
        # The square of the band at factor * 10, between its neighbours in a straight line.
        factor = float(np.interp(row[0, 10], bands**2, bands)) / 10
        wanted = np.interp(np.minimum(np.arange(20) * factor, 19), bands, bands**2)
        assert row[0] == pytest.approx(wanted, rel=1e-4, abs=1e-3)
        factors.add(round(factor, 6))
    assert len(factors) == 50
    assert 0.8 <= min(factors) < 0.85
    assert 1.15 < max(factors) <= 1.2


def test_a_stretch_keeps_both_ends_and_the_frames_that_the_text_needs() -> None:
    torch.manual_seed(2)
    x = torch.arange(10.0).reshape(1, 10, 1).repeat(200, 1, 2)
    lengths = torch.full((200,), 10)
    found, wanted = SpecAugment(stretch=0.5).stretched(x, lengths, torch.full((200,), 8))
    assert 8 <= int(wanted.min()) < int(wanted.max()) <= 15
    for row in range(200):
        own = found[row, : wanted[row], 0]
        expected = torch.linspace(0, 9, int(wanted[row]))
        torch.testing.assert_close(own, expected)


def test_louder_is_a_constant_in_every_band() -> None:
    torch.manual_seed(3)
    x = torch.randn(100, 4, 3)
    added = SpecAugment(loudness=6.0).louder(x) - x
    assert float(added.std(dim=(1, 2)).max()) < 1e-6
    most = 6.0 * math.log(10) / 10
    assert most * 0.9 < float(added.max()) <= most + 1e-5
