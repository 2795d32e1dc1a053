"""What the pages for readers show is run: Python blocks, commands, links, and the tables that a script made."""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import types
from pathlib import Path

import pytest
import typer
from PIL import Image

from data.audio.sounds import spoken, write_folder, write_wav
from unroll.cli.app import make_app, run

pytestmark = pytest.mark.docs

ROOT = Path(__file__).parents[2]
FRONT = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docs/speed.md")]
PAGES = [*FRONT, *sorted((ROOT / "docs/usage").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: Pages about Keras run in a process of their own: see tests/interop/keras.
KERAS_PAGES = ("keras.md", "keras.ko.md")
#: What the blocks of a page import beyond the extra `tasks`.
IMPORTS = dict.fromkeys(("onnx.md", "onnx.ko.md"), ("onnx", "onnxscript", "onnxruntime"))

POSITIVE = [
    "정말 재미있어요",
    "a joy from start to end",
    "최고의 영화",
    "wonderful acting",
    "또 보고 싶어요",
    "great fun",
]
NEGATIVE = [
    "시간이 아까워요",
    "a waste of time",
    "정말 지루해요",
    "dull and far too long",
    "다시는 안 봐요",
    "poor story",
]


def blocks(page: Path, language: str) -> list[str]:
    return [body for name, body in BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


def of_its_own(page: Path, language: str) -> list[str]:
    """The blocks of a page; none of a Korean page that shows those of the English one, which are run there."""
    own = blocks(page, language)
    english = page.with_name(page.name.replace(".ko.md", ".md"))
    return [] if english != page and own == blocks(english, language) else own


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


IN_PROCESS = [page for page in PAGES if of_its_own(page, "python") and page.name not in KERAS_PAGES]


# torch.onnx and what it stands on warn of one another's future.
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("page", IN_PROCESS, ids=named)
def test_python_blocks_run(page, readers_folder, monkeypatch, request):
    for name in IMPORTS.get(page.name, ()):
        pytest.importorskip(name)
    if page.name in IMPORTS:
        request.getfixturevalue("one_registry")
    # dataclasses look up the module that a class says it is from.
    module = types.ModuleType("page_of_the_docs")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for body in blocks(page, "python"):
        if "unroll.train(" in body:
            pytest.importorskip("unroll.api")
        exec(compile(body, named(page), "exec"), module.__dict__)


@pytest.fixture
def readers_folder(monkeypatch, tmp_path):
    """A folder as a reader of the pages has it, with few rows, so that training takes a moment."""
    rows = [f'"{text} {number}",{label}' for number in range(5) for label, texts in
            (("pos", POSITIVE), ("neg", NEGATIVE)) for text in texts]  # fmt: skip
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    sentences = ["Anna/B-PER lives/O in/O New/B-LOC York/I-LOC ./O", "김민수/B-PER 은/O 부산/B-LOC 에/O 산다/O"] * 15
    tagged = "\n\n".join("\n".join(token.replace("/", "\t") for token in line.split()) for line in sentences)
    (tmp_path / "people.conll").write_text(tagged + "\n", encoding="utf-8")
    (tmp_path / "book.txt").write_text("the cat sat on the mat.\n\n고양이가 앉았다.\n" * 120, encoding="utf-8")
    bumps = [[round(max(0.0, 1 - abs(t - at) / 3), 2) for t in range(12)] + [name]
             for n in range(16) for at, name in ((3 + n % 2, "early"), (8 + n % 2, "late"))]  # fmt: skip
    head = ",".join([*(f"t{t}" for t in range(12)), "label"])
    (tmp_path / "gestures.csv").write_text("\n".join([head, *(",".join(map(str, row)) for row in bumps)]) + "\n")
    flow = [f"2024-03-01T{at // 60:02}:{at % 60:02}:00,{5 + at % 7 * 0.1:.1f}" for at in range(1000)]
    (tmp_path / "sensor.csv").write_text("\n".join(["time,flow", *flow]) + "\n", encoding="utf-8")
    told = "1 Mary went to the {0}.\n2 John went to the {1}.\n3 Where is Mary?\t{0}\t1\n"
    places = ["kitchen", "garden", "hall"]
    stories = "".join(told.format(places[n % 3], places[(n // 3) % 3]) for n in range(40))
    (tmp_path / "stories.txt").write_text(stories, encoding="utf-8")
    asked = '{"story": ["Mary went to the hall."], "question": "Where is Mary?"}\n'
    (tmp_path / "asked.jsonl").write_text(asked, encoding="utf-8")
    (tmp_path / "photos/images").mkdir(parents=True)
    rows = ["image,caption"]
    for number in range(30):
        colour = ("red", "green", "blue")[number % 3]
        Image.new("RGB", (16, 16), colour).save(tmp_path / f"photos/images/{number}.png")
        rows.append(f"{number}.png,a {colour} square")
    (tmp_path / "photos/captions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "questions.txt").write_text("좋아요\n지루해요\n", encoding="utf-8")
    pairs = [(f"der Hund sieht die Frau {n}.", f"the dog sees the woman {n}.") for n in range(60)]
    (tmp_path / "pairs").mkdir()
    for side, language in enumerate(("de", "en")):
        (tmp_path / "pairs" / f"train.{language}").write_text("\n".join(pair[side] for pair in pairs) + "\n", "utf-8")
    talk = [f"{text} {number},{text} 라니요" for number in range(6) for text in (*POSITIVE, *NEGATIVE)]
    (tmp_path / "talk.csv").write_text("\n".join(["question,answer", *talk]) + "\n", encoding="utf-8")
    write_folder(tmp_path / "speech", 24)
    write_wav(tmp_path / "recording.wav", spoken("ab"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(page: Path) -> list[str]:
    return [line for body in of_its_own(page, "console") for line in body.splitlines() if line]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=named)
def test_commands_run(page, readers_folder, monkeypatch, capsys):
    for command in commands(page):
        line, _, source = command.partition(" < ")
        words = shlex.split(line)
        assert words[0] == "unroll", command
        if source:
            stream = io.TextIOWrapper(io.BytesIO((readers_folder / source).read_bytes()), encoding="utf-8")
            monkeypatch.setattr(sys, "stdin", stream)
        code = run(words[1:])
        shown = capsys.readouterr()
        assert code == 0, f"{command}\n{shown.err}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_shell_blocks_name_scripts_and_options_that_exist(page):
    known = typer.main.get_command(make_app()).commands
    for body in blocks(page, "sh"):
        for line in body.splitlines():
            words = shlex.split(line)
            if words[0].startswith("scripts/"):
                assert os.access(ROOT / words[0], os.X_OK), line
                continue
            assert words[0] in ("unroll", "torchrun"), line
            start = words.index("unroll.cli" if words[0] == "torchrun" else "unroll") + 1
            options = {option for parameter in known[words[start]].params for option in parameter.opts}
            assert {word for word in words[start + 1 :] if word.startswith("--")} <= options, line


def test_every_language_of_blocks_is_checked():
    for page in PAGES:
        names = {name for name, _ in BLOCK.findall(page.read_text(encoding="utf-8"))}
        # What a diff adds is run by tests/tasks/test_add_a_task.py.
        assert names <= {"python", "console", "sh"} | ({"diff"} if page.name == "CONTRIBUTING.md" else set()), page


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.ko.md"], ids=named)
def test_links_lead_somewhere(page):
    prose = re.sub(r"`[^`\n]*`", "", BLOCK.sub("", page.read_text(encoding="utf-8")))
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert (page.parent / target).exists(), target


def test_the_korean_readme_keeps_step_with_the_english_one():
    english, korean = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
    assert BLOCK.findall(english) == BLOCK.findall(korean)
    assert english.count("\n## ") == korean.count("\n## ")
    # A page that stands in both languages is linked in the reader's own.
    links = [
        {link.replace(".ko.md", ".md") for link in re.findall(r"\]\(([^)]+)\)", text)} for text in (english, korean)
    ]
    assert links[0] == links[1]
