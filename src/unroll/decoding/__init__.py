"""From logits to sequences: step by step, one token at a time."""

from unroll.decoding.beam import Beam, Hypothesis, beam_search
from unroll.decoding.decoder import Decoder
from unroll.decoding.sampling import Sampling, probabilities, sample
from unroll.decoding.states import flatten_state, map_state, restore_state, select_rows

__all__ = [
    "Beam",
    "Decoder",
    "Hypothesis",
    "Sampling",
    "beam_search",
    "flatten_state",
    "map_state",
    "probabilities",
    "restore_state",
    "sample",
    "select_rows",
]
