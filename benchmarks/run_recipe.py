"""Run recipes and record what came out: scores, baselines, seconds, seed, commit, machine, versions, command."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import records
from recipes import RECIPES, Goal, MemoryRecipe, Recipe

from unroll.errors import nearest

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


class Facts(NamedTuple):
    """What a finished run does not say itself; it is kept beside the run.

    Attributes:
        commit: of the code, with "+changes" if the code was not that of the commit.
        seconds: from the first command to the last.
    """

    commit: str | None
    seconds: float


def main() -> int:
    """Run what the command line asks for. Returns 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="scripts/recipes", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes to run")
    parser.add_argument("--list", action="store_true", help="list the recipes and exit")
    parser.add_argument("--data", type=Path, default=Path(), help="the folder with the public data")
    parser.add_argument("--seed", default="0", metavar="N,N,...", help="one run for each; runs of other seeds are kept")
    parser.add_argument("--out", type=Path, help="keep the run folders here")
    parser.add_argument("--record", type=Path, help="record this finished run of the recipe instead of training")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the records stand")
    arguments = parser.parse_args()
    if arguments.list or not arguments.names:
        for recipe in RECIPES:
            print(f"{recipe.name:16} {_words(recipe)}")
        return 0
    known = {recipe.name: recipe for recipe in RECIPES}
    for name in arguments.names:
        if name not in known:
            parser.error(f"unknown recipe '{name}'{nearest(name, known)}")
    if not re.fullmatch(r"\d+(,\d+)*", arguments.seed):
        parser.error(f"--seed takes numbers separated by commas, got '{arguments.seed}'")
    if arguments.record is not None:
        if len(arguments.names) != 1:
            parser.error("--record goes with one recipe")
        return _record(known[arguments.names[0]], arguments.record, arguments.results)
    missed = 0
    for name in arguments.names:
        for seed in map(int, arguments.seed.split(",")):
            with tempfile.TemporaryDirectory(prefix="unroll-recipe-") as temporary:
                out = (arguments.out or Path(temporary)) / name
                run(known[name], arguments.data, out, seed)
                missed += _record(known[name], out, arguments.results)
    return 1 if missed else 0


def run(recipe: Recipe | MemoryRecipe, data: Path, out: Path, seed: int) -> None:
    """Run the commands of a recipe. `out` becomes the run folder; what else is made stands beside it.

    Raises:
        SystemExit: the data is not there, or a command failed.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    commit, began = _commit(), time.monotonic()
    for command in commands(recipe, data, out):
        whole = [*command, "--seed", str(seed), "--force"]
        if unroll(whole) != 0:
            raise SystemExit(f"{recipe.name}: `unroll {' '.join(whole)}` failed")
    facts = Facts(commit, time.monotonic() - began)
    _facts_of(out).write_text(json.dumps(facts._asdict()) + "\n", encoding="utf-8")


def unroll(arguments: list[str]) -> int:
    """Run one command in a process of its own and return its exit code."""
    return subprocess.run([sys.executable, "-m", "unroll.cli", *arguments], check=False).returncode


def commands(recipe: Recipe | MemoryRecipe, data: Path, out: Path) -> list[list[str]]:
    """Return what is run for a recipe, after its data is prepared: the arguments of `unroll`, without seed.

    Raises:
        SystemExit: the data is not there.
    """
    if isinstance(recipe, MemoryRecipe):
        return [["memory", *options, "--out", str(out / str(n))] for n, options in enumerate(recipe.commands)]
    places = {
        "{data}": data,
        "{prepared}": out.with_name(f"{out.name}-data"),
        "{pretrained}": records.pretrained(out),
    }

    def filled(words: Sequence[str]) -> list[str]:
        found = list(words)
        for name, place in places.items():
            found = [word.replace(name, str(place)) for word in found]
        return found

    def train(where: str, options: Sequence[str], into: Path, *, builtin: bool = False) -> list[str]:
        (place,) = [where] if builtin else filled([where if where.startswith("{") else f"{{data}}/{where}"])
        if not builtin and not Path(place).exists():
            raise SystemExit(f"{place}: not found; give the folder with the public data: --data DIR")
        return ["train", place, *filled(options), "--out", str(into)]

    if recipe.prepare is not None:
        places["{prepared}"].mkdir(parents=True, exist_ok=True)
        try:
            recipe.prepare(data, places["{prepared}"])
        except FileNotFoundError as error:
            raise SystemExit(f"{error.filename}: not found; give the folder with the public data: --data DIR") from None
    found = []
    if recipe.pretraining is not None:
        found.append(train(recipe.pretraining.data, recipe.pretraining.options, places["{pretrained}"]))
    return [*found, train(recipe.data, recipe.options, out, builtin=recipe.builtin)]


def _record(recipe: Recipe | MemoryRecipe, out: Path, results: Path) -> int:
    """Write the record of a finished run; 1 if its goal is missed."""
    if not _facts_of(out).is_file():
        raise SystemExit(f"{out}: not a run of scripts/recipes: {_facts_of(out).name} is not beside it")
    facts = Facts(**json.loads(_facts_of(out).read_text(encoding="utf-8")))
    if isinstance(recipe, MemoryRecipe):
        new = records.memory_record(recipe, out, facts.commit, facts.seconds)
    else:
        new = records.train_record(recipe, out, facts.commit)
    target = results / f"{recipe.name}.json"
    old = json.loads(target.read_text(encoding="utf-8")) if target.is_file() else None
    whole = records.merged(old, new)
    records.write(whole, target)
    own = new["runs"][0]
    kept = ", ".join(str(entry["seed"]) for entry in whole["runs"])
    outcome = "goal reached" if own["reached"] else "GOAL MISSED"
    print(f"{recipe.name}, seed {own['seed']}: {outcome}; {target} holds the seeds {kept}")
    if old is not None and len(whole["runs"]) == 1 and any(entry["seed"] != own["seed"] for entry in old["runs"]):
        print(f"{recipe.name}: the earlier runs were of another command or on other data, and were left out")
    return 0 if own["reached"] else 1


def _facts_of(out: Path) -> Path:
    return out.with_name(f"{out.name}-facts.json")


def _words(recipe: Recipe | MemoryRecipe) -> str:
    if isinstance(recipe, MemoryRecipe):
        goal = ", ".join(f"{cell} {'solves it' if solved else 'does not'}" for cell, solved in recipe.solved.items())
        return f"{'unroll memory':42} {goal} ({recipe.source})"
    return f"{recipe.data:42} {_goal_words(recipe.goal)}"


def _goal_words(goal: Goal | None) -> str:
    if goal is None:
        return ""
    margin = f" {'+' if goal.higher_is_better else '-'} {goal.margin}" if goal.margin else ""
    return f"{goal.metric} {'>=' if goal.higher_is_better else '<='} {goal.value}{margin} ({goal.source})"


def _commit() -> str | None:
    def git(*words: str) -> str:
        found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return found.stdout.strip()

    head = git("rev-parse", "--short", "HEAD")
    if not head:
        return None
    return f"{head}+changes" if git("status", "--porcelain", "-uno", "--", "src", "csrc") else head


if __name__ == "__main__":
    sys.exit(main())
