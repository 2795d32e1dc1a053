"""The loop against a hand-written one, and what it decides on the way."""

from __future__ import annotations

import copy
import json
import math
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from training.toy import ERROR, Toy, bits, settings, train, without_time
from unroll.errors import ConfigError
from unroll.training import Epoch, History, Interrupted, Loss, Pace, TrainingError, TrainSettings, fit
from unroll.training.checkpoint import read_checkpoint


class Plain(Toy):
    """Without noise, so that a second computation can follow it; keeps the weights that each validation saw."""

    def __init__(self, scores: list[float] | None = None) -> None:
        super().__init__(dropout=0, dtype=torch.float64)
        self.seen: list[dict[str, torch.Tensor]] = []
        self._scores = scores
        self.at_rows: Callable[[object], object] = lambda rows: None

    def loss(self, model, rows, device) -> Loss:  # type: ignore[no-untyped-def]
        self.at_rows(rows)
        chosen = torch.from_numpy(rows)
        errors_B = (model(self.x_BI[chosen]).squeeze(1) - self.y_B[chosen]) ** 2
        return Loss((errors_B * self.items[chosen]).sum(), int(self.items[chosen].sum()), len(rows))

    def validate(self) -> dict[str, float]:
        self.seen.append({name: t.clone() for name, t in self.model.state_dict().items()})
        return super().validate() if self._scores is None else {"error": self._scores[len(self.seen) - 1]}


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def by_hand(chosen: TrainSettings) -> Iterator[tuple[torch.nn.Module, float]]:
    """AdamW, clipping and the schedule written out again, from the papers; the model and rate after each step."""
    learner = Plain()
    model = learner.model
    first = {p: torch.zeros_like(p) for p in model.parameters()}
    second = {p: torch.zeros_like(p) for p in model.parameters()}
    per_epoch = len(learner.batches(0))
    steps = 0
    for epoch in range(chosen.epochs):
        for rows in learner.batches(epoch):
            loss = learner.loss(model, rows, torch.device("cpu"))
            used = [p for name, p in model.named_parameters() if name != "unused"]
            gradients = dict(zip(used, torch.autograd.grad(loss.total / loss.items, used), strict=True))
            norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
            done = (steps + 0.5) / (per_epoch * chosen.epochs)
            steps += 1
            rate = chosen.learning_rate * min(1, done / chosen.warmup if chosen.warmup else 1)
            if done >= chosen.warmup:
                rate *= 0.5 * (1 + math.cos(math.pi * (done - chosen.warmup) / (1 - chosen.warmup)))
            with torch.no_grad():
                for p, g in gradients.items():
                    g = g * min(1, chosen.clip_norm / norm)
                    p *= 1 - rate * (chosen.weight_decay if p.dim() > 1 else 0)
                    first[p] = 0.9 * first[p] + 0.1 * g
                    second[p] = 0.999 * second[p] + 0.001 * g**2
                    p -= rate * first[p] / (1 - 0.9**steps) / ((second[p] / (1 - 0.999**steps)).sqrt() + 1e-8)
            yield model, rate


@pytest.mark.parametrize("clip_norm", [0.5, 1000])
def test_fit_takes_the_steps_of_the_papers(tmp_path: Path, clip_norm: float) -> None:
    chosen = settings(warmup=0.3, clip_norm=clip_norm, weight_decay=0.1)
    learner = Plain()
    history = train(learner, tmp_path, chosen)
    *_, (model, rate) = by_hand(chosen)
    assert learner.model.unused.tolist() == [[1, 1], [1, 1]]
    # clip_grad_norm_ divides by norm + 1e-6, which the papers do not: up to 2e-6 relative to a norm of 0.5.
    torch.testing.assert_close(weights(learner.model), weights(model), rtol=1e-5, atol=1e-7)
    assert history.epochs[-1].learning_rate == pytest.approx(rate, rel=1e-12)
    assert history.epochs[-1].steps == 12
    assert [epoch.tokens for epoch in history.epochs] == [30] * 3


def test_fit_reports_the_mean_loss_per_item(tmp_path: Path) -> None:
    learner = Plain()
    with torch.no_grad():
        expected = (
            ((learner.model(learner.x_BI).squeeze(1) - learner.y_B) ** 2) * learner.items
        ).sum() / learner.items.sum()
    history = train(learner, tmp_path, settings(epochs=1, learning_rate=1e-12))
    assert history.epochs[0].loss == pytest.approx(float(expected), rel=1e-9)


