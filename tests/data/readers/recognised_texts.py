"""Small files of texts, tags and conversations like those that people have: what each is taken for, and by what."""

from __future__ import annotations

import json
from collections.abc import Callable

from data.readers.recognised import File, text

ENTITIES = {"text": "Ana Silva left", "entities": [{"start": 0, "end": 9, "label": "PER"}]}
TMX = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4"><body>\n'
    + "".join(
        f'<tu><tuv xml:lang="en"><seg>the <bpt i="1">b</bpt>house<ept i="1">b</ept> {n} &amp; I</seg></tuv>'
        f'<tuv xml:lang="ko"><seg>집 {n}과 나</seg></tuv></tu>\n'
        for n in range(20)
    )
    + "</body></tmx>\n"
)
XLIFF = '<?xml version="1.0"?>\n<xliff version="1.2"><file><body>\n' + "".join(
    f"<trans-unit id='{n}'><source>the house {n}</source><target>das Haus {n}</target></trans-unit>\n"
    for n in range(20)
)


def labelled(several: Callable[[int], str], between: str = "\t", name: str = "label") -> str:
    return f"text{between}{name}\n" + "".join(f"{text(r)}{between}{several(r)}\n" for r in range(40))


def jsonl(row: Callable[[int], object], count: int = 40) -> str:
    return "".join(json.dumps(row(r), ensure_ascii=False) + "\n" for r in range(count))


def kakao(line: Callable[[int], str], head: str) -> str:
    return f"{head} 님과 카카오톡 대화\n저장한 날짜 : 2024-01-06 10:00:00\n\n" + "".join(map(line, range(40)))


