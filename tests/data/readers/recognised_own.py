"""Small files with marks, parts, sums and counts like those that people have: what each is taken for."""

from __future__ import annotations

import json

from data.readers.recognised import DAYS, File, text, wave
from data.readers.recognised_talks import rows, said
from data.readers.recognised_texts import jsonl

NAMES = ("Ana", "Rui", "Eva")


def summed(last: str) -> str:
    return rows("day,sales", lambda r: f"{DAYS[r]},{wave(r):.0f}") + last + "\n"


def message(r: int) -> dict[str, object]:
    return {"sender_name": NAMES[r % 2], "timestamp_ms": 1704067200000 - r * 60000, "content": said(r)}


OWN = [
    File(
        "tuples.txt",
        "[\n"
        + "".join(f'("{NAMES[r % 3]} left {text(r)}", {{"entities": [(0, 3, "PER")]}}),\n' for r in range(40))
        + "]\n",
        "tag",
        "spaCy's training tuples, as Python writes them",
    ),
    File(
        "inline.txt",
        "".join(f"[{NAMES[r % 3]}](PER) left {text(r)}\n" for r in range(40)),
        "tag",
        "words in brackets with a label",
    ),
    File(
        "elements.txt",
        "".join(f"<PER>{NAMES[r % 3]}</PER> left {text(r)}\n" for r in range(40)),
        "tag",
        "elements that are none of a page",
    ),
    File(
        "some_marked.txt",
        "".join(f"{NAMES[r % 3]}/PER left {text(r)}\n" for r in range(40)),
        "error",
        "tags behind some words",
        says="mark entities as [Ana](PER) or <PER>Ana</PER>",
    ),
    File(
        "phrases.txt",
        "".join(f"{text(r)}@{('up', 'down')[r % 2]}\n" for r in range(40)),
        "classify",
        "a class behind an at sign",
    ),
    File(
        "facebook.json",
        json.dumps({"participants": [], "messages": [message(r) for r in range(40)]}),
        "chat",
        "the keys of Facebook's messages",
    ),
    File(
        "parts.csv",
        rows("text,label,split", lambda r: f"{text(r)},{'ab'[r % 2]},{('train', 'train', 'dev', 'test')[r // 10]}"),
        "classify",
        "a column of the words train, dev and test is no input",
        {"text": "text", "label": "text"},
    ),
    File(
        "squad.csv",
        rows(
            "context,question,answer_text,answer_start",
            lambda r: f"{NAMES[r % 3]} was born in 19{r:02}.,Who was born in 19{r:02}?,{NAMES[r % 3]},0",
        ),
        "answer",
        "an answer beside the place where it stands",
    ),
    File(
        "tweets.csv",
        rows("text,likes", lambda r: f"{text(r)},{r % 3 + 4}"),
        "error",
        "numbers that are called as what is counted",
        says="--target likes learns each number as a class",
    ),
    File(
        "decided.jsonl",
        jsonl(
            lambda r: {
                "text": text(r),
                "label": "ab"[r % 2],
                "answer": ("accept", "reject")[r % 4 == 3],
                "_input_hash": r,
            }
        ),
        "error",
        "labels that were rejected, in Prodigy's words",
        says="10 labels in 'label' were rejected",
    ),
    File(
        "preferred.jsonl",
        jsonl(lambda r: {"prompt": said(r), "chosen": f"{text(r)} yes", "rejected": "no"}),
        "error",
        "a better and a worse answer",
        says="--task chat --set data.inputs=prompt --target chosen",
    ),
    File("total.csv", summed("Total,812"), "forecast", "a last row that is called as a sum is left out"),
    File(
        "fiscal.csv",
        rows("year,sales", lambda r: f"FY{1980 + r},{wave(r):.0f}"),
        "forecast",
        "fiscal years",
        {"year": "time year Y"},
    ),
    File(
        "drawn.txt",
        "| day | sales | visits |\n|---|---|---|\n"
        + "".join(f"| {DAYS[r]} | {wave(r):.0f} | {r} |\n" for r in range(40)),
        "forecast",
        "bars between cells; a rule below names is no name",
        {"day": "time year-month-day", "sales": "number"},
    ),
    File(
        "sap.txt",
        "-" * 30
        + "\n| day | sales | visits |\n"
        + "-" * 30
        + "\n"
        + "".join(f"| {DAYS[r]} | {wave(r):.0f} | {r} |\n" for r in range(40))
        + "-" * 30
        + "\n",
        "error",
        "a table that is drawn with bars and rules",
        says="read it with --format csv --delimiter '|'",
    ),
    File(
        "station.csv",
        '"Station";"Longitude";"Latitude";"Module"\n"Home";4.35;50.85;"Indoor"\n'
        + rows(
            '"Timestamp";"Timezone : Europe/Brussels";"Temperature";"Humidity"',
            lambda r: f'{1704063600 + 300 * r};"2024/01/01 {r // 12:02}:{r % 12 * 5:02}:00";{wave(r):.1f};{r % 5 + 55}',
        ),
        "forecast",
        "the last of the lines above names the columns; seconds beside a time are none of the series",
        {"Timezone : Europe/Brussels": "time year/month/day hour:minute:second", "Temperature": "number"},
    ),
    File(
        "influx.txt",
        "".join(f"load,host=a value={wave(r):.2f} {1704067200 + 60 * r}000000000\n" for r in range(40)),
        "error",
        "lines of InfluxDB",
        says="export them as CSV",
    ),
]
