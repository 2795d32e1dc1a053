"""Pictures of coloured squares with captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from data.helpers import write

COLOURS = {"red": (230, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 230)}
SIDES = {"left": 2, "right": 14}


def draw_squares(folder: Path, count: int, *, name: str = "captions.csv") -> Path:
    """Pictures of 12 x 24 pixels with a square, each with two captions."""
    draw = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    lines = ["image,caption"]
    for number in range(count):
        colour, side = str(draw.choice(list(COLOURS))), str(draw.choice(list(SIDES)))
        pixels = np.full((12, 24, 3), 240, dtype=np.uint8)
        top, left = int(draw.integers(1, 4)), SIDES[side] + int(draw.integers(-1, 2))
        pixels[top : top + 7, left : left + 7] = COLOURS[colour]
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        lines += [f"{number}.png,A {colour} square on the {side} .", f"{number}.png,a square that is {colour}"]
    return write(folder / name, "\n".join(lines) + "\n")
