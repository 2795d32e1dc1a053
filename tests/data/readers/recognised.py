"""Small files like those that people have: what each is taken for, and by what. The docs show the list as a table."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable
from typing import NamedTuple


class File(NamedTuple):
    """One file.

    Attributes:
        name: of the file.
        text: what it holds.
        taken: what it is taken for: the task, and what matters of the columns; "error" for a question.
        by: what that is told by, for the docs.
        kinds: kind and notation of some columns.
        says: a part of the error, or of what is said aloud.
    """

    name: str
    text: str
    taken: str
    by: str
    kinds: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple default, never mutated
    says: str = ""


DAYS = [datetime.date(2023, 1, 1) + datetime.timedelta(day) for day in range(60)]
MONTHS = [datetime.date(2018 + month // 12, month % 12 + 1, 1) for month in range(30)]
WORDS = ["river", "stone", "cloud", "amber", "field", "north", "paper", "glass", "iron", "maple"]


def wave(step: int) -> float:
    return 20 + 5 * math.sin(2 * math.pi * step / 7) + 0.25 * (step % 4)


def text(row: int) -> str:
    return f"{WORDS[row % 10]} {WORDS[row * 3 % 10]} note {row} {WORDS[(row + 5) % 10]}"


def dated(stamp: str, head: str = "when,load", *, dates: list[datetime.date] = DAYS, between: str = ",") -> str:
    return head + "\n" + "".join(f"{day.strftime(stamp)}{between}{wave(at):.2f}\n" for at, day in enumerate(dates))


def measured(form: Callable[[float], str], head: str = "Datum;Wert") -> str:
    return head + "\n" + "".join(f"{day:%d.%m.%Y};{form(wave(at))}\n" for at, day in enumerate(DAYS))


def comma(value: float) -> str:
    return f"{value:.2f}".replace(".", ",")


def german(value: float) -> str:
    return f"{value * 1000:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".")


def tagged(*sentences: str, times: int = 8, between: str = " ") -> str:
    lines = ("\n".join(word.replace("/", between) for word in sentence.split()) + "\n" for sentence in sentences)
    return "\n".join(list(lines) * times)


def classified(label: Callable[[int], str] = lambda row: ("good", "bad")[row % 2]) -> str:
    return "text,label\n" + "".join(f"{text(row)},{label(row)}\n" for row in range(40))


SENTENCES = ("Ana/B-PER Silva/I-PER left/O", "Acme/B-ORG hired/O Rui/B-PER")
FILES = [
    # Texts and classes.
    File("reviews.csv", classified(), "classify", "a column of few classes beside one of texts"),
    File(
        "no_header.tsv", classified().partition("\n")[2].replace(",", "\t"), "classify", "the first line holds a class"
    ),
    File(
        "spam.csv",
        "v1,v2,,,\n" + "".join(f"{('ham', 'spam')[r % 2]},{text(r)},,,\n" for r in range(40)),
        "classify",
        "names that are empty do not count; `v1` is a name that programs give",
        {"v1": "text"},
    ),
    File(
        "kinds.csv",
        "sort,remark\n" + "".join(f"{('x', 'y')[r % 2]},{text(r)}\n" for r in range(40)),
        "classify",
        "what stands above classes once is no class",
    ),
    File(
        "comments.csv",
        "COMMENT_ID,CONTENT,CLASS\n" + "".join(f"z{r * 7919 % 100000:05}q{r},{text(r)},{r % 2}\n" for r in range(40)),
        "classify",
        "ids name rows and are left out of the inputs",
        says="left out of the inputs: COMMENT_ID, it names the rows",
    ),
    File(
        "copies.csv",
        "text,code,label\n" + "".join(f"{text(r)},{('class one', 'class two')[r % 2]},{r % 2}\n" for r in range(40)),
        "classify",
        "a copy of the target is left out",
        says="left out of the inputs: code, a copy of 'label'",
    ),
    File(
        "constant.csv",
        "text,source,label\n" + "".join(f"{text(r)},web,{r % 2}\n" for r in range(40)),
        "classify",
        "a column of one value is left out",
        says="left out of the inputs: source, one value",
    ),
    File(
        "emotions.tsv",
        "text\tlabel\n" + "".join(f"{text(r)}\t{('joy,love', 'fear', 'love')[r % 3]}\n" for r in range(40)),
        "classify",
        "commas without blanks between few labels",
        {"label": "labels ,"},
    ),
    File(
        "coded.csv",
        "text;label\n" + "".join(f"{text(r)};{('1,2', '3', '2,1,3')[r % 3]}\n" for r in range(40)),
        "classify",
        "numbers with two commas are labels",
        {"label": "labels ,"},
    ),
    File(
        "fast.txt",
        "".join(f"__label__{('a', 'b')[r % 2]} {text(r)}\n" for r in range(40)),
        "classify",
        "every line begins with `__label__`",
        {"labels": "labels"},
    ),
    File(
        "heart.txt",
        "".join(f"{r % 2} 1:{r % 5} 4:{wave(r):.2f} 7:1\n" for r in range(40)),
        "classify",
        "`LABEL INDEX:VALUE` in every line",
        {"series": "series 1"},
    ),
    File(
        "rows.txt",
        "".join(json.dumps({"text": text(r), "label": r % 2}) + "\n" for r in range(40)),
        "classify",
        "every line is a JSON object",
    ),
    File(
        "rows.csv",
        "".join(json.dumps({"text": text(r), "label": "xy"[r % 2]}) + "\n" for r in range(40)),
        "classify",
        "every line is a JSON object",
    ),
    File(
        "captions.txt",
        "image,caption\n" + "".join(f"{r}.jpg,{text(r)}\n" for r in range(40)),
        "caption",
        "names of pictures beside texts",
        {"caption": "text"},
    ),
    # Questions.
    File(
        "qa1_train.txt",
        "".join(f"1 Ana left.\n2 It rains.\n3 Who left? \t{('Ana', 'Rui')[r % 2]}\t1\n" for r in range(20)),
        "answer",
        "numbers that begin at 1 again, questions with tabs",
        says="the 'answer' to 'question' about 'story'",
    ),
    File(
        "squad.json",
        '{"data": [{"paragraphs": [{"context": "Ada lived.", "qas": [{"id": "1", "question": "Who lived?", '
        '"answers": [{"text": "Ada", "answer_start": 0}]}]}]}]}',
        "answer",
        "the keys of SQuAD",
        says="spans of 'context'",
    ),
    # Tags.
    File(
        "ner.txt",
        tagged(*SENTENCES),
        "tag",
        "tags of entities at the ends of lines, blank lines between sentences",
        says="entities",
    ),
    File("ner.csv", tagged(*SENTENCES, between="\t"), "tag", "the same with tabs, under another name", says="entities"),
    File(
        "iob1.txt",
        tagged("the/O band/O from/O Oslo/I-LOC", "Mad/I-ORG Hats/I-ORG signed/O Eva/I-PER"),
        "tag",
        "entities that begin with I-",
    ),
    File(
        "bilou.txt",
        tagged("Ana/B-PER Maria/I-PER Costa/L-PER left/O", "Rui/U-PER left/O"),
        "tag",
        "U- and L- in the tags",
    ),
    File("bmes.txt", tagged("Ana/B-PER Maria/M-PER Costa/E-PER left/O", "Rui/S-PER left/O"), "tag", "M- in the tags"),
    File(
        "four.txt",
        "-DOCSTART- -X- O O\n\n" + tagged("EU/NNP/I-NP/B-ORG rejects/VBZ/I-VP/O"),
        "tag",
        "the last of four columns marks entities",
        {"column2": "labels"},
    ),
    File(
        "pos.txt",
        tagged(
            "the/DET river/NOUN runs/VERB",
            "a/DET stone/NOUN falls/VERB",
            "my/DET cloud/NOUN stays/VERB",
            "no/DET field/NOUN ends/VERB",
        ),
        "tag",
        "few words at the ends of lines, each met often",
    ),
    File(
        "trees.txt",
        "".join("1\tGo\tgo\tVERB\tVB\t_\t0\troot\t_\t_\n2\ton\ton\tADV\tRB\t_\t1\tadvmod\t_\t_\n\n" for _ in range(5)),
        "tag",
        "ten cells, the first an id",
    ),
    File(
        "names.jsonl",
        "".join(
            json.dumps({"id": str(r), "tokens": ["Ana", "left"], "ner_tags": ["B-PER", "O"]}) + "\n" for r in range(9)
        ),
        "tag",
        "lists of texts called tokens and tags",
    ),
    File(
        "numbers.jsonl",
        "".join(json.dumps({"tokens": ["Ana", "left"], "ner_tags": [1, 0]}) + "\n" for _ in range(9)),
        "error",
        "tags are numbers, and nothing names them",
        says="column 'ner_tags' holds the tags of 'tokens' as numbers; write their names",
    ),
    # Numbers.
    File("comma.csv", measured(comma), "forecast", "one comma, never three digits after it", {"Wert": "number 1234,5"}),
    File(
        "dots.csv",
        measured(german),
        "forecast",
        "dots between groups, a comma before the rest",
        {"Wert": "number 1.234,5"},
    ),
    File(
        "thin.csv",
        measured(lambda v: german(v).replace(".", "\u202f")),
        "forecast",
        "blanks of any width between groups",
        {"Wert": "number 1 234,5"},
    ),
    File(
        "swiss.csv",
        measured(lambda v: f"{v * 1000:,.2f}".replace(",", "'")),
        "forecast",
        "apostrophes between groups",
        {"Wert": "number 1'234.5"},
    ),
    File(
        "english.tsv",
        "when\tload\n" + "".join(f"{day}\t{wave(at) * 1000:,.2f}\n" for at, day in enumerate(DAYS)),
        "forecast",
        "commas between groups, a point before the rest",
        {"load": "number 1,234.5"},
    ),
    File(
        "euro.csv",
        measured(lambda v: f"{german(v)} €"),
        "forecast",
        "a currency beside every number",
        {"Wert": "number currency 1.234,5"},
    ),
    File(
        "share.csv",
        measured(lambda v: f"{v:.1f} %"),
        "forecast",
        "a per cent sign beside every number",
        {"Wert": "number 1234.5 %"},
    ),
    File(
        "either.csv",
        "day;count\n" + "".join(f"{day:%Y-%m-%d};{1 + at % 9},{100 + at}\n" for at, day in enumerate(DAYS)),
        "error",
        "1,100 is 1100 or 1.1, and nothing tells",
        {"count": "number 1,234.5|1234,5"},
        "'1,100' is 1100 (1,234.5) or 1.1 (1234,5); --set data.decimal=.",
    ),
    # Dates.
    File("iso.csv", dated("%Y-%m-%d"), "forecast", "ISO 8601", {"when": "time year-month-day"}),
    File("american.csv", dated("%m/%d/%Y"), "forecast", "a day above 12", {"when": "time month/day/year"}),
    File("british.csv", dated("%d/%m/%Y"), "forecast", "a day above 12", {"when": "time day/month/year"}),
    File("hyphens.csv", dated("%d-%m-%Y"), "forecast", "a day above 12", {"when": "time day-month-year"}),
    File(
        "first.csv",
        dated("%d/%m/%Y", dates=MONTHS),
        "forecast",
        "this order makes even steps, the other does not",
        {"when": "time day/month/year"},
    ),
    File(
        "six.csv",
        dated("%d/%m/%Y", dates=MONTHS[:6]),
        "error",
        "six firsts of a month, or six days of January",
        {"when": "time month/day/year|day/month/year"},
        "--set data.day_first=true",
    ),
    File(
        "clock.csv",
        dated("%m/%d/%Y %I:%M %p"),
        "forecast",
        "AM and PM",
        {"when": "time month/day/year hour:minute AM/PM"},
    ),
    File("names.csv", dated("%B %d %Y"), "forecast", "names of months", {"when": "time month day year"}),
    File(
        "monthly.csv",
        dated("%b %Y", dates=MONTHS),
        "forecast",
        "a month's name and a year",
        {"when": "time month name year"},
    ),
    File(
        "quarters.csv",
        "when,load\n" + "".join(f"{2005 + q // 4}Q{q % 4 + 1},{wave(q):.2f}\n" for q in range(20)),
        "forecast",
        "a year and a quarter",
        {"when": "time year Q quarter"},
    ),
    File(
        "weeks.csv",
        "when,load\n" + "".join(f"2023-W{w:02},{wave(w):.2f}\n" for w in range(1, 41)),
        "forecast",
        "weeks of ISO 8601",
        {"when": "time year-W week"},
    ),
    File(
        "short_months.csv",
        dated("%b-%y", dates=MONTHS),
        "forecast",
        "a month's name and the end of a year",
        {"when": "time month name yr"},
    ),
    File(
        "oracle.csv", dated("%d-%b-%y"), "forecast", "a month's name between two numbers", {"when": "time day month yr"}
    ),
    File(
        "weekdays.csv",
        dated("%a %d %b %Y"),
        "forecast",
        "the name of a weekday says nothing",
        {"when": "time day month year"},
    ),
    File(
        "ym.csv",
        dated("%Y%m", dates=MONTHS),
        "forecast",
        "six digits that move from month to month",
        {"when": "time yearmonth"},
    ),
    File("ym_dot.csv", dated("%Y.%m", dates=MONTHS), "forecast", "the same with a dot", {"when": "time year.month"}),
    File(
        "codes.csv",
        "code,load\n" + "".join(f"{190001 + row * 7919 % 100000},{wave(row):.2f}\n" for row in range(60)),
        "detect",
        "six digits that are no months",
        {"code": "number"},
    ),
    File(
        "unix.csv",
        "ts,load\n" + "".join(f"{1711000800 + 3600 * row},{wave(row):.2f}\n" for row in range(60)),
        "forecast",
        "a name of times above seconds since 1970",
        {},
        "over 'ts'",
    ),
    File(
        "millis.csv",
        "load,event_time\n" + "".join(f"{wave(row):.2f},{1711000800000 + 60000 * row}\n" for row in range(60)),
        "forecast",
        "the same in milliseconds",
        {},
        "over 'event_time'",
    ),
    File(
        "halves.csv",
        "Date;Time;load\n"
        + "".join(
            f"{day:%d/%m/%Y};{hour:02}.00.00;{wave(at + hour):.2f}\n"
            for at, day in enumerate(DAYS[:14])
            for hour in range(24)
        ),
        "forecast",
        "times of day beside dates",
        {},
        "over 'Date' and 'Time'",
    ),
    File(
        "hours.csv",
        "day,hour,load\n"
        + "".join(f"{day},{hour},{wave(at + hour):.2f}\n" for at, day in enumerate(DAYS[:9]) for hour in range(24)),
        "forecast",
        "hours beside dates",
        {},
        "over 'day' and 'hour'",
    ),
    File(
        "pieces.csv",
        "Year,Month,Day,load\n"
        + "".join(f"{day.year},{day.month},{day.day},{wave(at):.2f}\n" for at, day in enumerate(DAYS)),
        "forecast",
        "year, month and day in columns of their own",
        {},
        "over 'Year' and 'Month' and 'Day'",
    ),
    File(
        "countries.csv",
        "Country,Code,Year,load\n"
        + "".join(
            f"{name},{name[:2]},{1950 + at},{wave(at):.2f}\n" for name in ("Chile", "France") for at in range(40)
        ),
        "forecast",
        "years that come once for each name",
        {},
        "over 'Year', a series for each 'Country'",
    ),
    File(
        "pandas.csv",
        "Unnamed: 0,year,rain\n" + "".join(f"{at},{1950 + at},{wave(at):.2f}\n" for at in range(40)),
        "forecast",
        "a column that counts the rows is none",
        {},
        "over 'year'",
    ),
    File(
        "marks.csv",
        dated("%Y-%m-%d").replace("20.25", "-").replace("20.50", "#DIV/0!"),
        "forecast",
        "what people write for no value",
        {"load": "number"},
    ),
    File(
        "closed.csv",
        dated("%Y-%m-%d") + "2023-03-02,closed\n",
        "error",
        "a word among numbers, and no column of numbers",
        {},
        "holds numbers but for 1 cell, the first 'closed'",
    ),
    File(
        "sum.csv",
        dated("%Y-%m-%d") + "Total,1234\n",
        "forecast",
        "a row that sums up those above it is left out",
        {"when": "time year-month-day"},
        "over 'when'",
    ),
    File(
        "above.csv",
        "Source: office\nUnit: tonnes\n\n" + dated("%Y-%m-%d"),
        "forecast",
        "lines above the table have fewer cells",
        {"when": "time year-month-day"},
    ),
    File(
        "sep.csv",
        "sep=;\n" + dated("%Y-%m-%d", "when;load", between=";"),
        "forecast",
        "the line with which spreadsheets name the delimiter",
        {"load": "number"},
    ),
    File(
        "wide_years.csv",
        "Country,"
        + ",".join(map(str, range(1990, 2020)))
        + "\n"
        + "".join(
            f"{name}," + ",".join(f"{wave(at):.1f}" for at in range(30)) + "\n" for name in ("Chile", "France", "Spain")
        ),
        "forecast",
        "years that rise stand above numbers",
        {"1990": "number"},
        "every row is one series",
    ),
    File(
        "wide_months.csv",
        "item,"
        + ",".join(f"{day:%Y-%m}" for day in MONTHS)
        + "\n"
        + "".join(f"{name}," + ",".join(f"{wave(at):.1f}" for at in range(30)) + "\n" for name in ("a1", "b1", "c1")),
        "forecast",
        "months that rise stand above numbers",
        {"2018-01": "number"},
        "every row is one series",
    ),
    File(
        "columns.json",
        json.dumps({"when": [str(day) for day in DAYS], "load": [wave(at) for at in range(60)]}),
        "forecast",
        "lists of one length, numbers among them",
        {"when": "time year-month-day", "load": "number"},
    ),
    File(
        "frame.json",
        json.dumps({"when": {at: str(day) for at, day in enumerate(DAYS)}, "load": {at: wave(at) for at in range(60)}}),
        "forecast",
        "the same as pandas writes it",
        {"load": "number"},
    ),
    File(
        "gun.arff",
        "@relation gun\n"
        + "".join(f"@attribute a{at} numeric\n" for at in range(12))
        + "@attribute target {1,2}\n@data\n"
        + "".join(",".join(f"{wave(at + row):.2f}" for at in range(12)) + f",{row % 2 + 1}\n" for row in range(40)),
        "classify",
        "a class as the last attribute",
        {"series": "series 1"},
    ),
    # Tables of numbers without names, and prose.
    File(
        "rates.txt",
        "".join(",".join(f"{1 + k + 0.1 * math.sin(r / 7 + k):.4f}" for k in range(8)) + "\n" for r in range(60)),
        "forecast",
        "numbers that move smoothly from row to row",
        {"column1": "number"},
    ),
    File(
        "columns.dat",
        "".join(f"  {r:3d}   {math.sin(r / 9):8.4f}\n" for r in range(60)),
        "forecast",
        "numbers with blanks between them",
        {"column2": "number"},
    ),
    File(
        "one.txt",
        "".join(f"{math.sin(r / 9):.4f}\n" for r in range(60)),
        "forecast",
        "one number per line",
        {"column1": "number"},
    ),
    File(
        "stores.csv",
        "day,store,sold\n"
        + "".join(
            f"{day:%Y-%m-%d},{store},{wave(at) + n:.2f}\n"
            for at, day in enumerate(DAYS)
            for n, store in enumerate(("01", "02"))
        ),
        "forecast",
        "times that come once for each store",
        {"store": "number"},
    ),
    File(
        "novel.txt",
        "".join(f"{text(row).capitalize()}.\n" for row in range(60)),
        "generate",
        "lines of words",
        {"column1": "text"},
    ),
    File(
        "letters.md",
        "# Letters\n\n" + "".join(f"{text(row)}, {text(row + 3)}.\n\n" for row in range(60)),
        "generate",
        "lines of words",
        {"column1": "text"},
    ),
]
