"""`unroll lab`: the classroom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unroll.cli import options as o


def lab(
    chapter: Annotated[
        list[str] | None, typer.Argument(metavar="[CHAPTER]...", help="Which chapters; all if none is named.")
    ] = None,
    seed: o.Seed = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the pages go. Default: runs/lab.")] = None,
) -> None:
    """Train small networks that show what recurrent networks remember, and write a page for each chapter.

    Pages are in English and Korean, with a contents page. Every claim on them is checked by the run's own numbers.
    """
    from unroll.lab.course import hold
    from unroll.lab.lesson import Chapter, Lesson

    def tell(done: Chapter, lesson: Lesson, seconds: float) -> None:
        typer.echo(f"{done.name}: {done.title.en} ({seconds:.0f} s)")
        for claim in lesson.claims:
            typer.echo(f"  {'holds' if claim.holds else 'does not hold'}: {claim.says.en} {claim.numbers.en}")

    contents = hold(chapter or [], out or Path("runs") / "lab", seed=seed or 0, tell=tell)
    typer.echo(f"\npages  {contents}")
