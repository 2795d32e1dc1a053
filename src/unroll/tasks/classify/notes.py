"""What was decided about a classifier, in words."""

from __future__ import annotations

from collections.abc import Iterator

from unroll.cells import CELLS
from unroll.data.doctor.classes import alike, alike_text, stand_for_none
from unroll.models.encoders import GRID
from unroll.report import words
from unroll.tasks.classify.data import ClassifyData
from unroll.tasks.classify.settings import ClassifySettings, Saved, SeriesPlan


def notes_of(data: ClassifyData, settings: ClassifySettings) -> Iterator[str]:
    """Classes, splits, features and network, a sentence each."""
    split, saved, forms = data.split, data.saved, data.forms
    counts = data.truth_NK[split.train].sum(axis=0)
    kind = "labels, any number in a row" if saved.several else "classes"
    rarest = int(counts.argmin())
    yield (
        f"{len(saved.classes)} {kind}, in column '{saved.target}'; the rarest, '{saved.classes[rarest]}', has"
        f" {counts[rarest]} of {len(split.train)} train rows"
    )
    groups = alike(saved.classes)
    if groups:
        yield f"{alike_text(groups)}; write each of them in one way"
    for name in stand_for_none(saved.classes):
        yield f"the class {name!r} is what people write for no value; if it is no class of its own, take its rows out"
    yield f"{len(split.train)} rows train, {len(split.validation)} validate, {len(split.test)} test"
    if forms.features is not None:
        grams = f"with n-grams up to {forms.features.longest}" if forms.features.longest else "alone"
        known = forms.features.size
        yield f"a step is a {forms.features.unit} {grams}; {known} features are known from the train part"
    if forms.grams is not None:
        yield f"beside the network stands a linear model of {forms.grams.size} features, by {forms.grams.unit}"
    if saved.series:
        yield f"every step has {saved.input_size} values, standardised by the train part"
    if data.gaps is not None and data.gaps.rows:
        gaps = data.gaps
        yield (
            f"{gaps.filled} of {gaps.total} values are missing, in {gaps.rows} rows, first in"
            f" {gaps.place[0].name}:{gaps.place[1]}; each is filled by a straight line between its neighbours in time"
        )
    if data.pretrained is not None:
        yield data.pretrained.note
    training = ", ".join(f"{key} {value:g}" for key, value in data.training.items())
    if saved.plan is not None:
        yield f"{_plan_text(saved, saved.plan)}; unless set otherwise: {training}"
        return
    name = settings.network(series=saved.series)
    directions = " in both directions" if settings.bidirectional and name in (*CELLS, GRID) else ""
    encoder = f"{words.model_name(name)} with {saved.hidden_size} features{directions}, "
    yield (
        ("" if forms.features is None and not saved.series else encoder)
        + f"pooled by {' + '.join(settings.poolings(name))}; unless set otherwise: {training}"
    )


def _plan_text(saved: Saved, plan: SeriesPlan) -> str:
    """The networks of a plan, in words."""
    count = "an" if plan.members == 1 else f"{plan.members} networks side by side, each an"
    sizes = f"{plan.filters}, {2 * plan.filters} and {plan.filters}"
    squeezed = " with squeeze-and-excite" if saved.input_size > 1 else ""
    strided = f", every {plan.stride} steps" if plan.stride > 1 else ""
    beside = f", and a linear model of {plan.fixed} shares of fixed convolutions beside them" if plan.fixed else ""
    return (
        f"{count} LSTM of {saved.hidden_size} features beside convolutions of {sizes} filters{squeezed}{strided}"
        f" (LSTM-FCN){beside}"
    )
