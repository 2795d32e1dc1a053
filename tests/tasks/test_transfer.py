"""A run of a language model as the beginning of a classifier: what is taken over, what is refused, and resuming."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unroll.bundle import RunFolder
from unroll.data.text.tokens import Encoded
from unroll.errors import BundleError, ConfigError, DataError
from unroll.models.tagger import TokenContexts
from unroll.tasks import TASKS
from unroll.tasks.pipeline import Plan, plan_run, predict_run, resume_values, train_run
from unroll.tasks.transfer import Beginning, RunTokens, SentencePieces, Start, read_pretrained, take
from unroll.training import Interrupted

FILLER = ["영화", "the", "정말", "film", "story", "배우"]
MARKS = {"pos": ["좋아요", "great", "최고"], "neg": ["나빠요", "awful", "최악"]}
SIZES = ["model.hidden_size=6", "model.embedding_size=5", "training.batch_size=4", "training.epochs=1"]
SMALL = ["training.batch_size=16", "training.learning_rate=0.02", "training.epochs=2", "training.checkpoint_every=0"]


def write_rows(path: Path, rows: int = 80) -> Path:
    draw = np.random.default_rng(0)
    lines = ["text\tlabel"]
    for number in range(rows):
        label = "pos" if number % 2 else "neg"
        words = [*draw.choice(FILLER, 3), draw.choice(MARKS[label]), *draw.choice(FILLER, 2)]
        lines.append(" ".join(words) + "\t" + label)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows.tsv and the finished runs "words" (fill, both directions, two layers) and "letters"
    (generate, with dropped weights)."""
    folder = tmp_path_factory.mktemp("pretrained")
    data = {"path": str(write_rows(folder / "rows.tsv")), "inputs": ["text"]}
    more = {
        "words": ("fill", ["model.num_layers=2", "model.encoder=gru", "model.baseline_order=1"]),
        "letters": ("generate", ["model.weight_drop=0.3", "model.steps=8", "model.tokens=jamo", "model.length=5"]),
    }
    for name, (task, overrides) in more.items():
        made = plan_run(
            {"task": task, "data": data}, [*SIZES, *overrides], TASKS, folder / f"{name}-store", say=lambda _: None
        )
        train_run(made, folder / name, say=lambda _: None, with_baselines=False)
    return folder


def plan(where: Path, store: Path, run: str, *overrides: str, said: list[str] | None = None) -> Plan:
    heard: list[str] = [] if said is None else said
    values: dict[str, Any] = {"task": "classify", "data": {"path": str(where / "rows.tsv")}}
    values["model"] = {"init": str(where / run)}
    return plan_run(values, [*SMALL, "model.hidden_size=8", *overrides], TASKS, store, say=heard.append)


ALONE = ("model.words=false", "model.encoder=gru", "model.num_layers=2", "model.hidden_size=6")


def test_both_directions_of_a_fill_run_are_taken_over_as_they_are(where: Path, tmp_path: Path) -> None:
    said: list[str] = []
    network = plan(where, tmp_path / "s", "words", *ALONE, said=said).job.model
    saved = TASKS["fill"].load(RunFolder.open(where / "words"))._model  # type: ignore[attr-defined]
    tower = network.towers[0]  # type: ignore[union-attr, index]
    assert torch.equal(tower.steps.embedding.weight, saved.embedding.weight)
    own, given = tower.encoder.state_dict(), saved.encoder.state_dict()
    assert own.keys() == given.keys()
    assert all(torch.equal(own[name], tensor) for name, tensor in given.items())
    count = saved.embedding.weight.numel() + sum(tensor.numel() for tensor in given.values())
    (note,) = [text for text in said if text.startswith("started from")]
    assert "2 gru layer(s) of 6 in both directions" in note
    assert f"{count:,} weights in all" in note


