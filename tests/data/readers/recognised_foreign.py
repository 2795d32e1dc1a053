"""Small files as other programs and offices write them, and as people mend them by hand: what each is taken for."""

from __future__ import annotations

import json

from data.readers.recognised import DAYS, File, dated, text, wave

ONTONOTES = "\n\n".join(
    f"bc/x/00 0 0 Ana NNP (TOP(S(NP*) - - - A (PERSON) (ARG0*) ({row})\n"
    f"bc/x/00 0 1 left VBD (VP*)) leave 01 1 A * (V*) -"
    for row in range(20)
)


def table_of(cell: str, head: str = "text,entities") -> str:
    return head + "\n" + "".join(f'Ana Silva left {text(row)},"{cell}"\n' for row in range(40))


def eurostat(periods: list[str], corner: str, key: str) -> str:
    return (
        "\t".join([corner, *(f"{period} " for period in periods)])
        + "\n"
        + "".join(
            "\t".join([key + land, *(": c" if at == 3 else f"{wave(at + row):.1f} p" for at in range(len(periods)))])
            + "\n"
            for row, land in enumerate(("AT", "BE", "DE", "FR"))
        )
    )


def engines() -> str:
    """A table without names: the number of an engine, its cycles, and what two sensors say."""
    return "".join(
        f"{engine} {cycle} {wave(cycle):.4f} {wave(engine * cycle):.2f}  \n"
        for engine in range(1, 6)
        for cycle in range(1, 31)
    )


def squad() -> str:
    return "".join(
        json.dumps(
            {
                "context": f"Room {row} is red and door {row} is shut.",
                "question": f"What is room {row}?",
                "answers": {"text": ["red"] if row % 2 else [], "answer_start": [12 + (row > 9)] if row % 2 else []},
            }
        )
        + "\n"
        for row in range(40)
    )