def test_fit_stops_when_patience_is_spent_and_keeps_the_best_weights(tmp_path: Path) -> None:
    learner = Plain([3.0, 1.0, 2.0, float("nan"), 0.5])
    history = train(learner, tmp_path, settings(epochs=9, patience=2))
    assert (history.best, history.stopped, len(history.epochs)) == (2, "patience", 4)
    assert math.isnan(history.epochs[3].metrics["error"])
    for name, tensor in learner.model.state_dict().items():
        assert torch.equal(tensor, learner.seen[1][name])


def test_patience_and_the_best_weights_outlive_an_interruption(tmp_path: Path) -> None:
    scores = [1.0, 0.5, 2.0, 3.0, 4.0, 0.1]
    chosen = settings(epochs=6, patience=3)
    whole = Plain(scores)
    expected = train(whole, tmp_path / "whole", chosen)
    assert (expected.best, len(expected.epochs)) == (2, 5)
    first = Plain(scores)
    first.calls = 0

    def stop(rows: object) -> None:
        first.calls += 1
        if first.calls == 14:
            os.kill(os.getpid(), signal.SIGTERM)

    first.at_rows = stop
    with pytest.raises(Interrupted):
        train(first, tmp_path / "parts", chosen)
    second = Plain(scores[3:])
    history = train(second, tmp_path / "parts", chosen, resume=True)
    assert without_time(history) == without_time(expected)
    assert bits(second) == bits(whole)


def test_fit_with_higher_is_better(tmp_path: Path) -> None:
    history = fit(Plain([1.0, 3.0, 2.0]), ERROR._replace(higher_is_better=True), settings(patience=0), tmp_path, seed=0)
    assert (history.best, history.stopped) == (2, "epochs")


def test_fit_without_validation_keeps_the_last_weights(tmp_path: Path) -> None:
    class Unvalidated(Plain):
        def validate(self) -> dict[str, float]:
            return {}

    chosen = settings(warmup=0, clip_norm=1, patience=1)
    learner = Unvalidated()
    history = train(learner, tmp_path, chosen)
    assert (history.best, history.stopped, len(history.epochs)) == (0, "epochs", 3)
    *_, (model, _rate) = by_hand(chosen.model_copy(update={"weight_decay": 0.01}))
    torch.testing.assert_close(weights(learner.model), weights(model), rtol=1e-5, atol=1e-6)


