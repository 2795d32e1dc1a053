"""The translate task from parallel files to translations, on small made-up sentences."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from unroll.bundle import RunFolder
from unroll.errors import DataError
from unroll.tasks.checking import examine_data
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run
from unroll.tasks.registry import TASKS

NOUNS = {"Mann": "man", "Hund": "dog", "Frau": "woman", "Kind": "child"}
VERBS = {"sieht": "sees", "ruft": "calls", "sucht": "seeks"}
SMALL = [
    *("model.hidden_size=32", "model.embedding_size=24", "model.dropout=0.05", "model.vocabulary=300"),
    *("training.batch_size=16", "training.epochs=8", "training.learning_rate=0.02", "training.average=0"),
]


def sentences(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """The verb stands at the end of the source and in the middle of the target."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        one, other, verb = draw.choice(list(NOUNS)), draw.choice(list(NOUNS)), draw.choice(list(VERBS))
        found.append((f"Heute {one} den {other} {verb}.", f"today {NOUNS[one]} {VERBS[verb]} the {NOUNS[other]}."))
    return found


def write_pairs(folder: Path, count: int = 500, stem: str = "train", seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    sides = zip(*sentences(count, seed), strict=True)
    for language, texts in zip(("de", "en"), sides, strict=True):
        (folder / f"{stem}.{language}").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return folder


def plan(path: Path, store: Path, *overrides: str, **values: Any) -> Plan:
    data = {"path": str(path), **values.pop("data", {})}
    return plan_run({"data": data, **values}, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("run")
    return train_run(plan(write_pairs(where / "d"), where / "store"), where / "run", say=lambda _: None)


def test_single_words_are_judged_by_letters_since_no_run_of_four_words_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for language, words in (("de", NOUNS), ("en", NOUNS.values())):
        (tmp_path / "d" / f"train.{language}").write_text("\n".join([*words] * 20) + "\n", encoding="utf-8")
    run = train_run(plan(tmp_path / "d", tmp_path / "store", "training.epochs=1"), tmp_path / "run", say=print)
    metrics = run.read_json("metrics.json")
    assert metrics["test"]["score"] == metrics["test"]["chrf"]
    assert metrics["baselines"]["copy"]["test"]["score"] == metrics["baselines"]["copy"]["test"]["chrf"]
    history = run.read_json("history.json")["epochs"]
    assert [epoch["metrics"]["score"] for epoch in history] == [epoch["metrics"]["chrf"] for epoch in history]
    assert "chrF on the test split" in run.read_text("report.html")


def test_parallel_files_are_known_and_the_model_stands_beside_its_baselines(run: RunFolder) -> None:
    assert run.config.task == "translate"
    metrics = run.read_json("metrics.json")
    assert set(metrics["test"]) == {"score", "bleu", "chrf", "exact_match", "perplexity"}
    assert metrics["test"]["score"] == metrics["test"]["bleu"]
    assert list(metrics["baselines"]) == ["copy", "word-for-word dictionary"]
    reached = metrics["test"]["bleu"]["value"]
    assert reached > 80
    # Word for word the verb comes at the end, so that no translation of a sentence is right.
    assert metrics["baselines"]["word-for-word dictionary"]["test"]["bleu"]["value"] < 60 < reached
    low, high = metrics["test"]["chrf"]["interval"]
    assert low <= metrics["test"]["chrf"]["value"] <= high
    page = run.read_text("report.html")
    titles = ("Where it looked", "Free-running and teacher forcing", "How it was scored")
    for words in (*titles, "tok:13a", 'class="heat"'):
        assert words in page


def test_predictions_are_translations_with_their_score(run: RunFolder) -> None:
    records: list[Any] = [
        "Heute Mann den Hund sucht.",
        {"de": "Heute Frau den Mann ruft."},
        {"text": "Heute Kind den Hund sieht.", "beam": 3, "best": 2},
        {"de": "Heute Mann den Hund sucht.", "beam": 1},
    ]
    answers = list(predict_run(run, TASKS, records))
    right = ["today man seeks the dog.", "today woman calls the man.", "today child sees the dog."]
    assert [answer["translation"] for answer in answers] == [*right, right[0]]
    assert len(answers[2]["best"]) == 2
    assert answers[2]["best"][0]["translation"] == answers[2]["translation"]
    assert answers[2]["best"][0]["score"] > answers[2]["best"][1]["score"]
    assert json.loads(json.dumps(answers)) == answers


def test_strange_texts_get_an_answer(run: RunFolder) -> None:
    strange = ["", "   ", "漢字🙂", "\u0000", "x" * 3000, "Heute " * 2000, "🙂 " * 5]
    answers = list(predict_run(run, TASKS, strange))
    assert [answer["translation"] for answer in answers[:2]] == ["", ""]
    assert all(isinstance(answer["translation"], str) for answer in answers)
    with pytest.raises(DataError, match="surrogate"):
        list(predict_run(run, TASKS, ["lone \ud800"]))
    with pytest.raises(DataError, match="a record needs 'de', the text to translate, got en"):
        list(predict_run(run, TASKS, [{"en": "a"}]))


def test_a_text_is_translated_as_if_it_were_alone(run: RunFolder) -> None:
    texts = [source for source, _ in sentences(30, seed=3)]
    together = [answer["translation"] for answer in predict_run(run, TASKS, texts)]
    assert together == [next(iter(predict_run(run, TASKS, [text])))["translation"] for text in texts]


def test_other_files_are_scored(run: RunFolder, tmp_path: Path) -> None:
    write_pairs(tmp_path / "d", 40, "news", seed=9)
    scores = evaluate_run(run, TASKS, tmp_path / "store", str(tmp_path / "d" / "news"))
    assert scores.metrics["bleu"].value > 80
    (tmp_path / "a.tsv").write_text("de\tfr\nHaus\tmaison\n", encoding="utf-8")
    with pytest.raises(DataError, match="the model needs the columns 'de' and 'en'; the columns are de, fr"):
        evaluate_run(run, TASKS, tmp_path / "other", str(tmp_path / "a.tsv"))


def test_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path / "d", 60)
    few = ["training.epochs=2", "model.hidden_size=8", "model.dropout=0.2"]
    whole = train_run(plan(folder, tmp_path / "s1", *few), tmp_path / "whole", say=lambda _: None, with_baselines=False)

    class Stop(Exception):
        pass

    from unroll.tasks.translate.job import TranslateJob

    stopped = plan(folder, tmp_path / "s2", *few, "training.checkpoint_every=0")
    assert isinstance(stopped.job, TranslateJob)
    loss, calls = stopped.job.loss, []

    def interrupted(*given: Any) -> Any:
        calls.append(given)
        if len(calls) == 5:
            raise Stop
        return loss(*given)

    stopped.job.loss = interrupted  # type: ignore[method-assign]
    with pytest.raises(Stop):
        train_run(stopped, tmp_path / "cut", say=lambda _: None)
    again = plan(folder, tmp_path / "s3", *few, "training.checkpoint_every=0")
    resumed = train_run(again, tmp_path / "cut", resume=True, say=lambda _: None, with_baselines=False)
    files = [folder.path / "model.safetensors" for folder in (whole, resumed)]
    assert files[0].read_bytes() == files[1].read_bytes()


def pairs_file(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("source\ttarget\n" + "".join(f"{s}\t{t}\n" for s, t in rows), encoding="utf-8")
    return path


def test_empty_sides_stop_training_and_an_option_drops_them(tmp_path: Path) -> None:
    rows = sentences(40)
    rows[7], rows[20] = ("", rows[7][1]), (rows[20][0], " ")
    path = pairs_file(tmp_path / "a.tsv", rows)
    with pytest.raises(DataError, match=r"a.tsv:9: a side of this pair is empty; 2 such, all listed by `unroll check`"):
        plan(path, tmp_path / "s1")
    made = plan(path, tmp_path / "s2", "model.empty=drop")
    assert "2 pairs with an empty side left out" in made.job.notes
    assert sum(len(made.job.data.rows[name]) for name in ("train", "validation", "test")) == 38  # type: ignore[attr-defined]


def test_check_lists_what_is_wrong_with_its_line(tmp_path: Path) -> None:
    rows = sentences(40)
    rows[3] = ("", "today man.")
    rows[5] = ("Heute.", "today " * 12)
    rows[8] = ("same words here", "same words here")
    path = pairs_file(tmp_path / "a.tsv", rows)
    found = examine_data({"data": {"path": str(path)}}, [], TASKS, tmp_path / "s")
    lines = {(finding.text, finding.line) for finding in found.findings}
    assert ("a side of this pair is empty", 5) in lines
    assert ("a side has more than 9 times the words of the other", 7) in lines
    assert ("both sides are the same text", 10) in lines
    assert not any("classes" in finding.text for finding in found.findings)
    with pytest.raises(DataError, match=r"a.tsv:7: a side has more than 9 times the words of the other; 1 such"):
        plan(path, tmp_path / "s1", "model.empty=drop", "model.odd=stop")
    made = plan(path, tmp_path / "s2", "model.empty=drop", "model.odd=drop")
    assert "1 pairs of odd length left out" in made.job.notes


@pytest.mark.parametrize(
    ("source", "target", "columns"),
    [(None, None, ("de", "en")), ("en", None, ("en", "de")), (None, "de", ("en", "de")), ("fr", "en", ("fr", "en"))],
)
def test_which_way_is_translated(tmp_path: Path, source: str | None, target: str | None, columns: Any) -> None:
    folder = write_pairs(tmp_path / "d", 30)
    (folder / "train.fr").write_text("bonjour le monde\n" * 30, encoding="utf-8")
    given = () if source is None else (f"model.source={source}",)
    made = plan(folder, tmp_path / "s", *given, data={"target": target})
    saved = made.job.data.saved  # type: ignore[attr-defined]
    assert (saved.source, saved.target) == columns


def test_tokens_and_vocabularies(tmp_path: Path) -> None:
    rows = [(f"고양이가 {n}번 야옹", f"the cat meows {n} times") for n in range(40)]
    path = pairs_file(tmp_path / "a.tsv", rows)
    for tokens in ("bpe", "jamo", "character", "word"):
        made = plan(path, tmp_path / tokens, f"model.tokens={tokens}")
        source, target = made.job.data.vocabularies  # type: ignore[attr-defined]
        assert source is not target
        for text in rows[3]:
            vocabulary = source if text == rows[3][0] else target
            assert vocabulary.decode(vocabulary.encode(text)) == text
    shared = plan(path, tmp_path / "shared", "model.shared=true")
    assert shared.job.data.vocabularies.shared  # type: ignore[attr-defined]
    assert shared.job.model.embedding is shared.job.model.decoder.embedding  # type: ignore[union-attr]


def test_long_pairs_do_not_train_and_that_is_said(tmp_path: Path) -> None:
    rows = [*sentences(40), ("wort " * 60, "word " * 60)]
    path = pairs_file(tmp_path / "a.tsv", rows)
    made = plan(path, tmp_path / "s", "model.longest=40", "data.test_fraction=0", "data.validation_fraction=0")
    assert "1 pairs with a text of more than 40 tokens do not train" in made.job.notes
    with pytest.raises(DataError, match="no text has at most 3 tokens"):
        plan(path, tmp_path / "s2", "model.longest=3")
