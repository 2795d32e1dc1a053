"""Story and span readers: closed forms, looking at every span, and rows that do not see the rows beside them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from unroll.cells import GRUCell
from unroll.errors import ConfigError
from unroll.models.encoders import RecurrentEncoder, recurrent_stack
from unroll.models.span import SpanReader, Spans, best_spans
from unroll.models.story import StoryReader, position_sum


def encoder(size: int, hidden: int = 4) -> RecurrentEncoder:
    return RecurrentEncoder(recurrent_stack([(GRUCell(size, hidden), GRUCell(size, hidden))]))


def story_reader() -> StoryReader:
    torch.manual_seed(0)
    return StoryReader(11, 5, encoder(12), size=6, hops=3, memory=4).double().eval()


def test_words_are_weighed_by_their_place_as_published() -> None:
    words = torch.randn(2, 5, 6, dtype=torch.float64)
    present = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    summed = position_sum(words, present)
    for row, count in enumerate((5, 3)):
        for k in range(1, 7):
            weights = [(1 - j / count) - (k / 6) * (1 - 2 * j / count) for j in range(1, count + 1)]
            by_hand = sum(w * float(words[row, j, k - 1]) for j, w in enumerate(weights))
            assert float(summed[row, k - 1]) == pytest.approx(by_hand, abs=1e-12)


def test_a_story_is_read_alike_alone_and_beside_longer_ones() -> None:
    model = story_reader()
    story = torch.tensor([[[3, 4, 0], [5, 0, 0], [0, 0, 0]], [[6, 7, 8], [9, 2, 0], [3, 3, 4]]])
    question = torch.tensor([[2, 0], [3, 4]])
    both = model(story, torch.tensor([2, 3]), question)
    alone = model(story[:1, :2, :2], torch.tensor([2]), question[:1, :1])
    torch.testing.assert_close(both.logits[:1], alone.logits)
    torch.testing.assert_close(both.attention[:1, :, :2], alone.attention)
    assert both.attention[0, :, 2].tolist() == [0.0, 0.0, 0.0]
    torch.testing.assert_close(both.attention.sum(dim=-1), torch.ones(2, 3, dtype=torch.float64))


def test_the_order_of_words_and_of_sentences_matters() -> None:
    model = story_reader()
    question, counts = torch.tensor([[2, 3]]), torch.tensor([2])
    told = torch.tensor([[[3, 4], [5, 6]]])
    said = model(told, counts, question).logits
    for other in (told.flip(1), told.flip(2)):
        assert (model(other, counts, question).logits - said).abs().max() > 1e-4


def test_a_story_without_sentences_has_an_answer() -> None:
    answered = story_reader()(torch.zeros(1, 1, 1, dtype=torch.int64), torch.tensor([0]), torch.tensor([[2]]))
    assert answered.logits.isfinite().all()
    assert answered.attention.sum() == 0


def span_reader() -> SpanReader:
    torch.manual_seed(0)
    return SpanReader([7, 5], [4, 2], 3, encoder(15), encoder(6)).double().eval()


def span_batch() -> tuple[Tensor, ...]:
    torch.manual_seed(1)
    text = torch.randint(1, 5, (2, 6, 2))
    numbers = torch.randn(2, 6, 3, dtype=torch.float64)
    return text, numbers, torch.tensor([4, 6]), torch.randint(1, 5, (2, 3, 2)), torch.tensor([2, 3])


def test_a_text_is_read_alike_alone_and_beside_longer_ones() -> None:
    model, batch = span_reader(), span_batch()
    both = model(*batch)
    text, numbers, _, question, _ = (part[:1] for part in batch)
    alone = model(text[:, :4], numbers[:, :4], torch.tensor([4]), question[:, :2], torch.tensor([2]))
    torch.testing.assert_close(both.start[:1, :4], alone.start)
    torch.testing.assert_close(both.end[:1, :4], alone.end)
    torch.testing.assert_close(both.start.exp().sum(dim=1), torch.ones(2, dtype=torch.float64))
    assert both.start[0, 4:].exp().sum() == 0


def test_the_best_span_is_that_of_looking_at_all_of_them() -> None:
    torch.manual_seed(2)
    spans = Spans(torch.randn(5, 7).log_softmax(-1), torch.randn(5, 7).log_softmax(-1), torch.zeros(5, 1))
    for longest in (1, 3, 20):
        best = best_spans(spans, longest)
        for row in range(5):
            every = [
                (float(spans.start[row, a] + spans.end[row, b]), a, b)
                for a in range(7)
                for b in range(a, min(7, a + longest))
            ]
            score, start, end = max(every)
            assert (int(best.start[row]), int(best.end[row])) == (start, end)
            assert float(best.score[row]) == pytest.approx(score)


def test_parts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigError, match="the layers take 10 features, expected 12"):
        StoryReader(11, 5, encoder(10), size=6, hops=3, memory=4)
    with pytest.raises(ConfigError, match="hops 0"):
        StoryReader(11, 5, encoder(12), size=6, hops=0, memory=4)
    with pytest.raises(ConfigError, match="must take 15 and 6 features, got 14 and 6"):
        SpanReader([7, 5], [4, 2], 3, encoder(14), encoder(6))