def test_the_forwards_direction_of_a_language_model_is_taken_over_and_that_is_said(where: Path, tmp_path: Path) -> None:
    said: list[str] = []
    network = plan(where, tmp_path / "s", "letters", said=said).job.model
    folder = RunFolder.open(where / "letters")
    saved = TASKS["generate"].load(folder)._model  # type: ignore[attr-defined]
    layer = network.towers[0].encoder.forwards.layers[0]  # type: ignore[union-attr, index]
    # The weights themselves, not what dropping leaves of them.
    assert torch.equal(layer.weight_hh, saved.body.layers[0].parametrizations.weight_hh.original)
    assert torch.equal(layer.weight_ih, saved.body.layers[0].weight_ih)
    assert any("the backwards layers start at random, because the run has none" in text for text in said)
    one = plan(where, tmp_path / "t", "letters", "model.bidirectional=false").job.model
    assert one.towers[0].encoder.backwards is None  # type: ignore[union-attr, index]
    both = read_pretrained(where / "words", bidirectional=False)
    assert "its backwards layers are left out" in both.note
    assert not any(name.startswith("encoder.backwards") for name in both.weights)


@pytest.mark.parametrize("run", ["words", "letters"])
def test_texts_become_the_tokens_that_the_run_met(where: Path, run: str) -> None:
    found = read_pretrained(where / run, bidirectional=True)
    tokens = RunTokens(found.tokenizer, found.start.task)("정말 great")
    if run == "words":
        assert tokens[[0, -1]].tolist() == [0, 0]
        assert found.tokenizer.decode(tokens) == "정말 great"
    else:
        assert found.tokenizer.decode(tokens) == "\n정말 great\n"