FOREIGN = [
    File(
        "cctv.v4_gold_conll",
        f"#begin document (bc/x/00); part 000\n{ONTONOTES}\n#end document\n",
        "tag",
        "twelve columns of CoNLL-2012: entities in brackets are the tags",
        {"ner": "labels", "pos": "labels"},
        "the entities in 'ner'",
    ),
    File(
        "tuples.csv",
        table_of("[(0, 9, 'PER')]"),
        "tag",
        "a column of entities beside one of texts, as Python writes them",
        {"tokens": "labels", "tags": "labels"},
    ),
    File(
        "studio.csv",
        table_of('[{""start"": 0, ""end"": 9, ""labels"": [""PER""]}]', "text,label"),
        "tag",
        "the same as JSON, as Label Studio writes it",
        {"tokens": "labels"},
    ),
    File("squad.jsonl", squad(), "answer", "rows of SQuAD 2.0; empty lists of answers are counted", says="spans of"),
    File(
        "nama.tsv",
        eurostat([str(year) for year in range(2010, 2022)], "freq,unit,geo\\TIME_PERIOD", "A,PC,"),
        "forecast",
        "Eurostat's first cell; flags behind numbers",
        {"geo": "text", "2010": "number", "2013": "text"},
        "named by 'geo', with the steps 2010 to 2021",
    ),
    File(
        "une.tsv",
        eurostat([f"2005M{month:02}" for month in range(12, 0, -1)], "s_adj,geo\\time", "NSA,"),
        "forecast",
        "the same with months, the last one first",
        says="with the steps 2005-01 to 2005-12",
    ),
    File(
        "falling_years.csv",
        "Country,"
        + ",".join(str(year) for year in range(2021, 2009, -1))
        + "\n"
        + "".join(f"{land}," + ",".join(f"{wave(at):.1f}" for at in range(12)) + "\n" for land in ("AT", "BE", "DE")),
        "forecast",
        "years that fall stand above numbers",
        says="with the steps 2010 to 2021",
    ),
    File(
        "engines.txt",
        engines(),
        "forecast",
        "a column without a name that counts anew for each value of the one before",
        {"column3": "number"},
        "over 'column2', a series for each 'column1'",
    ),
    File(
        "sdmx.csv",
        "LAST UPDATE,geo,TIME_PERIOD,OBS_VALUE\n"
        + "".join(f"02/03/24 23:00,{land},{year},{wave(year):.1f}\n" for land in "AB" for year in range(1999, 2022)),
        "forecast",
        "a time that is the same in every row is none, another column is called as one",
        says="over 'TIME_PERIOD', a series for each 'geo'",
    ),
    File("year_first.csv", dated("%y/%m/%d"), "forecast", "this order makes even steps", {"when": "time yr/month/day"}),
    File(
        "korean_dots.csv",
        dated("%Y. %m. %d"),
        "forecast",
        "dots and blanks between the parts",
        {"when": "time year. month. day"},
    ),
    File(
        "korean_clock.csv",
        "일시,값\n"
        + "".join(
            f"2024-01-{1 + at // 24:02} {'오전' if at % 24 < 12 else '오후'} {at % 12 or 12}:00,{wave(at):.2f}\n"
            for at in range(96)
        ),
        "forecast",
        "오전 and 오후",
        {"일시": "time year-month-day short 오전/오후 hour:minute"},
    ),
    File(
        "compact.csv",
        "when,load\n" + "".join(f"2024010{1 + hour // 24}{hour % 24:02},{wave(hour):.2f}\n" for hour in range(96)),
        "forecast",
        "ten digits that are a date and an hour, and move from hour to hour",
        {"when": "time yearmonthdayhour"},
    ),
    File(
        "basic.csv",
        dated("%Y%m%dT060000"),
        "forecast",
        "ISO 8601 without signs",
        {"when": "time yearmonthday T hourminutesecond"},
    ),
    File(
        "nanoseconds.csv",
        dated("%Y-%m-%dT00:00:00.000000000"),
        "forecast",
        "nine digits of a second",
        {"when": "time year-month-day"},
    ),
    File("ordinal.csv", dated("%Y-%j"), "error", "a name of times above what is none here", {"when": "text"}, "'when'"),
    File(
        "kwh.csv",
        "when,load\n" + "".join(f"{day},{wave(at):.2f} kWh\n" for at, day in enumerate(DAYS)),
        "error",
        "a unit behind every number",
        {"load": "text"},
        "write the numbers alone",
    ),
    File(
        "wide_digits.csv",
        "when,load\n" + "".join(f"{day},{chr(0xFF11 + at % 9)}{chr(0xFF10 + at % 7)}\n" for at, day in enumerate(DAYS)),
        "error",
        "digits of another script",
        {"load": "text"},
        "in plain digits",
    ),
    File(
        "twice.csv",
        dated("%Y-%m-%d,1", "when,load,load"),
        "error",
        "two columns of one name above numbers",
        says="two columns are called 'load'",
    ),
    File(
        "behind_commas.csv",
        "text, label\n" + "".join(f'"{text(row)}, so", "{"ab"[row % 2]}"\n' for row in range(40)),
        "classify",
        "blanks between commas and quotes",
        {"text": "text"},
    ),
    File(
        "open_ends.csv",
        "when,load\n" + "".join(f"{day},{wave(at):.2f},\n" for at, day in enumerate(DAYS)),
        "forecast",
        "rows that end in a comma, under names that do not",
        {"load": "number"},
    ),
    File(
        "unseen.csv",
        "\u200btext,\u00a0label\n" + "".join(f"{text(row)},{'ab'[row % 2]}\n" for row in range(40)),
        "classify",
        "characters that nobody sees are none of a name",
        {"label": "text"},
    ),
    File(
        "broken_name.csv",
        '"text\nof review","label"\n' + "".join(f'"{text(row)}","{"ab"[row % 2]}"\n' for row in range(40)),
        "classify",
        "a name over two lines, in quotes",
        {"text of review": "text"},
    ),
    File(
        "hats.csv",
        "text^label\n" + "".join(f"{text(row)}^{'ab'[row % 2]}\n" for row in range(40)),
        "classify",
        "the same sign once in every line",
        {"label": "text"},
    ),
    File(
        "flags.csv",
        "text,joy,anger,fear\n"
        + "".join(f"{text(row)},{row % 3 == 0},{row % 2 == 0},{row % 5 == 2}\n" for row in range(40)),
        "error",
        "True and False in a column for each label",
        says="--target joy",
    ),
]
