"""The record of a recipe: what its runs reached, with seed, commit, date, machine and versions, in one JSON file."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from recipes import BEST_BASELINE, Goal, MemoryRecipe, Recipe

from unroll.bundle.provenance import environment

Record = dict[str, Any]

#: Keys of a record that belong to the recipe; runs of another recipe or on other data do not stand beside these.
_SAME = ("command", "pretraining", "prepared", "commands", "data")


class Spread(NamedTuple):
    """How far the runs of a record lie apart on the test part; the one in the middle speaks for them.

    Attributes:
        least: the smallest value.
        middle: the run in the middle, from the worst to the best; of two, the worse.
        largest: the largest value.
    """

    least: float
    middle: Mapping[str, Any]
    largest: float


def train_record(recipe: Recipe, run: Path, commit: str | None) -> Record:
    """Return the record of one finished run of `unroll train`; `commit` is that of the code that trained it.

    Raises:
        SystemExit: the run is not one of this recipe, or not finished.
    """
    config, metrics, about, history = (
        _read(run / f"{name}.json", f"{run}: not a finished run")
        for name in ("config", "metrics", "environment", "history")
    )
    prepared = f"{run.name}-data"
    if Path(config["data"]["path"]).name != Path(recipe.data.replace("{prepared}", prepared)).name:
        raise SystemExit(f"{run}: a run on {config['data']['path']}, and the recipe {recipe.name} is on {recipe.data}")
    seconds = history["seconds"]
    if recipe.pretraining is not None:
        before = _read(pretrained(run) / "history.json", f"{run}: its pretraining is missing")
        seconds += before["seconds"]
    record: Record = {
        "kind": "recipe",
        "name": recipe.name,
        "task": metrics["task"],
        "command": _shown(recipe.data, recipe.options, builtin=recipe.builtin),
        "goal": recipe.goal._asdict() if recipe.goal else None,
        "data": about.get("data", [])[:4],
    }
    if recipe.pretraining is not None:
        record["pretraining"] = _shown(recipe.pretraining.data, recipe.pretraining.options)
    if recipe.prepare is not None:
        record["prepared"] = (recipe.prepare.__doc__ or "").strip()
    ended = datetime.datetime.fromtimestamp((run / "metrics.json").stat().st_mtime, tz=datetime.UTC)
    bound, reached = judged(recipe.goal, metrics)
    # Where files stood on the machine of the run says nothing to a reader.
    model = {
        name: Path(value).name if isinstance(value, str) and "/" in value else value
        for name, value in config["model"].items()
    }
    entry = {
        "seed": config["seed"],
        **_where(ended, commit, about),
        "bound": bound,
        "reached": reached,
        **{key: metrics[key] for key in ("test", "validation", "baselines", "parameters")},
        "seconds": round(seconds, 1),
        "model": model,
        "training": config["training"],
    }
    return {**record, "runs": [entry]}


def memory_record(recipe: MemoryRecipe, run: Path, commit: str | None, seconds: float) -> Record:
    """Return the record of one seed of `unroll memory`: a folder with a numbered folder for each command.

    Raises:
        SystemExit: a run is missing, or a network that the goal is about.
    """
    found = [_read(run / str(number) / "memory.json", f"{run}: not finished") for number in range(len(recipe.commands))]
    results = [result for part in found for result in part["results"]]
    missing = recipe.solved.keys() - {result["cell"] for result in results}
    if missing:
        raise SystemExit(f"{run}: the goal of {recipe.name} is about {', '.join(sorted(missing))} too")
    ended = datetime.datetime.fromtimestamp((run / "0/memory.json").stat().st_mtime, tz=datetime.UTC)
    entry = {
        "seed": found[0]["settings"]["seed"],
        **_where(ended, commit, environment()),
        "reached": all(
            result["solved"] == recipe.solved[result["cell"]] for result in results if result["cell"] in recipe.solved
        ),
        "results": results,
        "seconds": round(seconds, 1),
    }
    return {
        "kind": "recipe",
        "name": recipe.name,
        "task": "memory",
        "commands": [f"unroll memory {' '.join(command)}" for command in recipe.commands],
        "goal": {"solved": recipe.solved, "source": recipe.source},
        "measure": "mean squared error" if found[0]["task"] == "adding" else "accuracy",
        "runs": [entry],
    }


def merged(old: Record | None, new: Record) -> Record:
    """Return a record with the runs of an earlier one beside its own, by seed.

    A run replaces the earlier one of the same seed. If the recipe or its data changed, the earlier runs are left out.
    """
    if old is None or any(old.get(key) != new.get(key) for key in _SAME):
        return new
    seeds = {run["seed"]: run for run in [*old["runs"], *new["runs"]]}
    return {**new, "runs": [seeds[seed] for seed in sorted(seeds)]}


def recorded(folder: Path) -> list[Record]:
    """Return the recorded recipes in the order of their names."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return [result for result in found if isinstance(result, dict) and result.get("kind") == "recipe"]