@pytest.mark.parametrize("overrides", [(), ALONE])
def test_the_finished_run_needs_the_other_no_more(where: Path, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    shutil.copytree(where, tmp_path / "moved")
    made = plan(tmp_path / "moved", tmp_path / "s", "words", *overrides, "training.epochs=8")
    done = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["accuracy"]["value"] > 0.7
    shutil.rmtree(tmp_path / "moved")
    again = RunFolder.open(tmp_path / "run")
    records = ["영화 정말 최고", {"text": "awful film"}, "", "unseen 漢字"]
    answers = list(predict_run(again, TASKS, records))
    assert [answer["label"] for answer in answers[:2]] == ["pos", "neg"]
    for record, answer in zip(records, answers, strict=True):
        alone = next(iter(predict_run(again, TASKS, [record])))
        assert alone["probabilities"] == pytest.approx(answer["probabilities"], abs=1e-5)
    names = {"start_tokenizer.json"} | ({"tokenizer.json"} if not overrides else set())
    assert {path.name for path in again.path.glob("*tokenizer.json")} == names


def test_every_parameter_has_one_depth_and_what_starts_at_random_is_trained_first(where: Path, tmp_path: Path) -> None:
    for number, (run, overrides, depths) in enumerate([("words", (), 4), ("words", ALONE, 4), ("letters", (), 3)]):
        job = plan(where, tmp_path / str(number), run, *overrides).job
        groups = job.parameter_groups(0.1)
        listed = [id(p) for group in groups for p in group["params"]]
        assert sorted(listed) == sorted(id(p) for p in job.model.parameters())
        assert [group["depth"] for group in groups] == sorted(group["depth"] for group in groups)
        assert {group["depth"] for group in groups} == set(range(depths))
        names = {id(p): name for name, p in job.model.named_parameters()}
        top = {names[id(p)] for group in groups if group["depth"] == 0 for p in group["params"]}
        assert {name.split(".")[0] for name in top} == {"head"} | (set() if overrides else {"towers"})
        assert not any(name.startswith("towers.0") for name in top if "backwards" not in name)
        random = {name for name in names.values() if run == "letters" and "encoder.backwards" in name}
        assert random <= top


def test_layers_thaw_from_the_top_and_a_resumed_run_ends_in_the_same_bits(where: Path, tmp_path: Path) -> None:
    slow = ("training.layer_decay=2.6", "training.unfreeze=1", "training.epochs=4", "training.average=0.5")
    whole = plan(where, tmp_path / "s1", "words", *slow)
    train_run(whole, tmp_path / "whole", say=lambda _: None, with_baselines=False)
    for steps in (2, 9):
        folder = tmp_path / f"parts{steps}"
        stopped = plan(where, tmp_path / f"s2{steps}", "words", *slow)
        loss, calls = stopped.job.loss, [0]

        def counted(*given: Any, loss: Any = loss, calls: list[int] = calls, steps: int = steps) -> Any:
            calls[0] += 1
            if calls[0] == steps:
                os.kill(os.getpid(), signal.SIGTERM)
            return loss(*given)

        stopped.job.loss = counted  # type: ignore[method-assign]
        with pytest.raises(Interrupted):
            train_run(stopped, folder, say=lambda _: None, with_baselines=False)
        values = resume_values(RunFolder.open(folder))
        assert values["model"]["init"] == str(where / "words")
        assert (values["training"]["layer_decay"], values["training"]["unfreeze"]) == (2.6, 1)
        made = plan_run(values, [], TASKS, tmp_path / f"s3{steps}", say=lambda _: None)
        train_run(made, folder, resume=True, say=lambda _: None, with_baselines=False)
        first, second = ((run / "model.safetensors").read_bytes() for run in (tmp_path / "whole", folder))
        assert first == second


def test_a_run_is_not_resumed_from_another_beginning(where: Path, tmp_path: Path) -> None:
    shutil.copytree(where, tmp_path / "moved")
    made = plan(tmp_path / "moved", tmp_path / "s1", "words")
    train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    other = RunFolder.open(tmp_path / "moved" / "words")
    network = TASKS["fill"].load(other)._model  # type: ignore[attr-defined]
    with torch.no_grad():
        network.bias += 1.0
    other.save_weights(network)
    again = plan_run(resume_values(RunFolder.open(tmp_path / "run")), [], TASKS, tmp_path / "s2", say=lambda _: None)
    with pytest.raises(DataError, match="the data or the run it started from has changed"):
        train_run(again, tmp_path / "run", resume=True, say=lambda _: None, with_baselines=False)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model.words=false", "model.num_layers=2"), r"its model\.encoder is gru, got lstm; give --set model.encoder"),
        (("model.words=false", "model.encoder=gru", "model.num_layers=2"), r"its model\.hidden_size is 6, got 8"),
        (("model.words=false", "model.encoder=gru", "model.hidden_size=6"), r"its model\.num_layers is 2, got 1"),
    ],
)
def test_sizes_that_do_not_fit_are_named(where: Path, tmp_path: Path, overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(where, tmp_path / "s", "words", *overrides)


def test_runs_that_cannot_be_a_beginning_are_refused(where: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected the folder of a run"):
        plan(where, tmp_path / "s1", "nothing")
    made = plan(where, tmp_path / "s2", "words")
    train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    values = {"task": "classify", "data": {"path": str(where / "rows.tsv")}, "model": {"init": str(tmp_path / "run")}}
    with pytest.raises(ConfigError, match="expected a run of fill or generate, got one of 'classify'"):
        plan_run(values, SMALL, TASKS, tmp_path / "s3", say=lambda _: None)
    values["task"], values["data"] = "generate", {"path": str(where / "rows.tsv")}
    with pytest.raises(ConfigError, match=r"the task 'generate' has no option --init; these have it: classify, tag"):
        plan_run(values, SMALL, TASKS, tmp_path / "s4", say=lambda _: None, options={"init": "x"})
    numbers = tmp_path / "n.csv"
    numbers.write_text("a,b,c,label\n" + "1,2,3,x\n2,3,4,y\n" * 20, encoding="utf-8")
    values["task"], values["data"] = "classify", {"path": str(numbers)}
    values["model"] = {"init": str(where / "words")}
    with pytest.raises(ConfigError, match="cannot start one of numeric sequences"):
        plan_run(values, SMALL, TASKS, tmp_path / "s5", say=lambda _: None)


@pytest.mark.parametrize("change", [{"tokens": 1}, {"extra": 1}, {"task": "classify"}, {"hidden_size": 0}])
def test_altered_sizes_of_the_beginning_are_refused(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {"task": "fill", "encoder": "lstm", "tokens": 9, "embedding_size": 3, "hidden_size": 4}
    good |= {"num_layers": 1, "backwards": "taken"}
    assert Start(**good).tokens == 9
    with pytest.raises(ValueError, match=next(iter(change))):
        Start(**{**good, **change})


def write_tagged(path: Path) -> Path:
    """Sentences whose second word says what the first is."""
    draw = np.random.default_rng(1)
    sentences = []
    for _ in range(150):
        names, kind = draw.choice(["영화", "film", "story"], 2), draw.integers(2)
        mark = draw.choice(MARKS["pos" if kind else "neg"])
        sentences.append(f"{names[0]}\t{'B-GOOD' if kind else 'B-BAD'}\n{mark}\tO\n{names[1]}\tO")
    path.write_text("\n\n".join(sentences) + "\n", encoding="utf-8")
    return path


TAGGER = ["model.hidden_size=6", "model.word_size=6", "model.affix_size=2", "model.character_size=0"]


@pytest.mark.parametrize("run", ["words", "letters"])
def test_a_tagger_starts_from_a_run_too(where: Path, tmp_path: Path, run: str) -> None:
    values = {"task": "tag", "data": {"path": str(write_tagged(tmp_path / "a.conll"))}}
    values["model"] = {"init": str(where / run)}
    said: list[str] = []
    more = ["training.epochs=12", "training.batch_size=4", "training.checkpoint_every=60"]
    overrides = [*SMALL, *TAGGER, *more, "training.layer_decay=2", "training.unfreeze=1"]
    made = plan_run(values, overrides, TASKS, tmp_path / "s", say=said.append)
    assert any(text.startswith("started from") for text in said)
    network = made.job.model
    given = read_pretrained(where / run, bidirectional=True).weights
    own = network.contexts.state_dict()  # type: ignore[union-attr, operator]
    assert all(torch.equal(own[name], tensor) for name, tensor in given.items())
    listed = [id(p) for group in made.job.parameter_groups(0.1) for p in group["params"]]
    assert sorted(listed) == sorted(id(p) for p in network.parameters())
    done = train_run(made, tmp_path / "run", say=lambda _: None, with_baselines=False)
    assert done.read_json("metrics.json")["test"]["entity_f1"]["value"] > 0.9
    answers = list(predict_run(done, TASKS, [{"tokens": ["film", "great", "story"]}, "", {"tokens": ["漢", "🙂"]}]))
    assert answers[0]["tags"] == ["B-GOOD", "O", "O"]
    assert [len(answer["tags"]) for answer in answers] == [3, 0, 2]


def test_a_tokens_vector_is_what_the_run_knows_up_to_its_end_and_from_its_beginning_on(where: Path) -> None:
    """Against the states that the run has after reading the text up to there, and back to there, by itself."""
    tokens = ["정말", "great", "없는말", "film"]
    for run in ("words", "letters"):
        found = read_pretrained(where / run, bidirectional=True)
        beginning = Beginning(found.start, dropout=0.0, engine="auto")
        take({"": beginning}, found)
        pieces = SentencePieces(found.tokenizer, found.start.task, spaced=True)
        sentence = pieces.add(Encoded(np.zeros((4, 1), dtype=np.int32), []), tokens)
        text = " ".join(tokens)
        assert sentence.pieces.tolist() == RunTokens(found.tokenizer, found.start.task)(text).tolist()
        contexts = TokenContexts(beginning.embedding, beginning.encoder)
        ids = torch.from_numpy(sentence.pieces.astype(np.int64)).unsqueeze(0)
        places = [torch.from_numpy(part).unsqueeze(0) for part in (sentence.starts, sentence.ends)]
        vectors = contexts(ids, torch.tensor([ids.shape[1]]), *places)
        size = found.start.hidden_size
        assert beginning.encoder.backwards is not None
        for at in range(4):
            start, end = int(sentence.starts[at]), int(sentence.ends[at])
            before, _ = beginning.encoder.forwards(beginning.embedding(ids[:, : end + 1]))
            behind, _ = beginning.encoder.backwards(beginning.embedding(ids[:, start:]))
            torch.testing.assert_close(vectors[0, at, :size], before[0, -1])
            torch.testing.assert_close(vectors[0, at, size:], behind[0, 0])
            shown = found.tokenizer.decode(sentence.pieces[start : end + 1]).strip()
            assert shown == tokens[at] or (run == "words" and "\ufffd" in shown)