def test_fit_validates_and_keeps_the_average_of_the_weights(tmp_path: Path) -> None:
    chosen = settings(average=0.6, clip_norm=0.7, warmup=0.1)
    learner = Plain()
    history = train(learner, tmp_path, chosen)
    average = weights(Plain().model)
    per_epoch = []
    for step, (model, _rate) in enumerate(by_hand(chosen), start=1):
        decay = min(0.6, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * weights(model)
        if step % 4 == 0:
            per_epoch.append(average)
    for seen, expected in zip(learner.seen, per_epoch, strict=True):
        torch.testing.assert_close(torch.cat([t.reshape(-1) for t in seen.values()]), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(weights(learner.model), per_epoch[history.best - 1], rtol=1e-5, atol=1e-6)


def test_fit_names_a_metric_that_is_not_computed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'accuracy' is not among those computed: error"):
        fit(Toy(), ERROR._replace(metric="accuracy"), settings(), tmp_path, seed=0)


def test_the_time_that_steps_wait_for_their_rows_is_kept_by_epoch_and_over_a_stop(tmp_path: Path) -> None:
    class Waiting(Toy):
        waited = 100.0

        def loss(self, model, rows, device) -> Loss:  # type: ignore[no-untyped-def]
            self.waited += 0.25
            return super().loss(model, rows, device)

        def validate(self) -> dict[str, float]:
            self.waited += 50
            return super().validate()

    whole = train(Waiting(), tmp_path / "whole", settings())
    steps = [after.steps - before for after, before in zip(whole.epochs, [0, 4, 8], strict=True)]
    assert [epoch.data_seconds for epoch in whole.epochs] == [0.25 * count for count in steps]

    stopped = Waiting(at_loss=lambda calls: os.kill(os.getpid(), signal.SIGINT) if calls == 5 else None)
    with pytest.raises(Interrupted):
        train(stopped, tmp_path / "run", settings())
    resumed = train(Waiting(), tmp_path / "run", settings(), resume=True)
    assert [epoch.data_seconds for epoch in resumed.epochs] == [epoch.data_seconds for epoch in whole.epochs]


def test_fit_without_training_rows_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no training rows"):
        train(Toy(rows=0), tmp_path, settings())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_ends_the_run_and_is_not_saved(tmp_path: Path, value: float) -> None:
    class Diverging(Toy):
        def loss(self, model, rows, device) -> Loss:  # type: ignore[no-untyped-def]
            loss = super().loss(model, rows, device)
            return loss._replace(total=loss.total * value) if self.calls == 6 else loss

    with pytest.raises(TrainingError, match=r"epoch 2, step 6: the loss is (nan|inf); lower training.learning_rate"):
        train(Diverging(), tmp_path, settings(checkpoint_every=0))
    newest = read_checkpoint(tmp_path / "checkpoints")
    assert newest is not None
    position, tensors = newest.open()
    assert position.steps == 5
    assert all(torch.isfinite(t).all() for name, t in tensors.items() if name.startswith("model."))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_learns_and_resumes_in_the_same_bits(tmp_path: Path, precision: str) -> None:
    chosen = settings(precision=precision, epochs=4)
    whole = Toy()
    expected = train(whole, tmp_path / "whole", chosen)
    assert expected.epochs[-1].loss < 0.8 * expected.epochs[0].loss
    full = Toy()
    assert without_time(train(full, tmp_path / "full", settings(epochs=4))) != without_time(expected)
    _interrupted_at(6, tmp_path / "parts", chosen)
    resumed = Toy()
    history = train(resumed, tmp_path / "parts", chosen, resume=True)
    assert bits(resumed) == bits(whole)
    assert without_time(history) == without_time(expected)


def _interrupted_at(call: int, folder: Path, chosen: TrainSettings, number: int = signal.SIGTERM) -> Interrupted:
    learner = Toy(at_loss=lambda calls: os.kill(os.getpid(), number) if calls == call else None)
    with pytest.raises(Interrupted) as caught:
        train(learner, folder, chosen)
    assert learner.calls == call + 1
    return caught.value


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("call", [0, 5, 7, 11])
def test_a_signal_saves_and_the_resumed_run_ends_in_the_same_bits(
    tmp_path: Path, number: int, code: int, call: int
) -> None:
    chosen = settings(average=0.5, layer_decay=2.6, unfreeze=1)
    whole = Toy()
    expected = train(whole, tmp_path / "whole", chosen)
    before = signal.getsignal(number)
    caught = _interrupted_at(call, tmp_path / "parts", chosen, number)
    assert caught.exit_code == code
    assert f"{call + 1} steps in all" in str(caught)
    assert signal.getsignal(number) is before
    resumed = Toy(seed=0)
    with torch.no_grad():
        for parameter in resumed.model.parameters():
            parameter.zero_()
    history = train(resumed, tmp_path / "parts", chosen, resume=True)
    assert resumed.calls == 12 - (call + 1)
    assert bits(resumed) == bits(whole)
    assert without_time(history) == without_time(expected)


def test_a_signal_during_validation_stops_at_once_and_validates_again(tmp_path: Path) -> None:
    chosen = settings(average=0.5)
    whole = Toy()
    train(whole, tmp_path / "whole", chosen)
    stopped = Toy(at_validation=lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(Interrupted):
        train(stopped, tmp_path / "parts", chosen)
    newest = read_checkpoint(tmp_path / "parts" / "checkpoints")
    assert newest is not None
    assert (newest.open()[0].epoch, newest.open()[0].step) == (0, 4)
    resumed = Toy()
    train(resumed, tmp_path / "parts", chosen, resume=True)
    assert bits(resumed) == bits(whole)


def test_a_signal_after_the_last_step_does_not_lose_itself(tmp_path: Path) -> None:
    class Late(Notes):
        def epoch(self, record: Epoch, best: bool) -> None:
            if record.number == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    whole, resumed = Toy(), Toy()
    with pytest.raises(Interrupted):
        train(whole, tmp_path, settings(), progress=Late())
    assert train(resumed, tmp_path, settings(), resume=True).stopped == "epochs"
    assert bits(resumed) == bits(whole)


def test_a_second_interrupt_leaves_without_saving(tmp_path: Path) -> None:
    def twice(calls: int) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(Toy(at_loss=twice), tmp_path, settings())
    assert not (tmp_path / "checkpoints").exists()


def test_a_finished_run_resumes_to_its_result_without_training(tmp_path: Path) -> None:
    whole = Toy()
    expected = train(whole, tmp_path, settings())
    resumed = Toy()
    assert train(resumed, tmp_path, settings(), resume=True) == expected
    assert resumed.calls == 0
    assert bits(resumed) == bits(whole)


def test_resume_without_a_checkpoint_says_so_and_starts_afresh(tmp_path: Path) -> None:
    whole, resumed, notes = Toy(), Toy(), Notes()
    train(whole, tmp_path / "whole", settings())
    train(resumed, tmp_path / "other", settings(), resume=True, progress=notes)
    assert "no complete checkpoint yet" in notes.said[0]
    assert bits(resumed) == bits(whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 4}, "'training.epochs' is 3 in the run that is resumed, got 4"),
        ({"learning_rate": 0.1}, "'training.learning_rate' is 0.02"),
        ({"average": 0.9}, "'training.average' is 0.0"),
    ],
)
def test_resume_refuses_other_settings(tmp_path: Path, changes: dict[str, float], message: str) -> None:
    _interrupted_at(2, tmp_path, settings())
    with pytest.raises(ConfigError, match=message):
        train(Toy(), tmp_path, settings(**changes), resume=True)


