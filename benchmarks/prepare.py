"""What some recipes do to public data before it is trained on: other formats, never other contents."""

from __future__ import annotations

import json
from pathlib import Path

#: The Broad Twitter Corpus is split by section: F for testing and H for development, as its authors do (Derczynski,
#: Bontcheva, Roberts 2016); the rest is for training.
_BTC_TRAIN = "abeg"
#: Questions of each task in the 1k form of bAbI that are for training.
_BABI_QUESTIONS = 900


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


def babi(data: Path, into: Path) -> None:
    """All twenty tasks of bAbI in their 1k form: 900 questions of each to train on, the authors' validation part to
    test on. Of the five tasks that are here in the 10k form only the first stories are taken."""
    folder = data / "question_answering/babi"
    for number in range(1, 21):
        small = folder / f"en-valid/qa{number}_train.txt"
        source = small.parent if small.is_file() else folder / "en-valid-10k"
        lines = (source / f"qa{number}_train.txt").read_text(encoding="utf-8").splitlines(keepends=True)
        kept, asked = len(lines), 0
        for at, line in enumerate(lines):
            if asked >= _BABI_QUESTIONS and line.startswith("1 "):
                kept = at
                break
            asked += "\t" in line
        (into / f"qa{number}_train.txt").write_text("".join(lines[:kept]), encoding="utf-8")
        tested = (source / f"qa{number}_valid.txt").read_text(encoding="utf-8")
        (into / f"qa{number}_test.txt").write_text(tested, encoding="utf-8")
