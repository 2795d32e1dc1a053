"""Small files of conversations, pairs, questions and captions like those that people have: what each is taken for."""

from __future__ import annotations

import json

from data.readers.recognised import File, text
from data.readers.recognised_texts import jsonl


def rows(head: str, line: object) -> str:
    return head + "\n" + "".join(f"{line(r)}\n" for r in range(40))  # type: ignore[operator]


def said(r: int) -> str:
    return f"{text(r)} said"


def slack(r: int) -> dict[str, object]:
    return {"type": "message", "user": f"U{r % 3}", "text": said(r), "ts": f"17040672{r:02}.0001"}


def discord(r: int) -> dict[str, object]:
    stamp = f"2024-01-0{r // 9 + 1}T10:00:00+00:00"
    return {"id": str(r), "timestamp": stamp, "content": said(r), "author": {"id": "1", "name": "ab"[r % 2]}}


def squad_cell(r: int) -> str:
    context = f"Room {r} is red and door {r} is shut"
    return f"\"{{'text': ['door {r}'], 'answer_start': [{context.index('door')}]}}\""


TALKS = [
    File(
        "talks.csv",
        rows("conversation_id,speaker,text", lambda r: f"{r // 4},{'AB'[r % 2]},{said(r)}"),
        "chat",
        "columns of conversations, speakers and texts, and nothing else",
        {"turns": "labels"},
    ),
    File(
        "friends.csv",
        rows("speaker,line", lambda r: f"{('Ana', 'Rui')[r % 2]},{said(r)}"),
        "error",
        "a column of who speaks beside what is said",
        says="--format messenger reads what is said as conversations (chat)",
    ),
    File(
        "tree.jsonl",
        jsonl(lambda r: {"id": f"m{r}x", "parent_id": f"m{r - 1}x", "text": said(r), "role": ("user", "bot")[r % 2]}),
        "error",
        "the same, with the row that each row answers",
        says="for chat write a list of turns for each conversation",
    ),
    File(
        "line.txt",
        "[LINE] Ana\n\n2024.01.05 금요일\n"
        + "".join(f"{10 + r // 60}:{r % 60:02}\t{'김이'[r % 2]}\t{said(r)}\n" for r in range(40)),
        "chat",
        "LINE's time, name and text with tabs between them",
    ),
    File(
        "irc.txt",
        "".join(f"[10:{r:02}] <{('ana', 'rui')[r % 2]}> {said(r)}\n" for r in range(40)),
        "chat",
        "times and names in brackets",
    ),
    File("slack.json", json.dumps([slack(r) for r in range(40)]), "chat", "the keys of Slack"),
    File(
        "discord.json",
        json.dumps({"channel": {"name": "a"}, "messages": [discord(r) for r in range(40)]}),
        "chat",
        "the keys of Discord's messages",
    ),
    File(
        "personachat.txt",
        "".join(f"1 your persona: i like {r}.\n2 {said(r)}\t{text(r)}\t\ta|b\n3 hm {r}\tyes {r}\n" for r in range(12)),
        "chat",
        "numbers that begin at 1 again, an answer behind a tab",
    ),
    File(
        "greetings.yml",
        "categories:\n- greetings\nconversations:\n" + "".join(f"- - {said(r)}\n  - {text(r)}\n" for r in range(20)),
        "chat",
        "`conversations:` with lists in a list",
    ),
    File(
        "messages.jsonl",
        jsonl(
            lambda r: {
                "messages": [
                    {"role": "system", "content": "be kind"},
                    {"role": "user", "content": [{"type": "text", "text": said(r)}]},
                    {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                    {"role": "tool", "content": "4"},
                    {"role": "assistant", "content": text(r)},
                ]
            }
        ),
        "chat",
        "a list of messages; calls of programs are no turns",
    ),
    File(
        "log.json",
        json.dumps({f"D{r}": {"goal": {}, "log": [{"text": said(r)}, {"text": text(r)}]} for r in range(20)}),
        "chat",
        "a log of texts in every dialogue, as MultiWOZ has it",
    ),
    File(
        "alpaca.json",
        json.dumps(
            [{"instruction": said(r), "input": "" if r % 3 else f"of {r}", "output": text(r)} for r in range(40)]
        ),
        "chat",
        "instructions, what some of them come with, and outputs",
        says="'output' as the answer to 'instruction' with 'input'",
    ),
    File(
        "wellness.csv",
        rows("구분,유저,챗봇", lambda r: f"감정,{said(r)},{text(r)}"),
        "chat",
        "names of people and of programs that talk",
    ),
    File(
        "qa.txt",
        "".join(f"Q: {said(r)}\nA: {said(r + 1)}\n\n" for r in range(40)),
        "error",
        "Q and A before the lines",
        says="--format messenger reads conversations (chat)",
    ),
    File(
        "ubuntu.csv",
        rows(
            "Context,Utterance,Label",
            lambda r: f'"{said(r)} __eou__ __eot__ x {r} __eou__","{text(r)} __eou__",{r % 2}.0',
        ),
        "classify",
        "marks of turns inside the cells of a table are none of lines",
    ),
    File(
        "aihub.csv",
        rows("sid,원문,번역문", lambda r: f"{r + 1},좋은 {said(r)},good {text(r)}"),
        "translate",
        "a text and its translation by their names",
        says="from '원문' to '번역문'",
    ),
    File(
        "spoken.csv",
        rows("대분류,상황,Set Nr.,발화자,원문,번역문", lambda r: f"일,회의,{r // 4},A-1,좋은 {said(r)},good {text(r)}"),
        "translate",
        "most cells of the first line are usual names",
    ),
    File(
        "korean.csv",
        rows("한국어,영어", lambda r: f"좋은 {said(r)},good {text(r)}"),
        "translate",
        "names of languages in Korean",
    ),
    File(
        "de.po",
        'msgid ""\nmsgstr "Language: de\\n"\n\n'
        + "".join(f'#: a.c:{r}\nmsgid "{said(r)} "\n"{r}\\n"\nmsgstr "{text(r)}"\n\n' for r in range(20))
        + '#, fuzzy\nmsgid "a guess"\nmsgstr "x"\n\nmsgid "nothing"\nmsgstr ""\n',
        "translate",
        "msgid and msgstr",
        says="from 'source' to 'target'",
    ),
    File("pairs.jsonl", jsonl(lambda r: {"src": said(r), "trg": text(r)}), "translate", "src and trg"),
    File(
        "squad.csv",
        rows("context,question,answers", lambda r: f"Room {r} is red and door {r} is shut,what?,{squad_cell(r)}"),
        "answer",
        "answers with their places as pandas writes them",
        says="spans of 'context'",
    ),
    File(
        "reading.csv",
        rows("지문,질문,정답", lambda r: f"{r}번 방은 붉고 문은 잠겼다,문은 어떤가,잠겼다"),
        "answer",
        "names of passages, questions and answers in Korean",
    ),
    File(
        "race.jsonl",
        jsonl(lambda r: {"article": said(r), "question": "?", "options": [text(r), said(r)], "answer": "AB"[r % 2]}),
        "error",
        "letters beside lists of choices",
        says="the choices in 'options', which differ from row to row, are not learnt",
    ),
    File(
        "mmlu.csv",
        "".join(
            f"what is {r}?,{text(r)},{text(r + 1)},{text(r + 2)},{text(r + 3)},{'ABCD'[r % 4]}\n" for r in range(40)
        ),
        "error",
        "the same in columns without names",
        says="the choices in 'column2' to 'column5'",
    ),
    File(
        "vqa.jsonl",
        jsonl(lambda r: {"image": f"{r}.jpg", "question": f"what is {r}?", "answer": text(r)}),
        "error",
        "pictures beside questions",
        says="questions about pictures are not learnt",
    ),
    File(
        "told.txt",
        "".join(f"1 Ana left {r}.\n2 Rui slept {r}.\n3 Eva ran {r}.\n" for r in range(12)),
        "error",
        "numbers that begin at 1 again, and nobody asks",
        says="--format class-lines",
    ),
    File(
        "results.csv",
        rows("image_name| comment_number| comment", lambda r: f"{r}.jpg| 0| {said(r)} ."),
        "caption",
        "the head of Flickr30k",
    ),
    File(
        "pictures.csv",
        rows("파일명,설명", lambda r: f"{r}.jpg,{said(r)}"),
        "caption",
        "what stands above names of files is none",
    ),
    File(
        "ko_captions.json",
        json.dumps([{"file_path": f"images/{r}.jpg", "captions": [said(r), text(r)]} for r in range(20)]),
        "caption",
        "lists of captions beside names of pictures",
    ),
    File(
        "named.json",
        json.dumps({f"{r}.jpg": [said(r), text(r)] for r in range(20)}),
        "caption",
        "names of pictures as keys",
    ),
    File(
        "columns.csv",
        rows("image,caption_1,caption_2", lambda r: f"{r}.jpg,{said(r)},{text(r)}"),
        "error",
        "a column of names of pictures beside several of texts",
        says="--task caption --set data.inputs=image --target COLUMN",
    ),
]
