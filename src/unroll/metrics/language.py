"""How well a language model predicts a text."""

from __future__ import annotations

import math
from typing import NamedTuple


class LanguageScores(NamedTuple):
    """What the model pays for a text.

    Attributes:
        nats_per_token: mean negative log likelihood of a token, in nats.
        perplexity: its exponential.
        bits_per_character: the whole text's negative log likelihood in bits, by its characters; comparable between
            tokenizers.
        nats_per_character: the same in nats.
    """

    nats_per_token: float
    perplexity: float
    bits_per_character: float
    nats_per_character: float


def language_scores(nats: float, tokens: int, characters: int) -> LanguageScores:
    """Scores of a text from its total negative log likelihood.

    Args:
        nats: the sum over all tokens of -ln p.
        tokens: how many tokens were predicted.
        characters: how many characters they stand for.

    Raises:
        ValueError: there is nothing to score.
    """
    if tokens <= 0 or characters <= 0:
        raise ValueError(f"language_scores: expected tokens and characters, got {tokens} and {characters}")
    per_token, per_character = nats / tokens, nats / characters
    # exp overflows just above 709; a model that bad has no perplexity worth a number.
    perplexity = math.exp(per_token) if per_token < 700 else math.inf
    return LanguageScores(per_token, perplexity, per_character / math.log(2), per_character)
