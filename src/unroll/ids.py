"""The ids that every vocabulary keeps back: no token has them."""

from __future__ import annotations

#: Fills rows up to the length of their batch; also "this token has no such feature", and the edge of a row.
PAD_ID = 0
#: A token or feature that the vocabulary does not hold.
UNKNOWN_ID = 1
#: The first id that a token of the vocabulary has.
FIRST_ID = 2
