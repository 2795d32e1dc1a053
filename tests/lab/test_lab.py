"""Chapters measure what they say, and pages say it in both languages."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unroll.cli.app import run
from unroll.errors import ConfigError
from unroll.inspect import trace
from unroll.lab import course, powers
from unroll.lab.course import CHAPTERS, hold
from unroll.lab.grid import depth_gates
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.order import _before, _beyond, _more
from unroll.lab.training import AtTheEnd, accuracy, first_symbol, power, train
from unroll.layers import GridLSTM
from unroll.report.charts import Curve, Plot

HANGUL = re.compile("[가-힣]")


def made(name: str, holds: bool) -> Chapter:
    def lesson(seed: int) -> Lesson:
        chart = Plot("<b>", [Curve("a", [0.0, 1.0], [float(seed), 2.0])])
        part = Part(
            Text("Part <i>", "부분"), Text("Words & more", "글"), lambda language: [chart], lambda _: [{"a": 1}]
        )
        return Lesson([part], [Claim(Text("It is so.", "그렇다."), holds, Text("1 of 2", "둘 가운데 하나"))])

    return Chapter(name, Text(f"Title {name}", f"제목 {name}"), Text("About.", "소개."), lesson)


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "CHAPTERS", (made("first", True), made("second", False)))


def test_pages_link_each_other_and_say_what_does_not_hold(two: None, tmp_path: Path) -> None:
    told = []
    contents = hold([], tmp_path, seed=3, tell=lambda chapter, lesson, seconds: told.append(chapter.name))
    assert told == ["first", "second"]
    text = contents.read_text("utf-8")
    assert text.index("Title first") < text.index("Title second")
    assert "1 of 1 claims hold" in text
    assert "0 of 1 claims hold" in text
    assert "0 of 1 claims hold; does not hold: It is so." in text
    page, korean = (tmp_path / name for name in ("second.html", "second.ko.html"))
    english = page.read_text("utf-8")
    assert '<html lang="en">' in english
    assert "Does not hold here:" in english
    assert "Part &lt;i&gt;" in english
    assert "--seed 3" in english
    assert '<html lang="ko">' in korean.read_text("utf-8")
    assert "이번 실행에서는 맞지 않음:" in korean.read_text("utf-8")
    for file in tmp_path.glob("*.html"):
        for link in re.findall('href="(.*?)"', file.read_text("utf-8")):
            assert (tmp_path / link).is_file(), f"{file.name}: {link}"


def test_a_chapter_alone_leaves_the_others_in_the_contents(two: None, tmp_path: Path) -> None:
    hold(["first"], tmp_path, tell=lambda *_: None)
    assert "not run yet: unroll lab second" in (tmp_path / "index.html").read_text("utf-8")
    hold(["second"], tmp_path, tell=lambda *_: None)
    assert "not run yet" not in (tmp_path / "index.html").read_text("utf-8")
    (tmp_path / "lab.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ConfigError, match="delete it or name another folder"):
        hold(["first"], tmp_path, tell=lambda *_: None)


def test_the_command_runs_a_chapter_and_names_those_that_there_are(
    two: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lab", "second", "--out", str(tmp_path)]) == 0
    assert "does not hold: It is so. 1 of 2" in capsys.readouterr().out
    assert run(["lab", "secnd", "--out", str(tmp_path)]) == 2
    assert "no chapter 'secnd' (did you mean 'second'?)" in capsys.readouterr().err


def test_every_chapter_has_its_words_in_both_languages() -> None:
    assert len({chapter.name for chapter in CHAPTERS}) == len(CHAPTERS) >= 7
    for chapter in CHAPTERS:
        for text in (chapter.title, chapter.about):
            assert not HANGUL.search(text.en)
            assert HANGUL.search(text.ko), chapter.name


def test_the_first_chapter_says_what_it_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powers, "_LAG", 3)
    lesson = powers.run(0)
    shrinks, explodes, *_ = lesson.claims
    assert shrinks.holds
    assert explodes.holds
    assert power(0.9**100) in shrinks.numbers.en
    assert "9.49" in shrinks.numbers.en
    for part in lesson.parts:
        assert HANGUL.search(part.text.ko)
        if part.charts is not None:
            assert all(chart.drawing() is not None for chart in part.charts("ko"))


def test_numbers_over_many_powers_of_ten() -> None:
    written = [power(value).replace("\N{NO-BREAK SPACE}", " ") for value in (0.0, 0.5, 2550.0, 8.28e7, 2.66e-5)]
    assert written == ["0", "0.5", "2,550", "8.3 × 10⁷", "2.7 × 10⁻⁵"]


def test_what_no_window_tells_is_what_windows_and_ends_do_not_tell() -> None:
    class Windows(nn.Module):
        """Knows the order if one window of five, laid anywhere over the padded sequence, tells it; else says no."""

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            answers = []
            for row in ids.T.tolist():
                padded = [None, None, *row, None, None]
                says = 0
                for start in range(len(row)):
                    window = padded[start : start + 5]
                    a, b = (window.index(one) if one in window else None for one in (0, 1))
                    if a is not None and b is not None:
                        says = int(a < b)
                    elif None in window and (a is not None or b is not None):
                        at_the_beginning = window[0] is None
                        says = int((a is not None) == at_the_beginning)
                answers.append(says)
            return nn.functional.one_hot(torch.tensor(answers), 2).float()

    found = _beyond(Windows())
    assert found.by_distance[:4] == [1.0] * 4
    assert found.by_distance[12:] == [1.0] * 7
    assert found.untold == pytest.approx(0.5, abs=0.06)
    assert min(found.by_distance[4:11]) < 1
    assert found.share == pytest.approx(28 / 190, abs=0.02), "of 190 pairs of places 28"


def test_rows_ask_what_they_say_they_ask() -> None:
    ids, truth = _before(5, 50)
    for row in range(50):
        a, b = ((ids[:, row] == symbol).nonzero().flatten().tolist() for symbol in (0, 1))
        assert len(a) == len(b) == 1
        assert bool(truth[row]) == (a[0] < b[0])
    ids, truth = _more(5, 50)
    np.testing.assert_array_equal(truth.bool(), (ids == 0).sum(dim=0) > (ids == 1).sum(dim=0))
    assert 10 < int(truth.sum()) < 40
    x, truth = first_symbol(7)(3, 20)
    assert x.shape == (8, 20, 5)
    np.testing.assert_array_equal(x[0, :, :4].argmax(dim=1), truth)
    assert not x[1:, :, :4].any()


def test_training_ends_when_it_is_learnt_or_when_it_breaks() -> None:
    torch.manual_seed(0)
    draw = first_symbol(1)
    net = AtTheEnd(nn.GRU(5, 16), 16, 4)
    found = train(net, draw, steps=200, rate=2e-2)
    assert found.accuracy > 0.98
    assert found.steps < 200
    assert found.steps == len(found.losses) == len(found.norms)
    assert accuracy(net, draw) == found.accuracy
    with torch.no_grad():
        net.head.weight.fill_(math.inf)
    assert train(net, draw, steps=50).steps == 1


def test_depth_gates_are_those_of_the_equations() -> None:
    torch.manual_seed(1)
    grid = GridLSTM(3, 4, 2)
    x = torch.randn(5, 2, 3)
    found = depth_gates(grid, x)
    h = [torch.zeros(2, 4) for _ in range(2)]
    c = [torch.zeros(2, 4) for _ in range(2)]
    gates: list[list[torch.Tensor]] = [[], []]
    for step in x:
        h_depth, c_depth = grid.enter(step).chunk(2, dim=-1)
        for block in range(2):
            joined = torch.cat((h[block], h_depth), dim=-1)
            values = []
            for part, memory in ((grid.time[block], c[block]), (grid.depth[block], c_depth)):
                i, f, g, o = (joined @ part.weight.T + part.bias).chunk(4, dim=-1)
                new = f.sigmoid() * memory + i.sigmoid() * g.tanh()
                values.append(((o.sigmoid() * new).tanh(), new, f.sigmoid()))
            (h[block], c[block], _), (h_depth, c_depth, gate) = values
            gates[block].append(gate)
    expected = [float(torch.stack(own).detach().mean()) for own in gates]
    assert found == pytest.approx(expected, abs=1e-6)
    assert trace(grid, x).tracks[0].values["h"].shape == (5, 8)


def test_the_record_of_a_run_is_json(two: None, tmp_path: Path) -> None:
    hold([], tmp_path, tell=lambda *_: None)
    held = json.loads((tmp_path / "lab.json").read_text("utf-8"))
    assert held["second"]["claims"] == [{"holds": False, "en": "It is so.", "ko": "그렇다."}]
