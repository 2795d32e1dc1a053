"""The generate task from a file to what it writes, on a small made-up text."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unroll.bundle import RunFolder
from unroll.cli.app import run as command
from unroll.data import ReadOptions, read_table
from unroll.decoding.sampling import Sampling, sample
from unroll.errors import ConfigError, DataError
from unroll.tasks.generate.data import Passage
from unroll.tasks.generate.job import GenerateJob
from unroll.tasks.generate.predictor import GeneratePredictor
from unroll.tasks.generate.scores import quick_cost, text_cost
from unroll.tasks.generate.task import GenerateTask
from unroll.tasks.pipeline import Plan, evaluate_run, plan_run, predict_run, train_run

TASKS = {"generate": GenerateTask()}
SMALL = [
    "model.hidden_size=24",
    "model.embedding_size=12",
    "model.steps=16",
    "model.length=30",
    "training.batch_size=8",
    "training.epochs=2",
    "training.learning_rate=0.01",
]
LINES = ["the cat sat on the mat.", "the dog sat on the log.", "", "고양이가 매트에 앉았다."]
TEXT = "\n".join(LINES * 60) + "\n"


def plan(path: Path, store: Path, *overrides: str, **data: Any) -> Plan:
    values = {"task": "generate", "data": {"path": str(path), **data}}
    return plan_run(values, [*SMALL, *overrides], TASKS, store, say=lambda _: None)


def write_text(path: Path, text: str = TEXT) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def job_of(made: Plan) -> GenerateJob:
    assert isinstance(made.job, GenerateJob)
    return made.job


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    where = tmp_path_factory.mktemp("run")
    made = plan(write_text(where / "a.txt"), where / "store", "training.epochs=15", "training.learning_rate=0.03")
    return train_run(made, where / "run", say=lambda _: None)


def test_a_run_is_scored_beside_n_grams_and_shows_what_it_writes(run: RunFolder) -> None:
    metrics = run.read_json("metrics.json")
    test = metrics["test"]
    assert test["bits_per_character"]["value"] < 3.0
    # No token is spelled here, so a token is a character.
    assert math.log(test["perplexity"]["value"]) == pytest.approx(test["nats_per_character"]["value"])
    assert test["bits_per_character"]["value"] * math.log(2) == pytest.approx(test["nats_per_character"]["value"])
    assert {name.split()[-1] for name in metrics["baselines"]} == {"kneser-ney", "witten-bell"}
    assert "What the model writes" in run.read_text("report.html")


def test_predictions_continue_the_seed_text_and_obey_the_record(run: RunFolder) -> None:
    records = ["the cat", {"text": "고양이", "length": 5, "temperature": 0}, "", "unseen: 漢字 🙂"]
    answers = list(predict_run(run, TASKS, records))
    again = list(predict_run(run, TASKS, records))
    assert answers == again
    assert [answer["text"] for answer in answers] == ["the cat", "고양이", "", "unseen: 漢字 🙂"]
    assert 0 < len(answers[1]["continuation"]) <= 5
    assert all(answer["continuation"] for answer in answers)
    with pytest.raises(ConfigError, match="temperature"):
        list(predict_run(run, TASKS, [{"text": "a", "temperature": -1}]))


def test_a_stream_gives_the_continuation_in_pieces(run: RunFolder) -> None:
    def predictor() -> GeneratePredictor:
        made = TASKS["generate"].load(run)
        assert isinstance(made, GeneratePredictor)
        return made

    pieces = list(predictor().stream("the", Sampling(temperature=0.5), 40))
    assert len(pieces) > 5
    whole = next(iter(predictor().predict([{"text": "the", "length": 40, "temperature": 0.5}])))["continuation"]
    assert "".join(pieces) == whole


def test_evaluation_of_another_text(run: RunFolder, tmp_path: Path) -> None:
    known = evaluate_run(run, TASKS, tmp_path / "a", str(write_text(tmp_path / "a.txt", TEXT[:500])))
    strange = evaluate_run(run, TASKS, tmp_path / "b", str(write_text(tmp_path / "b.txt", "zyx wvu\n" * 20)))
    assert known.metrics["bits_per_character"].value < strange.metrics["bits_per_character"].value


def test_the_parts_are_cut_by_position_and_all_of_the_text_is_scored(tmp_path: Path) -> None:
    job = job_of(plan(write_text(tmp_path / "a.txt"), tmp_path / "store"))
    tokens = [job.data.train, *(job.data.held[name].tokens for name in ("validation", "test"))]
    assert job.data.tokenizer.decode(np.concatenate(tokens).tolist()) == TEXT
    assert sum(part.characters for part in job.data.held.values()) + len(tokens[0]) == len(TEXT)
    assert len(tokens[1]) == pytest.approx(0.1 * len(TEXT), abs=1)


def test_further_files_are_the_parts_they_are_given_for(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt")
    test = write_text(tmp_path / "b.txt", "the cat\nthe log\n")
    job = job_of(plan(path, tmp_path / "store", test=str(test), validation_fraction=0.0))
    assert job.splits == ("test",)
    part = job.data.held["test"]
    assert job.data.tokenizer.decode([*part.context, *part.tokens]) == "the cat\nthe log\n"
    assert part.characters == len("the cat\nthe log\n") - 1
    assert job.data.tokenizer.decode(job.data.train.tolist()) == TEXT


def test_chunks_of_all_streams_are_the_text_in_order(tmp_path: Path) -> None:
    """What the batches of an epoch read is every stream of the text, each token once, and the state passes on."""
    job = job_of(plan(write_text(tmp_path / "a.txt"), tmp_path / "store"))
    seen: list[torch.Tensor] = []
    states: list[Any] = []

    class Recorder(torch.nn.Module):
        def forward(self, ids: torch.Tensor, state: Any = None) -> Any:
            seen.append(ids)
            states.append(state)
            return job.model(ids, state)

    for rows in job.batches(0):
        job.loss(Recorder(), rows, torch.device("cpu"))
    text = torch.cat(seen, dim=1).flatten().numpy()
    np.testing.assert_array_equal(text, job.data.train[: len(text)])
    assert len(job.data.train) - len(text) <= 8
    assert states[0] is None
    assert all(state is not None and not state[0].h.requires_grad for state in states[1:])
    assert job.batches(0)[3].tolist() == job.batches(1)[3].tolist()


def test_carried_state_is_taken_up_exactly(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt")
    first, second = (job_of(plan(path, tmp_path / name)) for name in "ab")
    second.model.load_state_dict(first.model.state_dict())
    device = torch.device("cpu")
    batches = first.batches(0)
    first.model.eval()
    second.model.eval()
    first.loss(first.model, batches[0], device)
    assert first.carried()
    second.carry(first.carried())
    a, b = (job.loss(job.model, batches[1], device).total for job in (first, second))
    assert torch.equal(a, b)
    second.carry({})
    assert not torch.equal(a, second.loss(second.model, batches[1], device).total)


def test_a_text_costs_the_same_however_it_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of(plan(write_text(tmp_path / "a.txt"), tmp_path / "store"))
    job.model.eval()
    part = job.data.held["test"]
    whole = text_cost(job.model, part)
    ids = torch.from_numpy(np.concatenate([part.context, part.tokens]).astype(np.int64))
    with torch.no_grad():
        logits, _ = job.model(ids[None, :-1])
    expected = torch.nn.functional.cross_entropy(logits[0].double(), ids[1:], reduction="none")
    assert whole == pytest.approx(float(expected[len(part.context) - 1 :].sum()), rel=1e-6)
    for size in (1, 7, 64):
        monkeypatch.setattr("unroll.tasks.generate.scores._SCORED", size)
        assert text_cost(job.model, part) == pytest.approx(whole, rel=1e-6)


def test_the_quick_cost_is_close_to_the_exact_one(tmp_path: Path) -> None:
    job = job_of(plan(write_text(tmp_path / "a.txt", TEXT * 4), tmp_path / "store"))
    job.model.eval()
    tokens = job.data.train[200:6000]
    part = Passage(job.data.train[:200], tokens, len(tokens))
    assert len(tokens) // 16 > 200
    assert quick_cost(job.model, part) == pytest.approx(text_cost(job.model, part) / len(tokens), rel=0.01)


@pytest.mark.parametrize("tokens", ["jamo", "word", "bpe"])
def test_every_kind_of_token(tmp_path: Path, tokens: str) -> None:
    overrides = [f"model.tokens={tokens}", "model.vocabulary=300", "training.epochs=1", "training.batch_size=4"]
    more = ["model.num_layers=2", "model.weight_drop=0.2", "model.tied=false", "model.encoder=gru"]
    made = plan(write_text(tmp_path / "a.txt"), tmp_path / "store", *overrides, *more)
    done = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["bits_per_character"]["value"] > 0
    assert isinstance(next(iter(predict_run(done, TASKS, ["the cat"])))["continuation"], str)


def test_a_column_of_texts_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text\n" + "".join(f"{n},the cat sat {n}\n" for n in range(60)), encoding="utf-8")
    job = job_of(plan(path, tmp_path / "store"))
    assert job.data.tokenizer.decode(job.data.train.tolist()).count("the cat sat") == 48


def test_the_frame_of_a_book_is_said_and_can_be_left_out(tmp_path: Path) -> None:
    start, end = (
        "*** START OF THIS PROJECT GUTENBERG EBOOK A ***\n",
        "*** END OF THIS PROJECT GUTENBERG EBOOK A ***\n",
    )
    path = write_text(tmp_path / "a.txt", "Licence\n" + start + TEXT + end)
    kept = job_of(plan(path, tmp_path / "s1"))
    assert any("model.frame=drop" in note for note in kept.notes)
    dropped = job_of(plan(path, tmp_path / "s2", "model.frame=drop"))
    assert len(dropped.data.train) < len(kept.data.train)
    assert not dropped.data.tokenizer.decode(dropped.data.train.tolist()).startswith("Licence")


def test_too_little_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few for 8 streams"):
        plan(write_text(tmp_path / "a.txt", "abc\n"), tmp_path / "store")


def test_text_is_recognised_and_tables_with_a_target_are_not(tmp_path: Path) -> None:
    from unroll.bundle import DataConfig

    path = write_text(tmp_path / "a.txt")
    table = read_table(path, ReadOptions(), tmp_path / "store")
    found = TASKS["generate"].guess(table, DataConfig(path=str(path)))
    assert found is not None
    assert found.confidence >= 0.5
    assert TASKS["generate"].guess(table, DataConfig(path=str(path), target="column1")) is None


@pytest.mark.parametrize("tokens", ["character", "jamo", "word", "bpe"])
def test_what_is_streamed_is_the_text_of_all_tokens(tmp_path: Path, tokens: str) -> None:
    """At a high temperature an untrained model writes bytes that are no characters, letters that make no syllable."""
    made = plan(write_text(tmp_path / "a.txt"), tmp_path / "store", f"model.tokens={tokens}", "model.vocabulary=300")
    job = job_of(made)
    writer = GeneratePredictor(job.model, job.data.tokenizer, made.settings, 0)
    text = "the cat 고양이가"
    seed = job.data.tokenizer.encode(text).tolist()
    generator = torch.Generator().manual_seed(5)
    barred = writer._changes_seed(seed)
    drawn = sample(job.model, seed, Sampling(9.0), generator=generator, forbidden=(0, 1), forbidden_first=barred)
    whole = job.data.tokenizer.decode(seed + list(itertools.islice(drawn, 300)))
    pieces = list(writer.stream(text, Sampling(9.0), 300, generator=torch.Generator().manual_seed(5)))
    assert text + "".join(pieces) == whole
    assert len(pieces) > 50
    assert bool(barred) == (tokens == "jamo")


def test_the_command_writes_as_it_is_told(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["predict", str(run.path), "the cat", "the dog", "--length", "12", "--seed", "3"]
    assert command(words) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["text"] for answer in answers] == ["the cat", "the dog"]
    assert command([*words, "--stream"]) == 0
    shown = "\n\n".join(answer["text"] + answer["continuation"] for answer in answers) + "\n"
    assert capsys.readouterr().out == shown
    # The seed is that of every text by itself.
    assert command([*words[:2], "the dog", *words[4:]]) == 0
    assert json.loads(capsys.readouterr().out) == answers[1]
    for greedy in (["--temperature", "0"], ["--top-k", "1"], ["--top-p", "1e-9"]):
        assert command([*words[:3], "--length", "30", *greedy]) == 0
        found = json.loads(capsys.readouterr().out)["continuation"]
        assert found == next(iter(predict_run(run, TASKS, [{"text": "the cat", "temperature": 0.0}])))["continuation"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--top-p", "1.5"], "--top-p"),
        (["--top-p", "0"], "'top_p': Input should be greater than 0, got '0.0'"),
        (["--temperature", "-1"], "--temperature"),
        (["--temperature", "nan"], "--temperature"),
        (["--temperature", "inf"], "'temperature': Input should be a finite number, got 'inf'"),
        (["--length", "0"], "--length"),
        (["--top-k", "-1"], "--top-k"),
    ],
)
def test_the_command_refuses_what_is_out_of_range(
    run: RunFolder, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert command(["predict", str(run.path), "the", *options]) == 2
    assert message in capsys.readouterr().err


def test_records_name_their_text(run: RunFolder) -> None:
    with pytest.raises(DataError, match="a record needs 'text', the text to go on from, got txt"):
        next(iter(predict_run(run, TASKS, [{"txt": "the cat"}])))


def test_a_grid_writes_too(tmp_path: Path) -> None:
    made = plan(
        write_text(tmp_path / "a.txt"),
        tmp_path / "store",
        "model.encoder=grid",
        "model.num_layers=2",
        "training.epochs=1",
        "model.hidden_size=8",
    )
    done = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["bits_per_character"]["value"] > 0
    assert isinstance(next(iter(predict_run(done, TASKS, ["the cat"])))["continuation"], str)
    with pytest.raises(ConfigError, match="weight_drop is for rnn, lstm, gru"):
        plan(tmp_path / "a.txt", tmp_path / "s2", "model.encoder=grid", "model.weight_drop=0.1")