TEXTS = [
    # Classes.
    File(
        "moods.tsv",
        labelled(lambda r: ("joy, love", "fear", "love", "fear, joy")[r % 4]),
        "classify",
        "commas with blanks, under a name of labels, which come in several company",
        {"label": "labels ,"},
    ),
    File(
        "cities.tsv",
        labelled(lambda r: ("Paris, France", "Rome, Italy", "Oslo, Norway")[r % 3]),
        "classify",
        "what stands around a comma always comes together: one class",
        {"label": "text"},
    ),
    File(
        "films.csv",
        labelled(lambda r: ("Science Fiction|Drama", "Drama", "Comedy")[r % 3], ",", "genres"),
        "classify",
        "bars under the name of labels",
        {"genres": "labels |"},
    ),
    File(
        "lists.csv",
        labelled(lambda r: ("\"['joy', 'love']\"", "['fear']", "[]")[r % 3], ",", "labels"),
        "classify",
        "lists as pandas writes them",
        {"labels": "labels"},
    ),
    File(
        "numbered.jsonl",
        jsonl(lambda r: {"text": text(r), "labels": [[14, 25], [3], [27]][r % 3], "id": f"e{r:05}q"}),
        "classify",
        "lists of numbers under the name of labels",
        {"labels": "labels"},
    ),
    File(
        "rare.csv",
        labelled(lambda r: f"class {r % 30}", ","),
        "error",
        "a column called label, with nearly as many values as rows",
        says="--target label",
    ),
    File(
        "hate.tsv",
        "comments\tbias\thate\n" + "".join(f"{text(r)}\t{'ab'[r % 2]}\t{('hate', 'none')[r % 2]}\n" for r in range(40)),
        "classify",
        "one word stands above texts of several, though another is a class, too",
        {"comments": "text"},
    ),
    File(
        "tweets.csv",
        "id,airline_sentiment,retweet_count,text\n"
        + "".join(f"{570306133677760513 + r},{('neutral', 'positive')[r % 2]},{r % 2},{text(r)}\n" for r in range(40)),
        "classify",
        "a word of the name says what is a class",
        says="the class in 'airline_sentiment'",
    ),
    File(
        "trailing.csv",
        "Text,Label,\r\n" + "".join(f"{text(r)},{'ab'[r % 2]},\r\n" for r in range(40)) + ",,\r\n,,\r\n",
        "classify",
        "rows of nothing but delimiters are blank lines",
    ),
    File(
        "first.txt",
        "".join(f"{('spam', 'ham')[r % 2]}, {text(r)}\n" for r in range(40)),
        "classify",
        "one of few words and a comma before every text",
        {"label": "text"},
    ),
    File(
        "trec.txt",
        "".join(f"{('DESC:manner', 'HUM:ind')[r % 2]} {text(r)} ?\n" for r in range(40)),
        "classify",
        "`CLASS:kind` before every text",
    ),
    File(
        "behind.txt",
        "".join(f"{text(r)} __label__{'ab'[r % 2]}\n" for r in range(40)),
        "classify",
        "every line ends with `__label__`",
        {"labels": "labels"},
    ),
    File(
        "pieces.txt",
        "".join(f"{text(r)} ||| {text(r + 1)}\n" for r in range(40)),
        "error",
        "three bars between cells",
        {"column2": "text"},
        "--task translate --source column1 --target column2",
    ),
    File(
        "intents.json",
        json.dumps(
            {
                "intents": [
                    {"tag": tag, "patterns": [f"{tag} {text(r)}" for r in range(9)], "responses": ["fine", "well"]}
                    for tag in ("greeting", "goodbye")
                ]
            }
        ),
        "classify",
        "intents with lists of patterns; their answers are no inputs",
        {"intent": "text"},
        "left out of the inputs: response, it answers what is classified",
    ),
    File(
        "nlu.yml",
        'version: "3.1"\nnlu:\n'
        + "".join(
            f"- intent: {tag}\n  examples: |\n" + "".join(f"    - {tag} [Oslo](city) {r}\n" for r in range(9))
            for tag in ("greet", "bye")
        ),
        "classify",
        "Rasa's intents with lists of examples",
    ),
    File(
        "nlu.md",
        "".join(
            f"## intent:{tag}\n" + "".join(f"- {tag} now {r}\n" for r in range(9)) + "\n" for tag in ("greet", "bye")
        ),
        "classify",
        "the same as Markdown",
    ),
    File(
        "tasks.json",
        json.dumps(
            [
                {
                    "id": r,
                    "data": {"text": text(r)},
                    "annotations": [{"result": [{"type": "choices", "value": {"choices": ["ab"[r % 2]]}}]}],
                }
                for r in range(40)
            ]
        ),
        "classify",
        "Label Studio's results that are choices",
        {"labels": "labels"},
    ),
    File(
        "inside.json",
        json.dumps({"set": {"by": "us", "items": [{"text": text(r), "label": "ab"[r % 2]} for r in range(40)]}}),
        "classify",
        "the only list of objects inside",
    ),
    File(
        "objects.json",
        "".join(json.dumps({"text": text(r), "label": "ab"[r % 2]}, indent=1) + "\n" for r in range(40)),
        "classify",
        "objects one after the other",
    ),
    # Tags.
    File(
        "slashes.txt",
        "The/DT dog/NN runs/VBZ ./.\nA/DT cat/NN sleeps/VBZ ./.\nOld/JJ men/NNS walk/VBP ./.\n" * 8,
        "tag",
        "every word has one of few tags behind a slash",
    ),
    File(
        "sejong.txt",
        "나/NP+는/JX 학교/NNG+에/JKB 가/VV+ㄴ다/EF ./SF\n그/NP+가/JKS 오/VV+았/EP+다/EF ./SF\n" * 9,
        "tag",
        "morphemes that + joins",
        {"tokens": "labels"},
    ),
    File(
        "counted.tsv",
        "".join(f"1\t이순신{r}\tPER_B\n2\t장군{r}은\tCVL_B\n3\t무신{r}이다\t-\n\n" for r in range(12)),
        "tag",
        "the first of three columns counts the words",
        {"tokens": "labels"},
    ),
    File(
        "words.csv",
        "Sentence #,Word,POS,Tag\n" + "".join(f"Sentence: {r},Ana,NNP,B-per\n,left,VBD,O\n" for r in range(12)),
        "tag",
        "the header names sentence, word and tag",
        {"POS": "labels"},
    ),
    File(
        "sentences.csv",
        "sentence,tags\n"
        + "".join(f"Ana left {'Oslo' if r % 2 else 'now'},B-PER O {'B-LOC' if r % 2 else 'O'}\n" for r in range(12)),
        "tag",
        "as many tags as words",
        {"sentence": "labels"},
    ),
    File(
        "arrays.csv",
        "tokens,ner_tags\n" + "\"['Ana' 'left']\",\"['B-PER' 'O']\"\n" * 12,
        "tag",
        "lists as numpy writes them",
    ),
    File("entities.jsonl", jsonl(lambda r: ENTITIES, 12), "tag", "texts beside places in them"),
    File(
        "doccano.jsonl",
        jsonl(lambda r: {"id": r, "text": "Ana left", "label": [[0, 3, "PER"]]}, 12),
        "tag",
        "the same as lists",
    ),
    File(
        "spacy.json", json.dumps([["Ana left", {"entities": [[0, 3, "PER"]]}]] * 12), "tag", "the same as spaCy has it"
    ),
    File(
        "snips.json",
        json.dumps(
            {"Play": [{"data": [{"text": "play "}, {"text": f"song {r}", "entity": "song"}]} for r in range(12)]}
        ),
        "tag",
        "texts in pieces, some of which are entities",
        {"intent": "text"},
    ),
    # Conversations and pairs.
    File(
        "dialogues.txt",
        "".join(f"Hello {r} ? __eou__ Fine , {text(r)} . __eou__\n" for r in range(40)),
        "chat",
        "`__eou__` in every line",
        {"turns": "labels"},
    ),
    File(
        "KakaoTalk.txt",
        kakao(lambda r: f"[{('김', '이')[r % 2]}] [오후 3:{r:02}] 안녕 {r}\n", "김"),
        "chat",
        "`[name] [time]` before what is said",
    ),
    File(
        "phone.txt",
        kakao(lambda r: f"2024년 1월 {r // 9 + 1}일 오후 3:12, {('김', '이')[r % 2]} : 안녕 {r}\n", "이"),
        "chat",
        "a date, a name and a colon",
    ),
    File(
        "kakao.csv",
        "Date,User,Message\n"
        + "".join(f'2024-01-05 15:00:{r:02},"{("김", "이")[r % 2]}","안녕 {r}"\n' for r in range(40)),
        "chat",
        "the header of KakaoTalk",
    ),
    File(
        "whatsapp.txt",
        "".join(f"1/{r // 9 + 1}/24, 3:12 PM - {('Ana', 'Rui')[r % 2]}: {text(r)}\n" for r in range(40)),
        "chat",
        "the same as WhatsApp has it",
    ),
    File(
        "telegram.json",
        json.dumps(
            {
                "messages": [
                    {
                        "date": f"2024-01-{r // 9 + 1:02}T15:00:00",
                        "from": ("Ana", "Rui")[r % 2],
                        "from_id": "u",
                        "text": text(r),
                    }
                    for r in range(40)
                ]
            }
        ),
        "chat",
        "the keys of Telegram",
    ),
    File(
        "script.txt",
        "".join(f"{('Ana', 'Rui')[r % 2]}: {text(r)}\n" for r in range(40)),
        "error",
        "every line begins with one of few names and a colon",
        says="--format messenger reads conversations (chat), --task generate the whole text",
    ),
    File("memory.tmx", TMX, "translate", "a translation memory", {"ko": "text"}),
    File("units.xlf", XLIFF + "</body></file></xliff>", "translate", "XLIFF", {"target": "text"}),
    File(
        "domains.csv",
        "domain,ko,en\n" + "".join(f"{'ab'[r % 2]},좋은 {text(r)},good {text(r)}\n" for r in range(40)),
        "translate",
        "texts in two languages are all the texts there are",
    ),
    File(
        "news.csv",
        "article,highlights\n"
        + "".join(f"{text(r)} {text(r + 1)} {text(r + 2)} {text(r + 3)},{text(r)}\n" for r in range(40)),
        "error",
        "two columns of texts",
        says="--task translate --source article --target highlights",
    ),
    # Prose and what is none.
    File(
        "film.srt",
        "".join(f"{r}\n00:00:{r:02},000 --> 00:00:{r:02},900\n<i>{text(r)}</i>\n\n" for r in range(40)),
        "generate",
        "times with arrows between them",
        {"text": "text"},
    ),
    File(
        "rows.xml",
        '<?xml version="1.0"?>\n<rows>\n' + "".join(f"<row>{text(r)}</row>\n" for r in range(40)) + "</rows>\n",
        "error",
        "XML that is no translation",
        says="--format text for a language model of the markup itself",
    ),
    File(
        "nested.jsonl",
        jsonl(lambda r: {"turns": [{"who": "a", "what": {"x": r}}], "n": r}, 12),
        "error",
        "lists of objects that hold no text",
        says="holds lists or objects",
    ),
]
