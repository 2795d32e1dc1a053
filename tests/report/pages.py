"""One page of every kind from tiny real runs: for tests, and to be looked at.

`PYTHONPATH=tests python tests/report/pages.py FOLDER` writes them into FOLDER/<kind>.html.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from PIL import Image

from data.audio.sounds import write_folder
from unroll.cli.app import run

#: Words that a text in a language of several scripts may hold.
GOOD = ["정말", "재미있어요", "great", "훌륭한", "좋은", "fine", "lovely", "최고", "wonderful", "감동적인"]
BAD = ["지루해요", "awful", "최악", "boring", "실망", "bad", "별로", "terrible", "나쁜", "dull"]
PLAIN = ["영화", "the", "배우", "film", "이야기", "story", "음악", "and", "장면", "was"]

#: The kinds, and the command that trains each; {here} is its folder.
KINDS: dict[str, str] = {
    "classify-text": "train {here}/reviews.csv --out {here}/run --epochs 2",
    "classify-labels": "train {here}/labels.jsonl --target labels --out {here}/run --epochs 2",
    "classify-series": "train {here}/waves.csv --target kind --out {here}/run --epochs 3",
    "tag": "train {here}/names.conll --out {here}/run --epochs 2",
    "fill": "train {here}/book.txt --task fill --out {here}/run --epochs 1 --set model.hidden_size=16",
    "generate": "train {here}/book.txt --task generate --out {here}/run --epochs 1 --set model.hidden_size=16"
    " --set training.batch_size=4",
    "forecast": "train {here}/sales.csv --target sales --time day --horizon 7 --out {here}/run --epochs 2",
    "transcribe": "train {here}/spoken --out {here}/run --epochs 2 --hidden-size 8",
    "translate": "train {here}/pairs.tsv --out {here}/run --epochs 6 --hidden-size 32"
    " --set model.embedding_size=24 --set training.average=0 --set training.learning_rate=0.015",
    "chat": "train {here}/talk.csv --out {here}/run --epochs 6 --hidden-size 32"
    " --set model.embedding_size=24 --set training.average=0 --set training.learning_rate=0.015",
    "answer": "train {here}/stories.txt --out {here}/run --epochs 2 --hidden-size 16",
    "caption": "train {here}/photos --out {here}/run --epochs 2 --hidden-size 16",
    "detect": "train {here}/sensor.csv --task detect --out {here}/run --epochs 2",
    "compare": "compare {here}/reviews.csv --cell lstm,gru --out {here}/run --epochs 2",
    "memory": "memory copy --lag 2,4 --cell rnn,gru --steps 20 --out {here}/run",
}


def reviews(folder: Path, draw: random.Random) -> None:
    """Texts of two classes, in two languages."""
    lines = ["text,label"]
    for _ in range(160):
        label = draw.choice(("긍정", "negative"))
        words = draw.choices(GOOD if label == "긍정" else BAD, k=2) + draw.choices(PLAIN, k=5)
        draw.shuffle(words)
        lines.append(f"{' '.join(words)},{label}")
    (folder / "reviews.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def labels(folder: Path, draw: random.Random) -> None:
    """Texts with any number of labels."""
    lines = []
    for _ in range(160):
        own = [name for name in ("joy", "분노", "surprise") if draw.random() < 0.4]
        words = own * 2 + draw.choices(PLAIN, k=5)
        draw.shuffle(words)
        quoted = ", ".join(f'"{name}"' for name in own)
        lines.append(f'{{"text": "{" ".join(words)}", "labels": [{quoted}]}}')
    (folder / "labels.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def waves(folder: Path, draw: random.Random) -> None:
    """Series of three kinds, one a row."""
    steps = range(24)
    lines = [",".join(["kind", *(f"t{step}" for step in steps)])]
    for _ in range(120):
        kind, speed = draw.choice((("slow", 0.3), ("quick", 0.9), ("flat", 0.0)))
        values = (f"{math.sin(speed * step + 1) + draw.gauss(0, 0.2):.3f}" for step in steps)
        lines.append(",".join([kind, *values]))
    (folder / "waves.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def names(folder: Path, draw: random.Random) -> None:
    """Sentences with people and places."""
    people, places = ("Minji Kim", "이순신", "Ada", "Grace Hopper"), ("Seoul", "부산", "New York", "Paris")
    sentences = []
    for _ in range(120):
        lines = []
        for kind, entity in (("PER", draw.choice(people)), ("LOC", draw.choice(places))):
            words = entity.split()
            lines += [f"{word} {'BI'[at > 0]}-{kind}" for at, word in enumerate(words)]
            lines += [f"{word} O" for word in draw.choices(("went", "갔다", "to", "from", "and", "에서"), k=2)]
        sentences.append("\n".join(lines))
    (folder / "names.conll").write_text("\n\n".join(sentences) + "\n", encoding="utf-8")


def book(folder: Path, draw: random.Random) -> None:
    """Running text."""
    sentences = (
        f"The {draw.choice(PLAIN)} {draw.choice(GOOD)} {draw.choice(PLAIN)} {draw.choice(BAD)}." for _ in range(500)
    )
    (folder / "book.txt").write_text("\n".join(sentences) + "\n", encoding="utf-8")


def sales(folder: Path, draw: random.Random) -> None:
    """A daily series with a week in it."""
    lines = ["day,sales"]
    for step in range(300):
        value = 50 + 10 * math.sin(2 * math.pi * step / 7) + draw.gauss(0, 2)
        lines.append(f"{date(2024, 1, 1) + timedelta(days=step)},{value:.2f}")
    (folder / "sales.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def spoken(folder: Path, draw: random.Random) -> None:
    """Recordings of tones, a letter each."""
    write_folder(folder / "spoken", 60, draw.randrange(100))


def pairs(folder: Path, draw: random.Random) -> None:
    """Sentences in two languages, whose words stand in another order."""
    nouns, verbs = {"개": "dog", "고양이": "cat", "새": "bird", "말": "horse"}, {"본다": "sees", "부른다": "calls"}
    lines = ["source\ttarget"]
    for _ in range(400):
        one, other, verb = draw.choice(list(nouns)), draw.choice(list(nouns)), draw.choice(list(verbs))
        lines.append(f"저 {one} 이 {other} {verb}.\tthat {nouns[one]} {verbs[verb]} this {nouns[other]}.")
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def talk(folder: Path, draw: random.Random) -> None:
    """Questions and answers."""
    lines = [f"how was the {one}?,the {one} was {draw.choice(GOOD)}" for one in draw.choices(PLAIN, k=200)]
    (folder / "talk.csv").write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")


def stories(folder: Path, draw: random.Random) -> None:
    """Who went where, and a question about it, as the bAbI tasks are written."""
    told = "1 Mary went to the {0}.\n2 John went to the {1}.\n3 Where is Mary?\t{0}\t1\n"
    places = ("kitchen", "garden", "hall")
    lines = [told.format(draw.choice(places), draw.choice(places)) for _ in range(80)]
    (folder / "stories.txt").write_text("".join(lines), encoding="utf-8")


def photos(folder: Path, draw: random.Random) -> None:
    """Squares of one colour each, and a text that names it."""
    (folder / "photos/images").mkdir(parents=True)
    rows = ["image,caption"]
    for number in range(40):
        colour = draw.choice(("red", "green", "blue"))
        Image.new("RGB", (32, 32), colour).save(folder / f"photos/images/{number}.png")
        rows.append(f"{number}.png,a {colour} square")
    (folder / "photos/captions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def sensor(folder: Path, draw: random.Random) -> None:
    """A wave that is measured every five minutes, with a few values that do not fit it."""
    lines = ["time,flow,pressure"]
    for step in range(1500):
        flow = 20 + 5 * math.sin(step / 30) + draw.gauss(0, 0.3) + (15 if 900 <= step < 905 or step == 1200 else 0)
        at = datetime(2024, 3, 1) + timedelta(minutes=5 * step)
        lines.append(f"{at.isoformat()},{flow:.2f},{3 + 0.1 * flow + draw.gauss(0, 0.05):.3f}")
    (folder / "sensor.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


#: What writes the data of each kind.
DATA: dict[str, Callable[[Path, random.Random], None]] = {
    "classify-text": reviews,
    "classify-labels": labels,
    "classify-series": waves,
    "tag": names,
    "fill": book,
    "generate": book,
    "forecast": sales,
    "transcribe": spoken,
    "translate": pairs,
    "chat": talk,
    "answer": stories,
    "caption": photos,
    "detect": sensor,
    "compare": reviews,
}


def write_page(kind: str, folder: Path) -> Path:
    """Train a tiny run of a kind in a folder and return its page; of memory, its picture.

    Raises:
        RuntimeError: the command failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if kind in DATA:
        DATA[kind](folder, random.Random(0))
    words = [word.format(here=folder) for word in KINDS[kind].split()]
    if code := run(words):
        raise RuntimeError(f"`unroll {' '.join(words)}` ended with {code}")
    return next(path for path in sorted((folder / "run").iterdir()) if path.name in PAGES)


#: Names of the files that are pages.
PAGES = ("report.html", "compare.html", "memory.svg")


if __name__ == "__main__":
    for name in sys.argv[2:] or KINDS:
        page = write_page(name, Path(sys.argv[1]) / name)
        print(f"{page}  {page.stat().st_size / 1024:.0f} KiB")
