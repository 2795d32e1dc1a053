"""What a tagger stands beside: the most frequent tag of each word, and a linear model of words, affixes and context."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from unroll.data.text.tokens import TEMPLATES

Sentences = Sequence[Sequence[str]]

_TEMPLATES = ("form", *(name for name in TEMPLATES if name not in ("form", "left3", "right3")))
#: Regularisation strengths of the linear model; the best on held-out sentences is taken.
STRENGTHS = (1e-6, 1e-5)
_PASSES = 12


class MostFrequentTag:
    """Every word gets the tag that it had most often in training; an unknown one, that of words which came once.

    Args:
        sentences: tokens of each.
        tags: tags of each.
    """

    def __init__(self, sentences: Sentences, tags: Sentences) -> None:
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for tokens, sentence_tags in zip(sentences, tags, strict=True):
            for token, tag in zip(tokens, sentence_tags, strict=True):
                seen[token][tag] += 1
        once = Counter(tag for counter in seen.values() if counter.total() == 1 for tag in counter)
        overall: Counter[str] = sum(seen.values(), Counter())
        self._best = {token: _first(counter) for token, counter in seen.items()}
        self._unknown = _first(once or overall)

    def tag(self, sentences: Sentences) -> list[list[str]]:
        """The tags of some sentences."""
        return [[self._best.get(token, self._unknown) for token in tokens] for tokens in sentences]


def _first(counter: Counter[str]) -> str:
    """The most frequent; of several the one that comes first in the alphabet."""
    return min(counter.items(), key=lambda item: (-item[1], item[0]))[0]


class LinearTagger:
    """Logistic regression, one tag against all others, on the word, its affixes and shape, and the words around it;
    every token by itself.

    Args:
        sentences: tokens of each.
        tags: tags of each.
        strength: of the regularisation.
        seed: of the order in which tokens are seen.
    """

    def __init__(self, sentences: Sentences, tags: Sentences, *, strength: float, seed: int) -> None:
        from sklearn.feature_extraction import FeatureHasher
        from sklearn.linear_model import SGDClassifier

        self._hasher = FeatureHasher(2**20, input_type="string", alternate_sign=False)
        self._model = SGDClassifier(
            loss="log_loss", alpha=strength, average=True, max_iter=_PASSES, tol=None, random_state=seed
        )
        flat = [tag for sentence_tags in tags for tag in sentence_tags]
        self._only = flat[0] if len(set(flat)) == 1 else None
        if self._only is None:
            with warnings.catch_warnings():
                # Saturated probabilities overflow to infinity inside the solver and do no harm there.
                warnings.simplefilter("ignore", RuntimeWarning)
                self._model.fit(self._rows(sentences), flat)

    def _rows(self, sentences: Sentences) -> object:
        return self._hasher.transform(features for tokens in sentences for features in context_features(tokens))

    def tag(self, sentences: Sentences) -> list[list[str]]:
        """The tags of some sentences."""
        count = sum(map(len, sentences))
        if self._only is not None or not count:
            return [[self._only or ""] * len(tokens) for tokens in sentences]
        flat = iter(self._model.predict(self._rows(sentences)).tolist())
        return [[next(flat) for _ in tokens] for tokens in sentences]


def context_features(tokens: Sequence[str]) -> Iterator[list[str]]:
    """What the linear model sees of every token of a sentence."""
    for at in range(len(tokens)):
        features = [f"{name}={TEMPLATES[name](tokens, at)}" for name in _TEMPLATES]
        for offset in (-2, -1, 1, 2):
            place = at + offset
            if 0 <= place < len(tokens):
                features += [
                    f"{name}{offset}={TEMPLATES[name](tokens, place)}" for name in ("word", "shape", "suffix3")
                ]
            else:
                features.append(f"edge{offset}")
        yield features


def best_linear_tagger(
    sentences: Sentences,
    tags: Sentences,
    score: Callable[[LinearTagger], float],
    *,
    seed: int,
) -> LinearTagger:
    """The linear tagger with the strength of regularisation that scores best.

    Args:
        sentences: tokens of each.
        tags: tags of each.
        score: of a tagger, on held-out sentences; higher is better.
        seed: of the order in which tokens are seen.
    """
    taggers = [LinearTagger(sentences, tags, strength=strength, seed=seed) for strength in STRENGTHS]
    return max(taggers, key=score)
