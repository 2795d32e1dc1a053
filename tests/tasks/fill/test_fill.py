"""The fill task from a text to its missing words, on small made-up sentences in English and Korean."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unroll.bundle import DataConfig, RunFolder
from unroll.data import BPETokenizer, CharacterTokenizer, ReadOptions, Tokenizer, WordTokenizer, read_table
from unroll.errors import BundleError, ConfigError, DataError
from unroll.tasks.base import Record
from unroll.tasks.fill.data import cut_rows, paragraphs, read_gap, read_pieces, whole_rows
from unroll.tasks.fill.job import LEFT, FillJob
from unroll.tasks.fill.settings import Tokens
from unroll.tasks.fill.task import FillTask
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run

TASKS = {"fill": FillTask()}
SMALL = [
    "model.hidden_size=16",
    "model.embedding_size=12",
    "model.dropout=0",
    "training.batch_size=16",
    "training.epochs=4",
    "training.learning_rate=0.03",
]
SOUNDS = {"cat": "meows", "dog": "barks", "고양이가": "야옹", "강아지가": "멍멍"}


def write_text(path: Path, count: int = 240) -> Path:
    """Sentences whose animal is known only from the sound at their end."""
    draw = random.Random(0)
    lines = []
    for _ in range(count):
        animal, sound = draw.choice(list(SOUNDS.items()))
        place = draw.choice(["mat", "log"]) if animal.isascii() else draw.choice(["마당에서", "집에서"])
        lines.append(f"a {animal} on the {place} {sound}." if animal.isascii() else f"{animal} {place} {sound} 운다.")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def plan(path: Path, store: Path, *overrides: str, **data: Any) -> Plan:
    values = {"task": "fill", "data": {"path": str(path), **data}}
    return plan_run(values, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("run")
    # Large and long enough to be sure of its answers, so that the last bits of an instruction set do not decide them.
    larger = ["training.epochs=20", "training.learning_rate=0.02", "training.batch_size=8", "model.hidden_size=32"]
    made = plan(write_text(where / "a.txt", 600), where / "store", *larger, "model.embedding_size=24")
    return train_run(made, where / "run", say=lambda _: None)


def test_both_sides_know_more_than_the_left_and_stand_beside_n_grams(run: RunFolder) -> None:
    metrics = run.read_json("metrics.json")
    test, baselines = metrics["test"], metrics["baselines"]
    assert set(test) == {"accuracy", "top5_accuracy"}
    left, counted = baselines.values()
    assert list(baselines) == [LEFT, "3-gram from both sides"]
    # The place is a coin toss; the animal is one for whoever does not see the sound.
    assert test["accuracy"]["value"] > 0.8 > left["test"]["accuracy"]["value"]
    assert test["accuracy"]["value"] < test["top5_accuracy"]["value"] <= 1.0
    assert counted["test"]["accuracy"]["value"] > left["test"]["accuracy"]["value"]
    page = run.read_text("report.html")
    assert "Gaps and answers" in page
    assert LEFT in page


def test_predictions_fill_the_gap_from_both_sides(run: RunFolder) -> None:
    texts: list[Record] = [
        "a ___ on the mat barks.",
        "___ 집에서 야옹 운다.",
        {"text": "a cat on the mat ___."},
        "고양이가 _____",
    ]
    answers = list(predict_run(run, TASKS, texts))
    assert [answer["word"] for answer in answers[:3]] == ["dog", "고양이가", "meows"]
    assert answers[0]["text"] == "a dog on the mat barks."
    for answer in answers:
        shares = list(answer["probabilities"].values())
        assert len(shares) == 5
        assert shares == sorted(shares, reverse=True)
        assert 0 <= sum(shares) <= 1 + 1e-5
    assert json.loads(json.dumps(answers)) == answers


def test_a_gap_between_strange_words_and_at_the_edges(run: RunFolder) -> None:
    for text in ("___", "漢字 ___ 🙂", "zyx ___", "___ zyx", "a" * 3000 + " ___"):
        assert next(iter(predict_run(run, TASKS, [text])))["word"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("no gap", "exactly one gap, written ___, got 0"),
        ("a ___ b ___", "got 2 in 'a ___ b ___'"),
        ({"words": 3}, "a record needs a text in 'column1', got .'words'."),
        ("lone \ud800 ___", "surrogate"),
    ],
)
def test_records_that_ask_for_nothing_are_refused(run: RunFolder, record: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(predict_run(run, TASKS, [record]))


def test_other_files_are_scored_and_those_without_words_are_not(run: RunFolder, tmp_path: Path) -> None:
    known = evaluate_run(run, TASKS, tmp_path / "a", str(write_text(tmp_path / "a.txt", 40)))
    assert known.metrics["accuracy"].value > 0.7
    (tmp_path / "b.txt").write_text("zyx wvu zyx\n", encoding="utf-8")
    strange = evaluate_run(run, TASKS, tmp_path / "b", str(tmp_path / "b.txt"))
    # A word that the model does not know is a gap that it cannot fill, not one that does not count.
    assert strange.metrics["top5_accuracy"].value == 0.0
    (tmp_path / "c.txt").write_text("...\n.\n", encoding="utf-8")
    with pytest.raises(DataError, match="expected text with words"):
        evaluate_run(run, TASKS, tmp_path / "c", str(tmp_path / "c.txt"))


def test_damaged_weights_are_refused(run: RunFolder, tmp_path: Path) -> None:
    copy = RunFolder.create(tmp_path / "copy", run.config)
    copy.write_bytes("tokenizer.json", run.tokenizer.read_bytes())
    copy.write_bytes("model.safetensors", run.weights.read_bytes()[:-8])
    with pytest.raises(BundleError):
        TASKS["fill"].load(copy)


@pytest.mark.parametrize("tokens", ["character", "bpe"])
def test_other_tokens_and_a_column_of_texts(tmp_path: Path, tokens: str) -> None:
    lines = write_text(tmp_path / "a.txt").read_text(encoding="utf-8").splitlines()
    path = tmp_path / "a.csv"
    path.write_text("id,story\n" + "".join(f'{n},"{line}"\n' for n, line in enumerate(lines)), encoding="utf-8")
    more = [f"model.tokens={tokens}", "model.vocabulary=300", "model.num_layers=2", "model.encoder=gru"]
    made = plan(path, tmp_path / "store", *more, "training.epochs=4")
    done = train_run(made, tmp_path / "run", say=lambda _: None)
    gap = "a c___t on the mat" if tokens == "character" else "a cat on the ___ meows"
    answer = next(iter(predict_run(done, TASKS, [{"story": gap}])))
    assert len(answer["word"]) == 1 if tokens == "character" else answer["word"]
    assert done.read_json("metrics.json")["test"]["accuracy"]["value"] > 0.2


def test_one_direction_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    made = plan(write_text(tmp_path / "a.txt"), tmp_path / "store", "model.bidirectional=false")
    assert made.job.model.left is None
    assert any("the left side only" in note for note in made.job.notes)


def test_batches_hold_every_row_once_and_the_loss_counts_the_known(tmp_path: Path) -> None:
    job = plan(write_text(tmp_path / "a.txt"), tmp_path / "store").job
    assert isinstance(job, FillJob)
    rows = np.sort(np.concatenate(job.batches(3)))
    assert rows.tolist() == list(range(len(job.data.rows["train"].ids)))
    assert not all(np.array_equal(a, b) for a, b in zip(job.batches(0), job.batches(1), strict=True))
    import torch

    loss = job.loss(job.model, np.array([0, 1]), torch.device("cpu"))
    assert loss.items == sum(len(job.data.rows["train"].ids[row]) for row in (0, 1))


def test_paragraphs_are_rows_where_there_are_empty_lines() -> None:
    assert list(paragraphs("one\ntwo\n")) == ["one", "two"]
    assert list(paragraphs("one\ntwo\n\n \nthree  \n\n\n")) == ["one two", "three"]
    assert list(paragraphs("\n\n")) == []


def test_parts_begin_with_a_row_of_their_own_and_nothing_is_lost() -> None:
    assert whole_rows(["one\ntw", "o\nthree\n", "four\n"]) == ["one\ntwo\n", "three\n", "four\n"]
    assert whole_rows(["a\nb\n\nc", "\nd\n\ne\n\nf", "g"]) == ["a\nb\n\nc\nd\n\n", "e\n\nf", "g"]
    assert whole_rows(["one", " line", ""]) == ["one", " line", ""]


def test_the_report_says_where_a_missing_word_is_not_known(tmp_path: Path) -> None:
    text = write_text(tmp_path / "a.txt").read_text(encoding="utf-8")
    (tmp_path / "b.txt").write_text("zyx on the mat\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    job = plan(tmp_path / "a.txt", tmp_path / "store", test=str(tmp_path / "b.txt")).job
    (section,) = job.evaluate("test").sections
    assert section.table is not None
    assert [row["missing"] for row in section.table] == ["(a word that is not known)", "on", "the", "mat"]
    assert section.table[0]["text"].split() == ["___", "on", "the", "mat"]


def test_long_rows_are_cut_and_nothing_is_lost() -> None:
    text = "고양이가 a b c, d e f!\n짧다\n"
    tokenizer = WordTokenizer.train([text])
    rows = cut_rows(tokenizer, text, 4)
    assert max(map(len, rows)) == 4
    assert tokenizer.decode(np.concatenate(rows[:-1])) == "고양이가 a b c, d e f!"
    assert tokenizer.decode(rows[-1]) == "짧다"


def test_a_gap_is_read_as_the_text_would_be_with_a_word_in_it() -> None:
    text = "the cat sat, 고양이가 앉았다"
    cases: list[tuple[Tokenizer, Tokens, str]] = [
        (WordTokenizer.train([text]), "word", "the ___ sat, 고양이가 앉았다"),
        (BPETokenizer.train([text] * 9, size=400), "bpe", "the ___ sat, 고양이가 앉았다"),
        (CharacterTokenizer.train([text]), "character", "the ___at sat, 고양이가 앉았다"),
    ]
    for tokenizer, tokens, gap in cases:
        found = read_gap(tokenizer, gap, "text", tokens=tokens)
        whole = tokenizer.encode(text)
        assert len(found.row) == len(whole)
        assert np.flatnonzero(found.row != whole).tolist() == [found.at] == [4 if tokens == "character" else 1]


def test_pieces_that_are_no_text_of_their_own_are_no_answers() -> None:
    tokenizer = BPETokenizer.train(["가나다 abc"] * 3, size=270)
    pieces = read_pieces(tokenizer)
    shown = {text for text, fits in zip(pieces.texts, pieces.fillers, strict=True) if fits}
    assert "a" in shown
    assert not any("\ufffd" in text or not text for text in shown)


def test_check_names_the_lines_that_hold_a_gap_already(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one two\nthree ___ four\n" + "____\n" * 6, encoding="utf-8")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    found = list(TASKS["fill"].findings(table, DataConfig(path=str(path))))
    assert [finding.line for finding in found] == [2, 3, 4, 5, 6, None]
    assert "2 more" in found[-1].text


def test_text_without_a_word_that_comes_twice_and_wrong_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one two three four\nfive six seven\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no word of the training text .* model\.tokens=character"):
        plan(path, tmp_path / "store")
    with pytest.raises(ConfigError, match="did you mean 'lstm'"):
        plan(path, tmp_path / "store2", "model.encoder=lstn")


def test_it_is_asked_for_and_not_guessed(tmp_path: Path) -> None:
    from unroll.tasks import TASKS as ALL
    from unroll.tasks.recognition import recognise

    path = write_text(tmp_path / "a.txt")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    assert recognise(table, DataConfig(path=str(path)), ALL, None)[0].name == "generate"
    assert TASKS["fill"].guess(table, DataConfig(path=str(path), target="column1")) is None
