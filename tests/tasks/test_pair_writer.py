"""What an encoder-decoder writes, what texts cost it, and the maps of where it looked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unroll.bundle import validate
from unroll.data import Tokenizer
from unroll.decoding import Beam
from unroll.tasks.pair_data import Encoded, Pairs, Vocabularies, encode_pairs, fit_tokens
from unroll.tasks.pair_settings import build_network
from unroll.tasks.pair_training import pair_batch, pair_loss, spread
from unroll.tasks.pair_writer import PairWriter
from unroll.tasks.translate.settings import TranslateSettings

SOURCES = ["die Katze sitzt", "der Hund bellt laut", "고양이가 앉았다", "ja"]
TARGETS = ["the cat sits", "the dog barks loudly", "the cat sat", "yes"]


def settings(**more: object) -> TranslateSettings:
    small = {"hidden_size": 8, "embedding_size": 6, "vocabulary": 300, "tokens": "bpe", "shared": True}
    return validate(TranslateSettings, {**small, **more})


def writer(**more: object) -> PairWriter:
    torch.manual_seed(0)
    own = settings(**more)
    pairs = Pairs(SOURCES * 5, TARGETS * 5)
    vocabularies = fit_tokens(None, pairs, np.arange(20), own).vocabularies  # type: ignore[arg-type]
    network = build_network(own, *(v.size for v in vocabularies), shared=vocabularies.shared).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.0)
    return PairWriter(network, vocabularies)


@pytest.mark.parametrize("tokens", ["bpe", "character", "jamo", "word"])
def test_a_map_has_a_row_for_each_written_word_and_a_column_for_each_that_was_read(tokens: str) -> None:
    one = writer(tokens=tokens)
    forced = ["the cat", "the dog", "the cat sat", "yes"]
    found = one.write(SOURCES, Beam(3, max_length=40), forced=forced)
    for source, begin, (written,) in zip(SOURCES, forced, found, strict=True):
        assert written.text.startswith(begin)
        heat = one.attention_map(source, written)
        assert heat is not None
        assert list(heat.column_names) == source.split()
        assert list(heat.row_names)[: len(begin.split()) - 1] == begin.split()[:-1]
        # The sum over what was read of a mean over pieces of weights that sum to one.
        np.testing.assert_allclose(np.sum(heat.shares, axis=1), 1.0, rtol=1e-9)


def test_what_texts_cost_is_what_the_loss_says_and_the_right_tokens_are_counted() -> None:
    one = writer()
    encoded = encode_pairs(Pairs(SOURCES, TARGETS), one.vocabularies)
    forced = one.force(encoded)
    alone = [one.force(Encoded([s], [t])) for s, t in zip(*encoded, strict=True)]
    assert forced.nats == pytest.approx(sum(each.nats for each in alone), rel=1e-9)
    assert forced.tokens == sum(len(target) + 1 for target in encoded.targets)
    assert forced.right == sum(each.right for each in alone)
    assert forced.texts == [each.texts[0] for each in alone]
    total = 0.0
    for source, target in zip(*encoded, strict=True):
        batch = [torch.from_numpy(part.astype(np.int64)).unsqueeze(0) for part in (source, target)]
        lengths = [torch.tensor([part.shape[1]]) for part in batch]
        total += one.network(batch[0], lengths[0], batch[1], lengths[1]).item()
    assert forced.nats == pytest.approx(total, rel=1e-9)


def test_a_text_that_is_learnt_is_written_and_costs_little() -> None:
    one = writer()
    network = one.network.float()
    encoded = encode_pairs(Pairs(SOURCES, TARGETS), one.vocabularies)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for _ in range(120):
        optimizer.zero_grad()
        loss = pair_loss(network, pair_batch(encoded), 0.0, torch.device("cpu"))
        (loss.total / loss.items).backward()
        optimizer.step()
    assert [best.text for (best,) in one.write(SOURCES, Beam(3))] == TARGETS
    forced = one.force(encoded)
    assert forced.texts == TARGETS
    assert forced.right == forced.tokens
    assert forced.nats / forced.tokens < 1.0


def test_a_word_is_the_same_pieces_at_the_start_of_a_text_and_inside_it() -> None:
    vocabularies = writer().vocabularies
    tokenizer: Tokenizer = vocabularies.target
    whole, end = vocabularies.wanted("cat sat").tolist(), vocabularies.wanted("sat").tolist()
    assert whole[-len(end) :] == end
    assert tokenizer.decode(whole).strip() == "cat sat"
    assert Vocabularies(tokenizer, tokenizer).shared


def test_rows_that_are_watched_come_from_the_whole_part() -> None:
    rows = np.arange(100, 1100, 10)
    assert spread(rows, 100) is rows
    assert spread(rows, 4).tolist() == [100, 430, 760, 1090]
