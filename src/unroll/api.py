"""The Python door: train, load, check, compare. The command line is its first client.

Everything takes the same data: a path or the name of a built-in set, or rows in memory (`unroll.data.frames`). Keyword
arguments are named as the options of the commands, and None is "not given".
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unroll.bundle import RunFolder, Temporary, read_config, with_values
from unroll.data.frames import frames_of, is_file, table_of
from unroll.data.series.ids import COLUMNS
from unroll.data.table.table import Table
from unroll.errors import ConfigError
from unroll.results import Check
from unroll.tasks.checking import examine_data
from unroll.tasks.comparing import compare_runs, compared, plan_rivals
from unroll.tasks.options import Value
from unroll.tasks.pipeline import Say, data_config, plan_run, resume_values, train_run
from unroll.tasks.reading import read_options
from unroll.tasks.registry import TASKS
from unroll.trained import Compared, Model
from unroll.training import Epoch, Progress, Silent
from unroll.training.processes import processes
from unroll.training.progress import open_progress, with_callbacks

#: A file of settings, or the settings themselves.
Config = Path | str | Mapping[str, Any]
#: Other settings: dotted key -> value, or texts key=value as `--set` takes them.
Settings = Mapping[str, object] | Sequence[str]
#: Called after each epoch.
Callback = Callable[[Epoch], object]


def train(
    data: object = None,
    *,
    task: str | None = None,
    target: str | None = None,
    time: str | None = None,
    series: str | Sequence[str] | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    validation: object = None,
    test: object = None,
    epochs: int | None = None,
    seed: int | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    config: Config | None = None,
    settings: Settings = (),
    force: bool = False,
    baselines: bool = True,
    progress: bool | Progress | None = None,
    callbacks: Sequence[Callback] = (),
    say: Say | None = None,
    **options: Value | None,
) -> Model:
    """Train a model, score it beside simple baselines, and write its report.

    Args:
        data: a path, the name of a built-in set, or rows in memory: a frame of pandas, polars or pyarrow, a dict of
            columns, a list of dicts, (texts, labels), a `datasets.Dataset`, an array (N, T, F) with its labels.
        task: what to learn; guessed from the data and said aloud if None.
        target: the column to predict.
        time: the column that holds the time of a row.
        series: the column that names the series of a row, or several.
        format: of the file.
        encoding: of the file; utf-8 if None.
        delimiter: what separates the columns of the file.
        header: whether the first line names the columns.
        validation: further data that holds the validation rows, of the same sort as `data`.
        test: further data that holds the test rows.
        epochs: passes over the training rows, at most.
        seed: of everything random; 0 if None.
        out: the run folder; a temporary one, which lives as long as the model, if None.
        resume: the folder of a run that is continued as it was begun; rows in memory are given again.
        config: a config to start from, such as another run's config.json.
        settings: any other, such as {"training.batch_size": 64}.
        force: replace the run that is in the folder.
        baselines: whether simple baselines are fitted on the same split.
        progress: True shows how far it is, False nothing; None shows it in terminals and notebooks.
        callbacks: each is called with every finished epoch.
        say: told what was understood and decided; None for where the progress is shown.
        options: what the task declares, such as `cell`, `hidden_size`, `horizon`.

    Raises:
        ConfigError: a setting is wrong, or the task has no such option.
        DataError: the data is wrong; with file and line.
        Interrupted: SIGINT or SIGTERM came; the run was saved and can be continued.
    """
    shown = _progress(progress)
    say = say or _speaker(shown)
    given = _given(task, target, time, series, format, encoding, delimiter, header, epochs, seed)
    chosen = _known(options)
    keep: object = None
    if resume is not None:
        if given or chosen or validation is not None or test is not None or out or config or settings or force:
            raise ConfigError(
                f"--resume continues a run as it was begun, so it takes no other option; give only --resume {resume},"
                f" or begin a new run from its config with --config {Path(resume) / 'config.json'} --out DIR"
            )
        values = resume_values(RunFolder.open(resume))
        if data is not None and is_file(data) and str(data) != values["data"]["path"]:
            raise ConfigError(
                f"--resume continues a run as it was begun, so it takes no other data; it has {values['data']['path']}"
            )
        out = resume
    else:
        values = _values(config, given)
        if out is None:
            keep = Temporary()
            # Every process must use the folder of the first one.
            out = Path(processes().share(str(keep.path / "run").encode()).decode())
    with _opened(data, values, overrides_of(settings), validation, test) as (values, table, store):
        plan = plan_run(values, overrides_of(settings), TASKS, store, say=say, table=table, options=chosen)
        folder = train_run(
            plan,
            Path(out),
            force=force,
            resume=resume is not None,
            progress=with_callbacks(shown, callbacks),
            say=say,
            with_baselines=baselines,
        )
    return Model(folder, keep)


def load(path: Path | str) -> Model:
    """Open the folder of a finished run, made by `train` or by the command line.

    Raises:
        BundleError: it is not the folder of a run, or is damaged.
    """
    return Model(RunFolder.open(path))


def check(
    data: object,
    *,
    task: str | None = None,
    target: str | None = None,
    time: str | None = None,
    series: str | Sequence[str] | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    validation: object = None,
    test: object = None,
    settings: Settings = (),
) -> Check:
    """Look at data before training on it: what was understood, and what would spoil a result.

    The arguments are those of `train`.

    Raises:
        ConfigError: a setting is wrong.
        DataError: the data cannot be read; with file and line.
    """
    given = _given(task, target, time, series, format, encoding, delimiter, header, None, None)
    with _opened(data, _values(None, given), overrides_of(settings), validation, test) as (values, table, store):
        return Check(*examine_data(values, overrides_of(settings), TASKS, store, table=table))


def compare(
    data: object,
    *,
    cells: Sequence[str] | None = None,
    task: str | None = None,
    target: str | None = None,
    time: str | None = None,
    series: str | Sequence[str] | None = None,
    format: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    validation: object = None,
    test: object = None,
    epochs: int | None = None,
    seed: int | None = None,
    out: Path | str | None = None,
    config: Config | None = None,
    settings: Settings = (),
    force: bool = False,
    progress: bool | Progress | None = None,
    callbacks: Sequence[Callback] = (),
    say: Say | None = None,
    **options: Value | None,
) -> Compared:
    """Train several models on the same split and budget, or read several runs.

    Args:
        data: as in `train`; or a list of models, or of folders of runs.
        cells: which models; None for all that the task knows.
        task: as in `train`, like all others.
        target: likewise.
        time: likewise.
        series: likewise.
        format: likewise.
        encoding: likewise.
        delimiter: likewise.
        header: likewise.
        validation: likewise.
        test: likewise.
        epochs: likewise.
        seed: likewise.
        out: where the runs and the page go; likewise.
        config: likewise.
        settings: likewise.
        force: likewise.
        progress: likewise.
        callbacks: likewise.
        say: likewise.
        options: likewise.

    Raises:
        ConfigError: a setting is wrong, or the runs are of several tasks.
        DataError: the data is wrong; with file and line.
        BundleError: a run is not finished, or damaged.
    """
    runs = _runs(data)
    if runs:
        comparison = compare_runs(runs, TASKS)
        models = {c.name: load(path) for c, path in zip(comparison.candidates, runs, strict=True)}
        return _written(Compared(comparison, models, None if out is None else Path(out)))
    shown = _progress(progress)
    say = say or _speaker(shown)
    values = _values(config, _given(task, target, time, series, format, encoding, delimiter, header, epochs, seed))
    keep = Temporary() if out is None else None
    folder = keep.path / "runs" if keep is not None else Path(str(out))
    folders: dict[str, RunFolder] = {}
    notes: list[str] = []
    with _opened(data, values, overrides_of(settings), validation, test) as (values, table, store):
        overrides = overrides_of(settings)
        rivals = plan_rivals(values, overrides, cells, TASKS, store, say=say, table=table, options=_known(options))
        for name, plan in rivals.plans(TASKS, store):
            say(f"\n{name}")
            if isinstance(plan, ConfigError):
                notes.append(f"{name} was left out: {plan}")
                say(notes[-1])
                continue
            # The baselines do not depend on the model, so they are fitted once.
            folders[name] = train_run(
                plan,
                folder / name,
                force=force,
                progress=with_callbacks(_progress(progress), callbacks),
                say=lambda _: None,
                with_baselines=not folders,
            )
    first = rivals.first
    title = f"{', '.join(folders)} on {first.config.data.path}"
    models = {name: Model(run, keep) for name, run in folders.items()}
    return _written(Compared(compared(first.task, title, folders, notes), models, folder))


def _written(result: Compared) -> Compared:
    page = result.report
    if page.path is not None:
        page.path.parent.mkdir(parents=True, exist_ok=True)
        page.path.write_text(page.html, encoding="utf-8")
    return result


def _runs(data: object) -> list[Path]:
    """The folders of runs, if that is what the data is."""
    if not isinstance(data, list | tuple) or not data:
        return []
    paths = [item.path if isinstance(item, Model) else item for item in data]
    if not all(isinstance(path, str | Path) and (Path(path) / "manifest.json").is_file() for path in paths):
        return []
    return [Path(path) for path in paths]


def _given(
    task: str | None,
    target: str | None,
    time: str | None,
    series: str | Sequence[str] | None,
    format: str | None,
    encoding: str | None,
    delimiter: str | None,
    header: bool | None,
    epochs: int | None,
    seed: int | None,
) -> dict[str, object]:
    """The arguments that are keys of a config, by their keys; those that were not given are left out."""
    keys = {
        "task": task,
        "data.target": target,
        "data.time": time,
        "data.series": series if series is None or isinstance(series, str) else COLUMNS.join(series),
        "data.format": format,
        "data.encoding": encoding,
        "data.delimiter": delimiter,
        "data.header": header,
        "training.epochs": epochs,
        "seed": seed,
    }
    return {key: value for key, value in keys.items() if value is not None}


def _known(options: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in options.items() if value is not None}


def _values(config: Config | None, given: Mapping[str, object]) -> dict[str, Any]:
    start = {} if config is None else dict(config) if isinstance(config, Mapping) else read_config(config)
    return with_values(start, given, str(config) if isinstance(config, str | Path) else "the config")


def overrides_of(settings: Settings) -> list[str]:
    """Settings as the texts key=value that `--set` takes."""
    if isinstance(settings, Mapping):
        return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in settings.items()]
    return list(settings)


@contextmanager
def _opened(
    data: object, values: dict[str, Any], overrides: Sequence[str], validation: object, test: object
) -> Iterator[tuple[dict[str, Any], Table | None, Path]]:
    """The config with the place of the data in it, the table if the rows are in memory, and a folder for the run's
    temporary files."""
    further = {"validation": validation, "test": test}
    with tempfile.TemporaryDirectory(prefix="unroll-") as store:
        if data is None or is_file(data):
            memory = [name for name, part in further.items() if part is not None and not is_file(part)]
            if memory:
                raise ConfigError(
                    f"{memory[0]} must be a path, as the data is, got {type(further[memory[0]]).__name__}"
                )
            paths = {"path": data, **further}
            values = with_values(values, {f"data.{key}": str(path) for key, path in paths.items() if path is not None})
            if "path" not in values.get("data", {}):
                raise ConfigError(
                    "no data: give DATA, a file, a folder or a built-in set (`unroll datasets` lists those)"
                )
            yield values, None, Path(store)
            return
        values = with_values(values, {"data.path": f"<{type(data).__name__}>"})
        config = data_config(values, overrides)
        frames = frames_of(data, target=config.target)
        for number, (name, part) in enumerate(further.items(), start=1):
            if part is not None:
                if is_file(part):
                    raise ConfigError(f"{name} must be rows in memory, as the data is, got the path {part}")
                frames = [frame._replace(part=frame.part or 0) for frame in frames]
                frames += [frame._replace(part=number) for frame in frames_of(part, target=config.target)]
        yield values, table_of(frames, Path(store), read_options(config)), Path(store)


def _progress(progress: bool | Progress | None) -> Progress:
    if progress is None:
        return open_progress() if _watched() else Silent()
    if isinstance(progress, bool):
        return open_progress() if progress else Silent()
    return progress


def _speaker(progress: Progress) -> Say:
    """What is said goes where the progress is shown; of several processes only the first speaks."""
    return progress.note if processes().main else lambda _: None


def _watched() -> bool:
    """Whether a person looks on, in a terminal or a notebook."""
    from rich.console import Console

    return sys.stderr.isatty() or Console().is_jupyter
