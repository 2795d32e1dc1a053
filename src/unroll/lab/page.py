"""The lab's pages: one for each chapter and language, and a contents page."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unroll.lab.lesson import LANGUAGES, Chapter, Lesson, Part, Text
from unroll.report.charts import Lanes
from unroll.report.rendering import render
from unroll.report.tables import as_table

_CLAIMS = Text("What people say, and what this run shows", "흔히 하는 말, 그리고 이번 실행의 결과")
_HOLDS = Text("Holds here:", "이번 실행에서는 맞음:")
_FAILS = Text("Does not hold here:", "이번 실행에서는 맞지 않음:")
_CHAPTERS = Text("Chapters in reading order", "차례")
_CONTENTS = Text("All chapters", "차례")
_LAB = Text("The unroll lab", "unroll 실험실")
_ABOUT = Text(
    "What recurrent networks remember, and why: small experiments, each with a claim that people make and what came"
    " of it here. Every number and picture was measured on networks that were trained when these pages were made.",
    "순환 신경망이 무엇을, 왜 기억하는지 작은 실험으로 알아봅니다. 장마다 흔히 하는 말을 시험하고 결과를 적었습니다."
    " 수치와 그림은 모두 이 페이지를 만들 때 학습한 신경망에서 잰 것입니다.",
)
_NAMES = {"en": "English", "ko": "한국어"}


class Done(NamedTuple):
    """What a chapter's run leaves for the contents page: JSON-able.

    Attributes:
        seconds: that it took.
        claims: whether each holds, and what it says, by language.
    """

    seconds: float
    claims: list[dict[str, Any]]


def file_name(name: str, language: str) -> str:
    """The file of a chapter, or of the contents ("index"), in a language."""
    return f"{name}.html" if language == "en" else f"{name}.{language}.html"


def done(lesson: Lesson, seconds: float) -> Done:
    """What is kept of a run."""
    return Done(round(seconds, 1), [{"holds": bool(claim.holds), **claim.says._asdict()} for claim in lesson.claims])


def lesson_html(
    chapters: Sequence[Chapter], chapter: Chapter, lesson: Lesson, language: str, seconds: float, seed: int
) -> str:
    """A chapter's page."""
    number = [one.name for one in chapters].index(chapter.name)
    links = [_way(file_name("index", language), _CONTENTS.of(language)), *_other_languages(chapter.name, language)]
    for at, text in ((number - 1, Text("Previous", "이전 장")), (number + 1, Text("Next", "다음 장"))):
        if 0 <= at < len(chapters):
            other = chapters[at]
            links.append(_way(file_name(other.name, language), f"{text.of(language)}: {other.title.of(language)}"))
    eyebrow = Text(
        f"unroll lab · chapter {number + 1} of {len(chapters)}",
        f"unroll 실험실 · {len(chapters)}장 가운데 {number + 1}장",
    )
    cost = Text(
        f"Trained and measured in {seconds:.0f} seconds with seed {seed}: unroll lab {chapter.name} --seed {seed}",
        f"학습과 측정 {seconds:.0f}초, 시드 {seed}: unroll lab {chapter.name} --seed {seed}",
    )
    return render(
        "lab.html",
        {
            **_frame(language),
            "eyebrow": eyebrow.of(language),
            "title": chapter.title.of(language),
            "about": chapter.about.of(language),
            "links": links,
            "claims": [
                {"says": one.says.of(language), "holds": one.holds, "numbers": _kept(one.numbers.of(language))}
                for one in lesson.claims
            ],
            "parts": [_part(part, language) for part in lesson.parts],
            "chapters": [],
            "cost": cost.of(language),
        },
    )


def contents_html(chapters: Sequence[Chapter], finished: Mapping[str, Done], language: str) -> str:
    """The contents page: every chapter, and what became of its claims."""
    return render(
        "lab.html",
        {
            **_frame(language),
            "eyebrow": "unroll lab" if language == "en" else "unroll 실험실",
            "title": _LAB.of(language),
            "about": _ABOUT.of(language),
            "links": _other_languages("index", language),
            "claims": [],
            "parts": [],
            "chapters": [
                {
                    "title": chapter.title.of(language),
                    "about": chapter.about.of(language),
                    "href": file_name(chapter.name, language) if chapter.name in finished else "",
                    "verdict": _verdict(chapter, finished.get(chapter.name), language),
                }
                for chapter in chapters
            ],
            "cost": "",
        },
    )


def _verdict(chapter: Chapter, own: Done | None, language: str) -> str:
    if own is None:
        return Text(f"not run yet: unroll lab {chapter.name}", f"아직 실행하지 않음: unroll lab {chapter.name}").of(
            language
        )
    failed = [str(claim[language]) for claim in own.claims if not claim["holds"]]
    count = len(own.claims)
    text = Text(
        f"{count - len(failed)} of {count} claims hold{'; does not hold: ' if failed else '.'}",
        f"주장 {count}개 중 {count - len(failed)}개가 맞음{'. 맞지 않은 주장: ' if failed else '.'}",
    ).of(language)
    return text + " ".join(failed) + Text(f" ({own.seconds:.0f} seconds)", f" ({own.seconds:.0f}초)").of(language)


def _part(part: Part, language: str) -> dict[str, Any]:
    """A section; pictures that take the whole width stand by themselves."""
    charts = [] if part.charts is None else list(part.charts(language))
    wide = [chart for chart in charts if isinstance(chart, Lanes) or getattr(chart, "wide", False)]
    return {
        "title": part.title.of(language),
        "text": _kept(part.text.of(language)),
        "wide": wide,
        "charts": [chart for chart in charts if chart not in wide],
        "table": None if part.table is None else as_table(part.table(language), part.title.of(language)),
    }


def _kept(text: str) -> str:
    """A text whose particles stay with their numbers: a line must not end between "25%" and "입니다"."""
    return re.sub("%(?=[가-힣])", "%\N{WORD JOINER}", text)


def _frame(language: str) -> dict[str, Any]:
    return {
        "language": language,
        "names": {
            "claims": _CLAIMS.of(language),
            "holds": _HOLDS.of(language),
            "fails": _FAILS.of(language),
            "chapters": _CHAPTERS.of(language),
        },
    }


def _way(href: str, text: str, language: str = "") -> dict[str, str]:
    return {"href": href, "text": text, "language": language}


def _other_languages(name: str, language: str) -> list[dict[str, str]]:
    return [_way(file_name(name, other), _NAMES[other], other) for other in LANGUAGES if other != language]
