"""Answering without a network: what was said to the most similar question."""

from __future__ import annotations

from collections.abc import Sequence

from unroll.errors import MissingExtraError

#: N-grams of characters inside words: they also work where words take endings, as in Korean.
_ANALYSER, _SHORTEST, _LONGEST = "char_wb", 1, 4
#: Questions that are compared with all others at once.
_BLOCK = 256


class NearestQuestion:
    """The answer to the question whose TF-IDF vector has the largest cosine with that of the new one.

    Of equally similar questions the first counts.

    Args:
        questions: of the train part.
        answers: one for each.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """

    def __init__(self, questions: Sequence[str], answers: Sequence[str]) -> None:
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
        except ImportError:
            raise MissingExtraError("scikit-learn", "tasks", "the nearest question") from None
        self._vectors = TfidfVectorizer(analyzer=_ANALYSER, ngram_range=(_SHORTEST, _LONGEST), sublinear_tf=True)
        self._known = self._vectors.fit_transform(questions).T.tocsr()
        self._answers = list(answers)

    def answer(self, questions: Sequence[str]) -> list[str]:
        """The answers to some questions."""
        found: list[str] = []
        for at in range(0, len(questions), _BLOCK):
            similar = self._vectors.transform(questions[at : at + _BLOCK]) @ self._known
            found += [self._answers[int(best)] for best in similar.toarray().argmax(axis=1)]
        return found
