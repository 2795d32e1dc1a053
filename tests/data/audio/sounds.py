"""Sounds that tests make: a tone for each letter, and WAV files of every width, right and wrong."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

#: What each letter sounds like, in hertz.
TONES = {"a": 300.0, "b": 700.0, "c": 1200.0, " ": 0.0}


def tone(hertz: float, seconds: float, rate: int, loudness: float = 0.3) -> np.ndarray:
    """A sine, (S,) float64, that swells and fades."""
    at = np.arange(round(seconds * rate)) / rate
    return loudness * np.sin(2 * np.pi * hertz * at) * np.sin(np.pi * at / seconds) ** 0.5


def spoken(text: str, rate: int = 8000, seconds: float = 0.12, seed: int = 0) -> np.ndarray:
    """A tone for each letter, with a pause between two and a little noise, (S,) float64."""
    parts = [np.zeros(rate // 50)]
    for letter in text:
        parts += [tone(TONES[letter], seconds, rate), np.zeros(rate // 50)]
    whole = np.concatenate(parts)
    return whole + np.random.default_rng(seed).normal(0, 0.003, len(whole))


def wav_bytes(
    samples: np.ndarray, rate: int, *, width: int = 2, floats: bool = False, size: int | None = None
) -> bytes:
    """A WAV of samples (S,) or (S, C) between -1 and 1; `size` is what the header says instead of the truth."""
    wide = samples[:, None] if samples.ndim == 1 else samples
    if floats:
        body = wide.astype("<f4" if width == 4 else "<f8").tobytes()
    elif width == 1:
        body = np.clip(np.round(wide * 128) + 128, 0, 255).astype(np.uint8).tobytes()
    elif width == 3:
        whole = np.clip(np.round(wide * 2**23), -(2**23), 2**23 - 1).astype("<i4")
        body = whole.reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    else:
        most = 2 ** (8 * width - 1)
        body = np.clip(np.round(wide * most), -most, most - 1).astype(f"<i{width}").tobytes()
    channels = wide.shape[1]
    form = struct.pack(
        "<HHIIHH", 3 if floats else 1, channels, rate, rate * channels * width, channels * width, 8 * width
    )
    said = len(body) if size is None else size
    return (
        b"RIFF"
        + struct.pack("<I", (36 + said) & 0xFFFFFFFF)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", said)
        + body
    )


def write_wav(path: Path, samples: np.ndarray, rate: int = 8000, **form: int | bool) -> Path:
    """A file with it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav_bytes(samples, rate, **form))  # type: ignore[arg-type]
    return path


def write_folder(folder: Path, count: int, seed: int = 0, letters: str = "abc", longest: int = 3) -> Path:
    """Recordings whose names begin with what they say."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        text = "".join(draw.choice(list(letters), draw.integers(1, longest + 1)))
        write_wav(folder / f"{text}_{number}.wav", spoken(text, seed=seed + number))
    return folder
