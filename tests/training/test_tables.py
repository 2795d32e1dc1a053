"""Gradients by touched rows, against torch's own gradients, clipping and AdamW of whole tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.toy import settings
from unroll.models.classifier import FeatureEmbedding
from unroll.training import Loss, processes
from unroll.training.tables import Tables, rows_of, with_rows
from unroll.training.update import Updater


class Words(nn.Module):
    """Three tables that are large enough: of features, of words, and one that also scores every word."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = FeatureEmbedding(8192, 64).double()
        self.words = nn.Embedding(8192, 64, padding_idx=0).double()
        self.tied = nn.Embedding(8192, 64).double()
        self.small = nn.Embedding(2000, 64).double()

    def forward(self, ids_BT: Tensor) -> Tensor:
        counts = torch.ones(ids_BT.shape, dtype=torch.int64)
        counts[:, ::2] = 2
        each = ids_BT.flatten().repeat_interleave(counts.flatten())
        steps = torch.full((len(ids_BT),), ids_BT.shape[1])
        x = self.features(each, counts.flatten(), steps) + self.words(ids_BT) + self.tied(ids_BT)
        x = x + self.small(ids_BT % 2000)
        return (torch.tanh(x) @ self.tied.weight[:50].T).square().sum((1, 2))


class Learner:
    """Rows of words. The loss counts an item for each row but the first."""

    def __init__(self, scale: float) -> None:
        self.model: Any = Words()
        self.scale = scale
        self.ids_BT = torch.randint(1, 8192, (40, 9), generator=torch.Generator().manual_seed(1))
        self.ids_BT[3] = self.ids_BT[4]
        self.ids_BT[:, -1] = 0

    def parameter_groups(self, learning_rate: float) -> list[dict[str, Any]]:
        return [{"params": list(self.model.parameters()), "lr": learning_rate}]

    def loss(self, model: nn.Module, rows: np.ndarray, device: torch.device) -> Loss:
        total = self.scale * model(self.ids_BT[torch.from_numpy(rows)]).sum()
        return Loss(total, len(rows) - 1, 9 * len(rows))


@pytest.mark.parametrize("scale", [1e-6, 1.0], ids=["not clipped", "clipped"])
def test_steps_are_those_of_torch_on_whole_gradients(scale: float) -> None:
    learner, plain = Learner(scale), Learner(scale)
    updater = Updater(learner, settings(), processes())  # type: ignore[arg-type]
    optimizer = torch.optim.AdamW(plain.model.parameters(), lr=0.02, weight_decay=settings().weight_decay)
    for step in range(4):
        rows = np.arange(10 * step, 10 * step + 10)
        done = updater.step(rows, 0.5, list)
        optimizer.zero_grad()
        loss = plain.loss(plain.model, rows, torch.device("cpu"))
        (loss.total / loss.items).backward()
        norm = nn.utils.clip_grad_norm_(plain.model.parameters(), settings().clip_norm)
        optimizer.param_groups[0]["lr"] = updater.learning_rate
        optimizer.step()
        assert (norm > settings().clip_norm) == (scale == 1)
        torch.testing.assert_close(done.norm, norm, rtol=1e-12, atol=0)
        for ours, theirs in zip(learner.model.parameters(), plain.model.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_table_gives_its_touched_rows_and_one_used_otherwise_too_a_whole_gradient() -> None:
    learner = Learner(1.0)
    model = learner.model
    tables = Tables(model, wanted=True)
    with tables.by_rows():
        assert model.features.sparse
        assert model.words.sparse
        assert not model.small.sparse
        model(learner.ids_BT[:4]).sum().backward()
    assert not model.features.sparse
    expected = learner.ids_BT[:4].unique()
    assert torch.equal(rows_of(model.features.weight.grad), expected)
    # Padding has no gradient.
    assert torch.equal(rows_of(model.words.weight.grad), expected[1:])
    assert not model.tied.weight.grad.is_sparse
    assert not model.small.weight.grad.is_sparse
    model.zero_grad()
    with Tables(model, wanted=False).by_rows():
        model(learner.ids_BT[:4]).sum().backward()
    assert not model.features.weight.grad.is_sparse


def test_whole_gradients_hold_nothing_of_the_step_before() -> None:
    table = nn.Parameter(torch.zeros(2000, 3))
    tables = Tables(nn.Module(), wanted=True)
    for rows in ([1, 5, 1999], [2], []):
        chosen = torch.tensor(rows, dtype=torch.int64)
        values = torch.rand(len(rows), 3)
        table.grad = with_rows(chosen, values, table)
        expected = torch.zeros(2000, 3).index_copy(0, chosen, values)
        with tables.whole([table]):
            assert torch.equal(table.grad, expected)
            # What the optimiser's scaler may do to it.
            table.grad.mul_(2)
        assert table.grad is None


def test_modules_are_as_they_were_after_an_error() -> None:
    model = Words()
    with pytest.raises(RuntimeError, match="stop"), Tables(model, wanted=True).by_rows():
        raise RuntimeError("stop")
    assert not model.words.sparse