def test_resume_refuses_another_seed_and_other_data(tmp_path: Path) -> None:
    _interrupted_at(2, tmp_path, settings())
    with pytest.raises(ConfigError, match="'seed' is 7 in the run that is resumed, got 8"):
        fit(Toy(), ERROR, settings(), tmp_path, seed=8, resume=True)
    with pytest.raises(ConfigError, match="training rows differ"):
        train(Toy(rows=29), tmp_path, settings(), resume=True)


def test_the_log_of_a_resumed_run_is_that_of_an_uninterrupted_one(tmp_path: Path) -> None:
    train(Toy(), tmp_path / "whole", settings())
    # Killed after the second epoch was logged, but with a checkpoint from before its end.
    parts = tmp_path / "parts"
    _interrupted_at(5, parts, settings())
    kept = read_checkpoint(parts / "checkpoints")
    assert kept is not None
    with open(parts / "log.jsonl", "a") as file:
        file.write('{"steps": 7, "loss": 1.0}\n{"steps": 8, "epoch": 2, "loss": 1.0}\n{"steps": 9, "lo')
    train(Toy(), parts, settings(), resume=True)

    def events(folder: Path) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]

    assert events(parts) == events(tmp_path / "whole")
    assert [line["steps"] for line in events(parts) if "epoch" in line] == [4, 8, 12]
    assert len([line for line in events(parts) if "gradient_norm" in line]) == 12


def test_tensorboard_files_hold_the_curves(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    history = train(Toy(), tmp_path, settings())
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("train/loss")]
    assert found == [(epoch.steps, pytest.approx(epoch.loss, rel=1e-6)) for epoch in history.epochs]
    assert len(events.Scalars("validation/error")) == 3


class Notes:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.paces: list[Pace] = []
        self.epochs: list[tuple[Epoch, bool]] = []
        self.closed = 0

    def note(self, text: str) -> None:
        self.said.append(text)

    def step(self, pace: Pace) -> None:
        self.paces.append(pace)

    def epoch(self, record: Epoch, best: bool) -> None:
        self.epochs.append((record, best))

    def close(self) -> None:
        self.closed += 1


def test_progress_is_told_every_epoch_and_closed(tmp_path: Path) -> None:
    notes = Notes()
    history = train(Plain([3.0, 1.0, 2.0]), tmp_path, settings(), progress=notes)
    assert [record for record, _best in notes.epochs] == history.epochs
    assert [best for _record, best in notes.epochs] == [True, True, False]
    assert notes.closed == 1


def test_the_pace_counts_down_to_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unroll.training.loop._SHOWN_EVERY", 0.0)
    whole, resumed = Notes(), Notes()
    train(Toy(), tmp_path / "whole", settings(), progress=whole)
    assert [(pace.epoch, pace.step) for pace in whole.paces] == [
        (epoch, step) for epoch in (1, 2, 3) for step in (1, 2, 3, 4)
    ]
    assert {(pace.epochs, pace.steps) for pace in whole.paces} == {(3, 4)}
    assert whole.paces[-1].seconds_left == 0
    assert all(pace.seconds_left > 0 and pace.tokens_per_second > 0 for pace in whole.paces[:-1])
    assert [pace.loss for pace in whole.paces[3::4]] == [record.loss for record, _best in whole.epochs]
    _interrupted_at(5, tmp_path / "parts", settings())
    train(Toy(), tmp_path / "parts", settings(), resume=True, progress=resumed)
    assert [pace.loss for pace in resumed.paces] == [pace.loss for pace in whole.paces[6:]]


def test_another_thread_count_is_said_on_resume(tmp_path: Path) -> None:
    _interrupted_at(2, tmp_path, settings())
    notes = Notes()
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        train(Toy(), tmp_path, settings(), resume=True, progress=notes)
    finally:
        torch.set_num_threads(threads)
    assert f"written with {threads} threads, now there are {threads + 1}" in notes.said[0]


def test_history_survives_json_with_scores_that_are_no_numbers() -> None:
    epoch = Epoch(number=1, steps=2, loss=0.5, metrics={"a": float("nan")}, learning_rate=0.1, tokens=3, seconds=0.2)
    history = History(epochs=[epoch], best=1, stopped="epochs", seconds=1.0)
    value = copy.deepcopy(history.to_json())
    value["epochs"][0]["metrics"]["a"] = None
    assert math.isnan(History.model_validate(value).epochs[0].metrics["a"])