def write(record: Record, path: Path) -> None:
    """Write a record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def judged(goal: Goal | None, metrics: Mapping[str, Any]) -> tuple[float | None, bool]:
    """Return the bound that a goal sets for a run, and whether the run reached it.

    Raises:
        SystemExit: the goal is about a score or a baseline that the run does not have.
    """
    if goal is None:
        return None, True
    if goal.metric not in metrics["test"]:
        raise SystemExit(f"the goal is about '{goal.metric}', and the test scores are {', '.join(metrics['test'])}")
    value, bound = metrics["test"][goal.metric]["value"], goal.value
    if isinstance(bound, str):
        sign = 1 if goal.higher_is_better else -1
        scores = {name: parts["test"][goal.metric]["value"] for name, parts in metrics["baselines"].items()}
        if bound == BEST_BASELINE:
            bound = max(scores, key=lambda name: sign * scores[name], default=bound)
        if bound not in scores:
            raise SystemExit(f"the goal is to beat '{bound}', and the baselines are {', '.join(scores)}")
        bound = scores[bound] + sign * goal.margin
    return bound, bool(value >= bound if goal.higher_is_better else value <= bound)


def metric_of(record: Mapping[str, Any]) -> str:
    """Return the metric that a record is quoted on."""
    return str(record["goal"]["metric"] if record["goal"] else next(iter(record["runs"][0]["test"])))


def spread(record: Mapping[str, Any]) -> Spread:
    """Return how far the runs of a record of `unroll train` lie apart; where their bounds differ, from these."""
    metric = metric_of(record)
    sign = 1 if record["goal"] is None or record["goal"]["higher_is_better"] else -1

    def score(run: Mapping[str, Any]) -> float:
        return sign * (run["test"][metric]["value"] - (run["bound"] or 0.0))

    runs: Sequence[Mapping[str, Any]] = sorted(record["runs"], key=score)
    values = [run["test"][metric]["value"] for run in runs]
    return Spread(min(values), runs[(len(runs) - 1) // 2], max(values))


def reached(record: Mapping[str, Any]) -> bool:
    """Whether the goal is reached: by the run in the middle, or in `unroll memory` by more than half of the runs."""
    if record["task"] == "memory":
        return 2 * sum(run["reached"] for run in record["runs"]) > len(record["runs"])
    return bool(spread(record).middle["reached"])


def pretrained(run: Path) -> Path:
    """Return where the run of the pretraining stands, beside a run."""
    return run.with_name(f"{run.name}-pretrained")


def _where(ended: datetime.datetime, commit: str | None, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "date": ended.date().isoformat(),
        "commit": commit,
        "machine": {key: about.get(key) for key in ("cpu", "cores", "threads", "machine", "gpus")},
        "versions": {"python": about.get("python"), **about.get("packages", {})},
    }


def _shown(data: str, options: Sequence[str], *, builtin: bool = False) -> str:
    place = data if builtin or data.startswith("{") else f"{{data}}/{data}"
    words = " ".join(["unroll train", place, *options])
    for name in ("data", "prepared", "pretrained"):
        words = words.replace(f"{{{name}}}", name.upper())
    return re.sub(" +", " ", words)


def _read(path: Path, otherwise: str) -> Any:
    if not path.is_file():
        raise SystemExit(f"{otherwise}: it has no {path.name}")
    return json.loads(path.read_text(encoding="utf-8"))
