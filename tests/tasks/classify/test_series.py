"""Classes of numeric sequences: which rows train, sizes of networks, what is left out, what answers lean on."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from unroll.bundle import RunFolder
from unroll.data import Split
from unroll.errors import ConfigError
from unroll.models.ensemble import SeriesEnsemble, pooled
from unroll.tasks.classify.beside import left_out_by
from unroll.tasks.classify.job import ClassifyJob
from unroll.tasks.classify.leaning import hidden_parts, occluded, without
from unroll.tasks.classify.network import build_network
from unroll.tasks.classify.series import plan_series, series_training, training_rows
from unroll.tasks.classify.settings import ClassifySettings
from unroll.tasks.classify.task import ClassifyTask
from unroll.tasks.pipeline import Plan, plan_run, predict_run, train_run

TASKS = {"classify": ClassifyTask()}
SMALL = [
    "model.filters=4",
    "model.members=3",
    "model.fixed=168",
    "model.engine=torch",
    "training.epochs=3",
    "training.batch_size=8",
]


def write(folder: Path, rows: int = 12, steps: int = 20, channels: int = 1) -> Path:
    """A bump in the first or in the second half, among noise, of ragged length."""
    draw = np.random.default_rng(0)
    folder.mkdir()
    for part in ("TRAIN", "TEST"):
        lines = ["@problemName Bumps", "@classLabel true early late", "@data"]
        for number in range(rows):
            values = draw.normal(0, 0.1, (channels, steps + number % 3))
            at = steps // 4 if number % 2 else 3 * steps // 4
            values[:, at - 2 : at + 3] += 2
            cells = [",".join(f"{value:.3f}" for value in channel) for channel in values]
            lines.append(":".join(cells) + ":" + ("early" if number % 2 else "late"))
        (folder / f"Bumps_{part}.ts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def planned(path: Path, store: Path, *overrides: str, said: list[str] | None = None) -> Plan:
    heard: list[str] = [] if said is None else said
    return plan_run({"data": {"path": path}}, [*SMALL, *overrides], TASKS, store, say=heard.append)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, RunFolder]:
    where = tmp_path_factory.mktemp("run")
    made = planned(write(where / "Bumps"), where / "store")
    return made, train_run(made, where / "out", say=lambda text: None)


def settings(**given: Any) -> ClassifySettings:
    return ClassifySettings(**given)


def test_few_rows_all_train_and_the_report_says_what_answers_lean_on(run: tuple[Plan, RunFolder]) -> None:
    made, folder = run
    job = cast(ClassifyJob, made.job)
    assert len(job.data.split.train) == 12
    assert len(job.data.split.validation) == 0
    metrics = json.loads(folder.metrics.read_text(encoding="utf-8"))
    assert metrics["validation"] == {}
    assert metrics["test"]["accuracy"]["value"] == 1.0
    page = folder.path.joinpath("report.html").read_text(encoding="utf-8")
    assert "What the answers lean on" in page
    assert "of 12 training rows, each answered by what did not learn it" in page
    answers = list(predict_run(folder, TASKS, ["0 " * 3 + "2 " * 5 + "0 " * 12, "0 " * 13 + "2 " * 5 + "0 " * 4]))
    assert [answer["label"] for answer in answers] == ["early", "late"]


def test_a_fresh_predictor_answers_to_the_bit_as_the_one_in_training(run: tuple[Plan, RunFolder]) -> None:
    made, folder = run
    records = ["0 " * 15 + "2 " * 4, "1 0 1 1"]
    fresh = list(predict_run(folder, TASKS, records))
    assert fresh == list(made.job.predictor().predict(records))


def test_validation_rows_are_kept_where_they_decide_or_were_named(tmp_path: Path) -> None:
    table = planned(write(tmp_path / "Bumps"), tmp_path / "store").table
    config = planned(tmp_path / "Bumps", tmp_path / "again").config
    few = Split(np.arange(4, 12), np.arange(4), np.arange(12, 24))
    assert training_rows(table, few, config, settings()).train.tolist() == list(range(12))
    assert training_rows(table, few, config, settings(hold_out=True)) is few
    assert training_rows(table, few, config, settings(encoder="gru")) is few
    # Without a test part the validation rows are all that can be scored.
    unscored = few._replace(test=few.test[:0])
    assert training_rows(table, unscored, config, settings()) is unscored
    assert len(training_rows(table, unscored, config, settings(hold_out=False)).validation) == 0
    many = Split(np.arange(100, 500), np.arange(100), np.arange(500, 600))
    assert training_rows(table, many, config, settings()) is many
    named = config.model_copy(update={"data": config.data.model_copy(update={"split_column": "part"})})
    assert training_rows(table, few, named, settings()) is few


def test_few_validation_rows_are_scored_and_decide_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "Bumps")
    more = ["data.test_fraction=0", "data.validation_fraction=0.2"]
    (path / "Bumps_TEST.ts").unlink()
    made = planned(path, tmp_path / "store", *more)
    job = cast(ClassifyJob, made.job)
    assert len(job.data.split.validation) == 2
    folder = train_run(made, tmp_path / "out", say=lambda text: None)
    history = json.loads(folder.path.joinpath("history.json").read_text(encoding="utf-8"))
    assert history["best"] == 0
    assert "accuracy" in json.loads(folder.metrics.read_text(encoding="utf-8"))["validation"]
    assert cast(ClassifyJob, planned(path, tmp_path / "again", *more, "model.hold_out=true").job).validate()


def test_sizes_follow_the_work() -> None:
    small = plan_series(np.full(50, 150), 1, settings())
    long = plan_series(np.full(100, 1_500), 1, settings())
    many = plan_series(np.full(30_000, 200), 3, settings())
    assert small is not None
    assert long is not None
    assert many is not None
    assert (small.members, small.stride, small.steps, small.fixed) == (4, 1, 150, 9_996)
    assert (long.members, long.stride, long.steps, long.longest) == (2, 5, 512, 1_500)
    assert (many.members, many.fixed) == (1, 0)
    asked = plan_series(np.full(50, 150), 1, settings(members=7, filters=3, stride=2, fixed=0))
    assert asked is not None
    assert (asked.members, asked.filters, asked.stride, asked.fixed) == (7, 3, 2, 0)
    assert plan_series(np.full(5, 5), 1, settings(encoder="lstm")) is None
    for plan, rows, steps in ((small, 50, 150), (long, 100, 1_500), (many, 30_000, 200)):
        training = series_training(plan, np.full(rows, steps), 1)
        assert training["epochs"] == {50: 100, 100: 100, 30_000: 10}[rows]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"encoder": "gru", "members": 2}, "model.members goes with the encoder lstm-fcn, got 'gru'"),
        ({"skip": True}, "model.skip does not go with lstm-fcn"),
        ({"num_layers": 2}, "model.num_layers does not go with lstm-fcn"),
    ],
)
def test_settings_of_other_networks_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_series(np.full(5, 5), 1, settings(**given))


def test_texts_are_not_for_lstm_fcn(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text,label\n" + "good film,pos\nbad film,neg\n" * 10, encoding="utf-8")
    with pytest.raises(ConfigError, match="lstm-fcn reads numeric sequences"):
        plan_run({"data": {"path": path}}, ["model.encoder=lstm-fcn"], TASKS, tmp_path / "store", say=lambda text: None)


def test_every_class_is_dealt_out_to_all_networks() -> None:
    classes = np.array([0] * 9 + [1] * 6 + [2])
    truth_NK = np.eye(3, dtype=bool)[np.concatenate([classes, [0, 1]])]
    train = np.arange(len(classes))
    folds = left_out_by(truth_NK, train, 3, seed=0)
    assert [np.bincount(folds[:9]).tolist(), np.bincount(folds[9:15]).tolist()] == [[3, 3, 3], [2, 2, 2]]
    # A class with one row is never left out, and rows of other parts are none of it.
    assert folds[15:].tolist() == [-1, -1, -1]
    assert (left_out_by(truth_NK, train, 3, seed=1) != folds).any()


def test_a_network_does_not_learn_from_the_rows_that_it_leaves_out(run: tuple[Plan, RunFolder]) -> None:
    job = cast(ClassifyJob, run[0].job)
    network = cast(SeriesEnsemble, job.network)
    rows = job.data.split.train
    beside = job._beside
    assert beside is not None
    (folds,) = beside.left_out(rows)
    network.train()
    scores = network(*job.data.examples.batch(rows), folds)
    assert scores.shape == (3, 12, 2)
    for member in range(3):
        assert scores[member, folds == member].abs().sum() == 0
        assert (scores[member, folds != member].abs().sum(dim=1) > 0).all()
    network.eval()

    class Guess(nn.Module):
        """Members that all give the same scores."""

        def forward(self, x: torch.Tensor, lengths: torch.Tensor, folds: torch.Tensor) -> torch.Tensor:
            return torch.tensor([0.0, 1.0]).expand(3, len(x), 2)

    loss = job.loss(Guess(), rows, torch.device("cpu"))
    target = torch.from_numpy(job.data.truth_NK[rows].argmax(axis=1))
    alone = nn.functional.cross_entropy(torch.tensor([[0.0, 1.0]] * 12), target, label_smoothing=0.05)
    assert float(loss.total) / loss.items == pytest.approx(float(alone))


def test_the_loss_of_chance_is_the_least_that_ignores_its_input(tmp_path: Path) -> None:
    path = tmp_path / "uneven.csv"
    rows = [f"{k},{k + 1},{k * 2},{'abbccc'[k % 6]}" for k in range(60)]
    path.write_text("x,y,z,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    for extra in ((), ("model.class_weights=balanced",), ("model.several=true",)):
        job = cast(ClassifyJob, planned(path, tmp_path / f"store{len(extra)}{extra}", *extra).job)
        constant = nn.Parameter(torch.zeros(3))

        class Constant(nn.Module):
            """The same scores for every row."""

            def forward(self, x: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
                return constant.expand(len(x), 3)  # noqa: B023 - used within the turn

        optimiser = torch.optim.LBFGS([constant], max_iter=100, line_search_fn="strong_wolfe")

        def cost() -> torch.Tensor:
            optimiser.zero_grad()  # noqa: B023 - as above
            loss = job.loss(Constant(), job.data.split.train, torch.device("cpu"))  # noqa: B023 - as above
            mean = loss.total / loss.items
            mean.backward()
            return mean

        optimiser.step(cost)
        assert cost().item() == pytest.approx(job.chance(), rel=1e-4), extra


def test_a_run_that_learns_nothing_says_so(tmp_path: Path) -> None:
    made = planned(write(tmp_path / "Bumps"), tmp_path / "store", "training.learning_rate=1e-12", "model.fixed=0")
    folder = train_run(made, tmp_path / "out", say=lambda text: None, with_baselines=False)
    said = json.loads(folder.metrics.read_text(encoding="utf-8"))["warning"]
    assert said.startswith("nothing was learnt: the training loss")
    for name in ("report.html", "README.md"):
        assert "othing was learnt: the training loss" in folder.path.joinpath(name).read_text(encoding="utf-8"), name


def test_shares_are_weights_of_probabilities(run: tuple[Plan, RunFolder]) -> None:
    network = cast(SeriesEnsemble, run[0].job.network)
    before = network.share.clone()
    torch.manual_seed(0)
    truth = torch.randint(0, 2, (200,))
    right = nn.functional.one_hot(truth, 2) * 6.0 - 3.0
    noise = torch.randn(200, 2)
    both = network.weigh(noise, right, truth)
    assert float(network.share) == 1.0
    torch.testing.assert_close(both.softmax(dim=1), right.softmax(dim=1))
    network.weigh(right, noise, truth)
    assert float(network.share) == pytest.approx(0.1)
    weights = torch.tensor([0.25, 0.75])
    mixed = pooled(torch.stack((noise, right)), weights, exclusive=True).exp()
    torch.testing.assert_close(mixed, 0.25 * noise.softmax(dim=1) + 0.75 * right.softmax(dim=1))
    network.share.copy_(before)


def test_hidden_parts_are_lines_and_cover_the_series() -> None:
    values = np.array([[0.0], [5.0], [9.0], [3.0], [4.0]])
    assert without(values, 1, 3)[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert without(values, 0, 2)[:, 0].tolist() == [9, 9, 9, 3, 4]
    assert without(values, 3, 5)[:, 0].tolist() == [0, 5, 9, 9, 9]
    for steps in (4, 20, 151):
        parts = hidden_parts(steps)
        assert sorted({t for start, end in parts for t in range(start, end)}) == list(range(steps))
        assert len({end - start for start, end in parts}) == 1


def test_an_answer_leans_on_the_steps_that_it_reads(run: tuple[Plan, RunFolder]) -> None:
    class Reader(nn.Module):
        """Knows the class by steps 8 to 10 alone."""

        def __init__(self, decision: nn.Module) -> None:
            super().__init__()
            self.decision = decision

        def forward(self, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            score = x[:, 8:11, 0].sum(dim=1)
            return torch.stack((score, -score), dim=1)

    network = cast(SeriesEnsemble, run[0].job.network)
    values = np.zeros((20, 1), dtype=np.float32)
    values[8:11] = 1.0
    probability, drop = occluded(cast(Any, Reader(network.decision)), values, 0)
    assert probability > 0.9
    assert 8 <= int(drop.argmax()) <= 10
    assert (drop[:6] == 0).all()
    assert (drop[13:] == 0).all()


def test_channels_strides_and_attention(tmp_path: Path) -> None:
    path = write(tmp_path / "Bumps", channels=3)
    said: list[str] = []
    made = planned(path, tmp_path / "store", "model.stride=3", "model.pooling=attention", said=said)
    assert any("squeeze-and-excite, every 3 steps (LSTM-FCN)" in text for text in said)
    job = cast(ClassifyJob, made.job)
    network = build_network(job.data.saved, cast(ClassifySettings, made.settings)).train()
    loss = job.loss(network, job.data.split.train, torch.device("cpu"))
    loss.total.backward()
    parameters = dict(network.named_parameters())
    assert all(
        p.grad is not None and torch.isfinite(p.grad).all() for n, p in parameters.items() if ".recurrent" not in n
    )
    assert any("blocks.0.squeeze" in name for name in parameters)
