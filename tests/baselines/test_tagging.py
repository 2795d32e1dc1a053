"""The two baselines of tagging on sentences where what they can know is known."""

from __future__ import annotations

import pytest

from unroll.baselines.tagging import LinearTagger, MostFrequentTag, best_linear_tagger, context_features

SENTENCES = [["the", "run", "ends"], ["they", "run", "fast"], ["we", "run"], ["the", "walk"], ["zebra"]]
TAGS = [["D", "N", "V"], ["P", "V", "A"], ["P", "V"], ["D", "N"], ["N"]]


def test_every_word_gets_its_most_frequent_tag_and_unknown_words_that_of_rare_ones() -> None:
    tagger = MostFrequentTag(SENTENCES, TAGS)
    assert tagger.tag([["the", "run", "unheard"], []]) == [["D", "V", "N"], []]


def test_the_linear_tagger_sees_context() -> None:
    """A word whose tag only the word before it decides."""
    sentences = [["the", "run"], ["they", "run"]] * 25
    tags = [["D", "N"], ["P", "V"]] * 25
    tagger = LinearTagger(sentences, tags, strength=1e-5, seed=0)
    assert tagger.tag([["the", "run"], ["they", "run"], []]) == [["D", "N"], ["P", "V"], []]
    assert MostFrequentTag(sentences, tags).tag([["they", "run"]]) != [["P", "V"]]


def test_one_tag_only_is_answered() -> None:
    assert LinearTagger([["a", "b"]], [["X", "X"]], strength=1e-5, seed=0).tag([["c"]]) == [["X"]]


def test_the_strength_is_chosen_by_the_score() -> None:
    wanted: list[LinearTagger] = []

    def score(tagger: LinearTagger) -> float:
        wanted.append(tagger)
        return float(len(wanted))

    assert best_linear_tagger(SENTENCES, TAGS, score, seed=0) is wanted[-1]
    assert len(wanted) > 1


@pytest.mark.parametrize("tokens", [["one"], ["a", "b", "c", "d"]])
def test_features_name_the_edges(tokens: list[str]) -> None:
    found = list(context_features(tokens))
    assert len(found) == len(tokens)
    assert "edge-1" in found[0]
    assert "edge1" in found[-1]
