"""Stories in the form of bAbI."""

from __future__ import annotations

import random
from pathlib import Path

from data.helpers import write

PEOPLE, PLACES = ["Mary", "John", "민수"], ["kitchen", "garden", "부엌"]


def write_stories(path: Path, stories: int, seed: int = 0) -> Path:
    """Where somebody is after the last move, in the form of bAbI."""
    draw = random.Random(seed)
    lines = []
    for _ in range(stories):
        where, number, told = {}, 0, {}
        for _ in range(draw.randint(2, 3)):
            who, place = draw.choice(PEOPLE), draw.choice(PLACES)
            number += 1
            lines.append(f"{number} {who} went to the {place}.")
            where[who], told[who] = place, number
        who = draw.choice(sorted(where))
        lines.append(f"{number + 1} Where is {who}? \t{where[who]}\t{told[who]}")
    return write(path, "\n".join(lines) + "\n")
