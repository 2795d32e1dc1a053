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
