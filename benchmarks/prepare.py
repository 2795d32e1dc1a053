"""What some recipes do to public data before it is trained on: other formats, never other contents."""

from __future__ import annotations

import csv
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
    into = into / "babi"
    into.mkdir(exist_ok=True)
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


def digit_captions(data: Path, into: Path) -> None:
    """Two of scikit-learn's handwritten digits on one picture, and where they stand: "a three left of a seven".

    No digit of the test part is in a picture of the others.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    draw = np.random.default_rng(0)
    order = draw.permutation(len(digits.images))
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    places = {"left of": ((4, 2), (4, 18)), "above": ((1, 10), (11, 10))}
    (into / "images").mkdir(parents=True, exist_ok=True)
    parts = {"train": (order[:1300], 5000), "validation": (order[1300:1500], 400), "test": (order[1500:], 1000)}
    lines = ["image,caption,split\n"]
    for part, (pool, count) in parts.items():
        for number in range(count):
            relation = ("left of", "above")[int(draw.integers(2))]
            canvas = np.zeros((20, 28))
            chosen = draw.choice(pool, 2)
            for digit, (row, column) in zip(chosen, places[relation], strict=True):
                row, column = row + int(draw.integers(-1, 2)), column + int(draw.integers(-2, 3))
                canvas[row : row + 8, column : column + 8] = digits.images[digit] * 15.9
            name = f"{part}-{number}.png"
            Image.fromarray(canvas.astype(np.uint8)).save(into / "images" / name)
            first, second = (names[digits.target[digit]] for digit in chosen)
            article = ["an" if word == "eight" else "a" for word in (first, second)]
            lines.append(f"{name},{article[0]} {first} {relation} {article[1]} {second},{part}\n")
    (into / "captions.csv").write_text("".join(lines), encoding="utf-8")


def nlvr(data: Path, into: Path) -> None:
    """Captions with a split by sentence: the orders of the boxes of one sentence are in one part."""
    folder = data / "captioning/nlvr_true_captions"
    rows = (folder / "captions.txt").read_text(encoding="utf-8").splitlines()[1:]
    lines = [["image", "caption", "split"]]
    for row in rows:
        image, _, caption = row.partition(",")
        # dev-<sentence>-<number>-<order>.png
        sentence = int(image.split("-")[1])
        part = {0: "test", 1: "validation"}.get(sentence % 10, "train")
        lines.append([str(folder.resolve() / "images" / image), caption.strip('"'), part])
    with (into / "captions.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)


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
