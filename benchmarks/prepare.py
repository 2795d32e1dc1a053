"""What some recipes do to public data before it is trained on: other formats, never other contents."""

from __future__ import annotations

import json
from pathlib import Path

#: The Broad Twitter Corpus is split by section: F for testing and H for development, as its authors do (Derczynski,
#: Bontcheva, Roberts 2016); the rest is for training.
_BTC_TRAIN = "abeg"


def clinc150(data: Path, into: Path) -> None:
    """The questions whose intent is one of the 150, one JSON object per line: text and label."""
    whole = json.loads((data / "topic/clinc150/data_full_train_val.json").read_text(encoding="utf-8"))
    for part in ("train", "val"):
        lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in whole[part]]
        (into / f"{part}.jsonl").write_text("".join(lines), encoding="utf-8")


def btc(data: Path, into: Path) -> None:
    """Sections A, B, E and G in one file to train on; H is for validation, F for testing."""
    sections = [(data / f"ner/btc/{section}.conll").read_text(encoding="utf-8").strip("\n") for section in _BTC_TRAIN]
    (into / "train.conll").write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def fsdd(data: Path, into: Path) -> None:
    """A manifest of the recordings: what is said is in their names, DIGIT_SPEAKER_NUMBER.wav. The last quarter of the
    numbers tests, the two before it validate; no recording number stands in two parts.
    """
    paths = sorted((data / "speech/fsdd").glob("*.wav"))
    numbers = sorted({int(path.stem.rpartition("_")[2]) for path in paths})
    first_test = numbers[len(numbers) - len(numbers) // 4]
    validation = set(numbers[numbers.index(first_test) - 2 : numbers.index(first_test)])
    lines = ["audio\ttext\tpart"]
    for path in paths:
        number = int(path.stem.rpartition("_")[2])
        part = "test" if number >= first_test else "validation" if number in validation else "train"
        lines.append(f"{path.resolve()}\t{path.stem.partition('_')[0]}\t{part}")
    (into / "fsdd.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
