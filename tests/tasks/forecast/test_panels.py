"""Series that several columns name, and rows whose steps are years: trained, and forecast again."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

import unroll
from data.helpers import write
from unroll.errors import DataError
from unroll.trained import Model

QUICK = {"epochs": 1, "baselines": False, "progress": False, "horizon": 3}


def frame() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=40)
    rows = [
        (day, store, item, 10 * store + len(item) + 3 * math.sin(at / 3), at % 7)
        for at, day in enumerate(days)
        for store in (1, 2)
        for item in ("milk", "bread")
    ]
    return pd.DataFrame(rows, columns=["date", "store", "item", "sales", "weekday"])


def answers(model: Model, rows: pd.DataFrame) -> dict[str, dict[str, object]]:
    records = rows.assign(date=rows["date"].astype(str)).to_dict("records")
    return {answer["series"]: answer for answer in model.predict(records)}


def test_pairs_are_series_found_or_named(tmp_path: Path) -> None:
    found = unroll.train(frame(), out=tmp_path / "found", **QUICK)  # type: ignore[arg-type]
    named = unroll.train(frame(), series=["store", "item"], target="sales", out=tmp_path / "named", **QUICK)  # type: ignore[arg-type]
    data = unroll.load(tmp_path / "found").config["data"]
    assert (data["series"], data["target"], data["time"]) == ("store,item", "sales", "date")
    first, other = answers(found, frame()), answers(named, frame())
    assert list(first) == ["1/milk", "1/bread", "2/milk", "2/bread"]
    assert first == other
    # One that was not there in training is scaled by itself.
    late = frame().query("store == 1").assign(store=9)
    new = answers(found, late)
    assert list(new) == ["9/milk", "9/bread"]
    short = answers(found, pd.concat([frame(), late[:2]]))
    assert "needs" in str(short["9/milk"]["error"])


def test_ids_that_were_read_as_numbers_are_told_of(tmp_path: Path) -> None:
    rows = frame().assign(store=lambda own: own["store"].map("{:03}".format))
    model = unroll.train(rows, **QUICK)  # type: ignore[arg-type]
    assert list(answers(model, rows)) == ["001/milk", "001/bread", "002/milk", "002/bread"]
    for read in (frame(), frame().astype({"store": float})):
        with pytest.raises(DataError, match=r"series '1(\.0)?/milk' was not there .* and '001/milk', .*, was"):
            answers(model, read)
    # Another number is another series.
    assert list(answers(model, frame().query("store == 1").assign(store="100"))) == ["100/milk", "100/bread"]


def test_rows_of_years_are_forecast_for_the_years_after_them(tmp_path: Path) -> None:
    years = range(1980, 2020)
    rows = [
        f"{name},{code},births,{','.join(str(at * 2 + step + math.sin(step)) for step in range(40))}"
        for at, (name, code) in enumerate((("Chile", "CHL"), ("Peru", "PER"), ("Cuba", "CUB")))
    ]
    file = write(tmp_path / "a.csv", "\n".join(["Country,Code,Indicator," + ",".join(map(str, years)), *rows]) + "\n")
    model = unroll.train(file, out=tmp_path / "run", **QUICK)  # type: ignore[arg-type]
    forecasts = list(model.predict(pd.read_csv(file).to_dict("records")))
    assert [(one["series"], one["time"]) for one in forecasts] == [
        (name, [2020.0, 2021.0, 2022.0]) for name in ("Chile", "Peru", "Cuba")
    ]
