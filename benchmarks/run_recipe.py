"""Run recipes with `unroll train` and record what came out: scores, baselines, seconds, machine, versions, command."""

from __future__ import annotations

import argparse
import datetime
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from recipes import RECIPES, Goal, Recipe

from unroll.errors import nearest

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def main() -> int:
    """Run what the command line asks for. Returns 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="scripts/recipes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes to run")
    parser.add_argument("--list", action="store_true", help="list the recipes and exit")
    parser.add_argument("--data", type=Path, default=Path(), help="the folder with the public data")
    parser.add_argument("--out", type=Path, help="keep the run folders here")
    parser.add_argument("--record", type=Path, help="record this finished run of the recipe instead of training")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.list or not arguments.names:
        for recipe in RECIPES:
            print(f"{recipe.name:16} {recipe.data:42} {_goal_words(recipe.goal)}")
        return 0
    known = {recipe.name: recipe for recipe in RECIPES}
    for name in arguments.names:
        if name not in known:
            parser.error(f"unknown recipe '{name}'{nearest(name, known)}")
    if arguments.record is not None and len(arguments.names) != 1:
        parser.error("--record goes with one recipe")
    missed = 0
    for name in arguments.names:
        with tempfile.TemporaryDirectory(prefix="unroll-recipe-") as temporary:
            out = (arguments.out or Path(temporary)) / name
            if arguments.record is None:
                train(known[name], arguments.data, out, arguments.seed)
            result = record(known[name], arguments.record or out, None if arguments.record else _commit())
        target = RESULTS / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{name}: {'goal reached' if result['reached'] else 'GOAL MISSED'}; recorded in {target}")
        missed += not result["reached"]
    return 1 if missed else 0


def train(recipe: Recipe, data: Path, out: Path, seed: int) -> None:
    """Train one recipe.

    Raises:
        SystemExit: the data or the run failed.
    """
    where = recipe.data if recipe.builtin else str(data / recipe.data)
    if not recipe.builtin and not Path(where).exists():
        raise SystemExit(f"{where}: not found; give the folder with the public data: --data DIR")
    options = [option.replace("{data}", str(data)) for option in recipe.options]
    command = ["train", where, *options, "--seed", str(seed), "--out", str(out), "--force"]
    if subprocess.run([sys.executable, "-m", "unroll.cli", *command], check=False).returncode != 0:
        raise SystemExit(f"{recipe.name}: the run failed")


def record(recipe: Recipe, run: Path, commit: str | None) -> dict[str, Any]:
    """Return the record of a finished run of a recipe; `commit` is that of the code that trained it, if known.

    Raises:
        SystemExit: the run is not one of this recipe, or not finished.
    """
    if not (run / "metrics.json").is_file():
        raise SystemExit(f"{run}: not a finished run: it has no metrics.json")
    config, metrics, about, history = (
        json.loads((run / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("config", "metrics", "environment", "history")
    )
    if not config["data"]["path"].endswith(recipe.data):
        raise SystemExit(f"{run}: a run on {config['data']['path']}, and the recipe {recipe.name} is on {recipe.data}")
    options = " ".join(option.replace("{data}", "DIR") for option in recipe.options)
    shown = f"unroll train {recipe.data if recipe.builtin else f'DIR/{recipe.data}'} {options} --seed {config['seed']}"
    ended = datetime.datetime.fromtimestamp((run / "metrics.json").stat().st_mtime, tz=datetime.UTC)
    return {
        "kind": "recipe",
        "name": recipe.name,
        "date": ended.date().isoformat(),
        "commit": commit,
        "command": re.sub(" +", " ", shown),
        "machine": {key: about.get(key) for key in ("cpu", "cores", "threads", "machine", "gpus")},
        "versions": {"python": about.get("python"), **about.get("packages", {})},
        "data": about.get("data", [])[:4],
        "seed": config["seed"],
        "goal": recipe.goal._asdict() if recipe.goal else None,
        "reached": _reached(recipe.goal, metrics),
        "task": metrics["task"],
        "model": config["model"],
        "training": config["training"],
        "test": metrics["test"],
        "validation": metrics["validation"],
        "baselines": metrics["baselines"],
        "parameters": metrics["parameters"],
        "seconds": round(history["seconds"], 1),
    }


def _reached(goal: Goal | None, metrics: dict[str, Any]) -> bool:
    if goal is None:
        return True
    if goal.metric not in metrics["test"]:
        raise SystemExit(f"the goal is about '{goal.metric}', and the test scores are {', '.join(metrics['test'])}")
    value, bound = metrics["test"][goal.metric]["value"], goal.value
    if isinstance(bound, str):
        if bound not in metrics["baselines"]:
            raise SystemExit(f"the goal is to beat '{bound}', and the baselines are {', '.join(metrics['baselines'])}")
        bound = metrics["baselines"][bound]["test"][goal.metric]["value"]
    return bool(value >= bound if goal.higher_is_better else value <= bound)


def _goal_words(goal: Goal | None) -> str:
    if goal is None:
        return ""
    return f"{goal.metric} {'>=' if goal.higher_is_better else '<='} {goal.value} ({goal.source})"


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
