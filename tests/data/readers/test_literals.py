"""Values as programs write them, and readers of such values on what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

import unroll
from unroll.data.readers.literals import json_value, python_value
from unroll.data.readers.squad import what_stands_at

DEEP = 60_000


@pytest.mark.parametrize("text", ["", "[", "f()", "1 +", "{[]: 1}", '"a"' + '+"a"' * DEEP, "[" + "-" * DEEP + "1]"])
def test_what_python_does_not_write_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is Python's own
        python_value(text)


@pytest.mark.parametrize("text", ["", "{'a': 1}", "[" * DEEP])
def test_what_json_does_not_write_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is Python's own
        json_value(text)


def test_a_text_of_gettext_that_is_too_deep_is_an_error_with_its_line(tmp_path: Path) -> None:
    pairs = "".join(f'msgid "word {n}"\nmsgstr "Wort {n}"\n\n' for n in range(5))
    (tmp_path / "de.po").write_text(pairs + 'msgid "a"' + '+"a"' * DEEP + '\nmsgstr "b"\n')
    with pytest.raises(unroll.DataError, match=r"de\.po:16: expected a text in quotes"):
        unroll.check(tmp_path / "de.po")


def test_a_conversation_of_cornell_that_is_too_deep_is_an_error_with_its_line(tmp_path: Path) -> None:
    sign = " +++$+++ "
    said = [sign.join((f"L{n}", "u0", "m0", "ANN", f"words {n}")) for n in range(4)]
    talks = [sign.join(("u0", "u1", "m0", named)) for named in ("['L0', 'L1']", "['L2', 'L3']") * 20]
    talks.append(sign.join(("u0", "u1", "m0", "[" + "-" * DEEP + "1]")))
    (tmp_path / "movie_lines.txt").write_text("\n".join(said))
    (tmp_path / "movie_conversations.txt").write_text("\n".join(talks))
    with pytest.raises(unroll.DataError, match=r"movie_conversations\.txt:41: expected a list of lines"):
        unroll.check(tmp_path / "movie_conversations.txt")


def test_half_a_surrogate_pair_has_a_place() -> None:
    assert what_stands_at("\ud800 in 1815", "1815", 2) == "the text has 'in 1' there"
