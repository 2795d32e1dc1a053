"""BLEU against sacrebleu's, and CIDEr-D against values worked out by hand and a second computation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unroll.metrics.captions import CiderD, bleu, caption_words

SAID = ["a dog runs on the grass", "two men ride a bike", "the cat"]
PEOPLE = [
    ["a brown dog runs on green grass", "the dog is running on the grass"],
    ["two men are riding bikes", "two men ride a red bike on the street"],
    ["a cat sleeps on the sofa", "the cat is asleep"],
]


def test_words_of_a_caption() -> None:
    assert caption_words("A Dog's, two!") == ["a", "dog's", "two"]
    assert caption_words("개가 달린다.") == ["개가", "달린다"]


def test_bleu_is_that_of_sacrebleu() -> None:
    sacrebleu = pytest.importorskip("sacrebleu")
    streams = [list(stream) for stream in zip(*PEOPLE, strict=True)]
    for n, value in enumerate(bleu(SAID, PEOPLE), start=1):
        metric = sacrebleu.BLEU(max_ngram_order=n, tokenize="none", smooth_method="none", force=True)
        assert 100 * value == pytest.approx(metric.corpus_score(SAID, streams).score)


def test_bleu_of_short_captions_pays_for_brevity() -> None:
    # One of one word is right; the nearest reference has four words.
    assert bleu(["cat"], [["the cat is asleep"]]) == [pytest.approx(math.exp(-3)), 0.0, 0.0, 0.0]
    assert bleu([""], [["a"]]) == [0.0] * 4


def test_a_caption_that_is_its_only_reference_reaches_ten() -> None:
    references = [["a b c d e"], ["f g h i j"]]
    assert CiderD(references).scores(["a b c d e", "x"], references).tolist() == [pytest.approx(10.0), 0.0]


def test_a_value_worked_out_by_hand() -> None:
    # Two pictures. Every word but "a" has weight log 2, "a" is in both pictures and has weight 0.
    references = [["a dog runs"], ["a cat"]]
    # "a dog": of one word {dog: log 2} against {dog, runs}: cosine 1 / sqrt(2); of two words {a dog} against
    # {a dog, dog runs}: the same; of three and four nothing. The lengths differ by one: exp(-1 / 72).
    wanted = 10 / 4 * math.exp(-1 / 72) * 2 / math.sqrt(2)
    assert CiderD(references).scores(["a dog"], references[:1])[0] == pytest.approx(wanted)


def test_a_word_that_is_said_too_often_gains_nothing() -> None:
    references = [["dog runs"], ["cat"]]
    cider = CiderD(references)
    once, thrice = cider.scores(["dog", "dog dog dog"], [references[0]] * 2)
    assert thrice < once
    # Clipped: {dog: 3} against {dog: 1, runs: 1}: 1 / (3 sqrt(2)) of one word; lengths differ by one.
    assert thrice == pytest.approx(10 / 4 * math.exp(-1 / 72) / (3 * math.sqrt(2)))


def test_a_second_computation_with_matrices() -> None:
    cider = CiderD(PEOPLE)
    for row, caption in enumerate(SAID):
        total = 0.0
        for n in range(1, 5):

            def grams(text: str, n: int = n) -> list[str]:
                words = text.split()
                return [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]

            names = sorted({gram for text in [caption, *PEOPLE[row]] for gram in grams(text)})
            df = np.array([max(1, sum(any(g in grams(t) for t in own) for own in PEOPLE)) for g in names])
            idf = np.log(len(PEOPLE)) - np.log(df)
            said = np.array([grams(caption).count(g) for g in names]) * idf
            for other in PEOPLE[row]:
                ref = np.array([grams(other).count(g) for g in names]) * idf
                gap = len(caption.split()) - len(other.split())
                norm = np.linalg.norm(said) * np.linalg.norm(ref)
                total += np.exp(-(gap**2) / 72) * (np.minimum(said, ref) @ ref) / norm if norm else 0.0
        assert cider.scores([caption], [PEOPLE[row]])[0] == pytest.approx(10 * total / 8)


def test_the_published_value_of_a_common_implementation() -> None:
    # SummEval (Fabbri et al. 2021) pins what pycocoevalcap's scorer gives for these, cut at spaces.
    said = [
        "28-year-old chef found dead in San Francisco mall",
        "A 28-year-old chef who recently moved to San Francisco was found dead in the staircase of a local shopping"
        " center.",
        "The victim's brother said he cannot imagine anyone who would want to harm him,\"Finally, it went uphill again"
        ' at him."',
    ]
    people = [
        ["28-Year-Old Chef Found Dead at San Francisco Mall"],
        [
            "A 28-year-old chef who had recently moved to San Francisco was found dead in the stairwell of a local mall"
            " this week."
        ],
        [
            "But the victim's brother says he can't think of anyone who would want to hurt him, saying, \"Things were"
            ' finally going well for him."'
        ],
    ]
    assert CiderD(people, str.split).scores(said, people).mean() == pytest.approx(2.5759014911864084, abs=1e-9)


def test_nothing_to_compare_with_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        CiderD([])
    with pytest.raises(ValueError, match="got 1 lists, of which 1 are empty"):
        bleu(["a"], [[]])
