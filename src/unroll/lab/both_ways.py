"""Chapter: what reading from both ends adds."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unroll.cells import GRUCell
from unroll.ids import FIRST_ID
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import generator, percent
from unroll.models.both_ways import BothWays, one_way
from unroll.models.fill import GapModel
from unroll.report.charts import Axis, AxisKind, Bars, Chart, Plot

#: Sentences whose missing word is told by what stands before it, and others where it is told by what comes after.
_BEFORE = (
    ("i caught a cold and was feeling under the", "weather", "all week long"),
    ("the cat crawled from the sofa and slept under the", "table", "all week long"),
    ("the boat came down the river and went under the", "bridge", "all week long"),
)
_AFTER = (
    ("yesterday we were all under the", "weather", "with fever and a cough"),
    ("yesterday we were all under the", "table", "with the cat and its toys"),
    ("yesterday we were all under the", "bridge", "with boats passing us by"),
)
#: Words that may stand in front, so that no sentence is always at the same place.
_OPENERS = ("well", "so", "then", "now", "indeed")
_SIZE, _UPDATES, _ROWS = 24, 400, 24
_WORDS = sorted({word for one in (*_BEFORE, *_AFTER) for part in one for word in part.split()} | set(_OPENERS))
_IDS = {word: FIRST_ID + number for number, word in enumerate(_WORDS)}


def _sentences(seed: int, rows: int, kind: tuple[tuple[str, str, str], ...]) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T) ids, (B,) lengths, and (B,) the place of the word that is asked for."""
    drawn = generator(seed)
    made, places = [], []
    for _ in range(rows):
        left, word, right = kind[int(torch.randint(0, len(kind), (), generator=drawn))]
        count = int(torch.randint(1, 4, (), generator=drawn))
        opening = [_OPENERS[int(torch.randint(0, len(_OPENERS), (), generator=drawn))] for _ in range(count)]
        words = [*opening, *left.split(), word, *right.split()]
        places.append(count + len(left.split()))
        made.append(torch.tensor([_IDS[one] for one in words]))
    ids = nn.utils.rnn.pad_sequence(made, batch_first=True)
    return ids, torch.tensor([len(one) for one in made]), torch.tensor(places)


def _model(seed: int, *, both: bool) -> GapModel:
    torch.manual_seed(seed)
    behind = one_way(GRUCell, [_SIZE, _SIZE], reverse=True) if both else None
    return GapModel(FIRST_ID + len(_WORDS), BothWays(one_way(GRUCell, [_SIZE, _SIZE]), behind))


def _trained(model: GapModel, seed: int) -> GapModel:
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    for update in range(_UPDATES):
        ids, lengths, _ = _sentences(seed * 100_003 + update, _ROWS, _BEFORE + _AFTER)
        loss = model(ids, lengths) / len(ids)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model


@torch.no_grad()
def _right(model: GapModel, kind: tuple[tuple[str, str, str], ...]) -> float:
    ids, lengths, places = _sentences(2**31, 300, kind)
    every = torch.arange(len(ids))
    guessed = model.scores(model.contexts(ids, lengths)[every, places]).argmax(dim=1) + FIRST_ID
    return float((guessed == ids[every, places]).float().mean())


@torch.no_grad()
def _shares(model: GapModel, left: str, right: str) -> list[float]:
    """The probability of every word for the gap."""
    words = ["well", *left.split(), "the", *right.split()]
    ids = torch.tensor([[_IDS[word] for word in words]])
    at = 1 + len(left.split())
    found: list[float] = (
        model.scores(model.contexts(ids, torch.tensor([len(words)]))[0, at : at + 1]).softmax(dim=1)[0].tolist()
    )
    return found


def _best(model: GapModel, left: str, right: str) -> list[tuple[str, float]]:
    """The three likeliest words for the gap."""
    shares = _shares(model, left, right)
    return sorted(zip(_WORDS, shares, strict=True), key=lambda pair: -pair[1])[:3]


def run(seed: int) -> Lesson:
    """Train a model that reads one way and one that reads both."""
    models = {"one": _trained(_model(seed, both=False), seed), "both": _trained(_model(seed, both=True), seed)}
    right = {name: {"before": _right(model, _BEFORE), "after": _right(model, _AFTER)} for name, model in models.items()}
    names = {"one": Text("from the left only", "왼쪽에서만"), "both": Text("from both ends", "양쪽에서")}

    def scores(language: str) -> list[dict[str, object]]:
        reads = Text("reads", "읽는 방향").of(language)
        clue = Text("clue before the gap", "단서가 빈칸 앞에"), Text("clue after the gap", "단서가 빈칸 뒤에")
        return [
            {
                reads: names[name].of(language),
                clue[0].of(language): percent(own["before"]),
                clue[1].of(language): percent(own["after"]),
            }
            for name, own in right.items()
        ]

    def bars(language: str) -> list[Chart]:
        left, _, behind = _AFTER[0]
        fillers = [word for _, word, _ in _AFTER]
        layers = []
        for side, (name, model) in zip((-0.2, 0.2), models.items(), strict=True):
            shares = _shares(model, left, behind)
            heights = [shares[_WORDS.index(word)] for word in fillers]
            places = [at + side for at in range(len(fillers))]
            layers.append(Bars(names[name].of(language), places, heights, 0.36, [percent(one) for one in heights]))
        return [
            Plot(
                f"{left} ___ {behind}",
                layers,
                Axis(names=fillers),
                Axis(Text("probability", "확률").of(language), AxisKind.SHARE, 0.0, 1.0),
                wide=True,
            )
        ]

    def guesses(language: str) -> list[dict[str, object]]:
        sentence, reads = Text("sentence", "문장").of(language), Text("reads", "읽는 방향").of(language)
        best = Text("likeliest words", "가장 그럴듯한 낱말").of(language)
        return [
            {
                sentence: f"{left} ___ {behind}",
                reads: names[name].of(language),
                best: ", ".join(f"{word} {percent(share)}" for word, share in _best(model, left, behind)),
            }
            for left, _, behind in (_BEFORE[0], _AFTER[0], _AFTER[2])
            for name, model in models.items()
        ]

    one, both = right["one"], right["both"]
    parts = [
        Part(
            Text("Feeling under the ___", "feeling under the ___"),
            Text(
                "Sentences with a gap that “weather”, “table” or “bridge” may fill; guessing one of the three gives"
                " 33%. In half of the sentences the clue stands before the gap, in the other half after it. One"
                " network reads from the left and knows only what stands before the gap. The other reads from both"
                f" ends and joins what it knows from either side. Each was trained on {_UPDATES * _ROWS:,} sentences."
                f" With the clue before the gap they are right on {percent(one['before'])} and"
                f" {percent(both['before'])} of new sentences, with the clue after it on {percent(one['after'])} and"
                f" {percent(both['after'])}.",
                "빈칸에 weather, table, bridge 가운데 하나가 들어가는 문장들입니다. 셋 가운데 하나를 찍으면 33%입니다."
                " 절반은 단서가 빈칸 앞에, 절반은 빈칸 뒤에 있습니다. 한 신경망은 왼쪽에서부터 읽으므로 빈칸 앞에 있는"
                " 것만 압니다. 다른 신경망은 양쪽 끝에서 읽고, 두 쪽에서 안 것을 합칩니다. 각각 문장"
                f" {_UPDATES * _ROWS:,}개로 학습했습니다. 단서가 앞에 있으면 새 문장의 {percent(one['before'])}와"
                f" {percent(both['before'])}를, 뒤에 있으면 {percent(one['after'])}와 {percent(both['after'])}를"
                " 맞힙니다.",
            ),
            None,
            scores,
        ),
        Part(
            Text("What each of them guesses", "각 신경망이 고르는 낱말"),
            Text(
                "A sentence whose clue comes after the gap, and below it the three likeliest words for other gaps, with"
                " their probabilities.",
                "먼저 단서가 빈칸 뒤에 있는 문장입니다. 표에는 여러 문장의 빈칸에 가장 그럴듯한 낱말 셋과 그 확률이"
                " 있습니다.",
            ),
            bars,
            guesses,
        ),
    ]
    claims = [
        Claim(
            Text(
                "Where the clue comes first, reading one way is enough.",
                "단서가 앞에 있으면 한쪽에서만 읽어도 충분하다.",
            ),
            one["before"] > 0.9,
            Text(
                f"reading one way: {percent(one['before'])} right, from both ends: {percent(both['before'])}",
                f"한쪽에서 읽으면 정답률 {percent(one['before'])}, 양쪽에서 읽으면 {percent(both['before'])}",
            ),
        ),
        Claim(
            Text(
                "Where the clue comes after the gap, only reading from both ends helps.",
                "단서가 빈칸 뒤에 있으면 양쪽에서 읽어야만 알 수 있다.",
            ),
            one["after"] < 0.5 and both["after"] > 0.9,
            Text(
                f"reading one way: {percent(one['after'])} right, from both ends: {percent(both['after'])}",
                f"한쪽에서 읽으면 정답률 {percent(one['after'])}, 양쪽에서 읽으면 {percent(both['after'])}",
            ),
        ),
    ]
    return Lesson(parts, claims)


CHAPTER = Chapter(
    "both-ways",
    Text("What reading from both ends adds", "양쪽에서 읽으면 무엇이 나아질까"),
    Text(
        "A word is missing, and the clue may stand before or after the gap. One network reads from the left"
        " only, one from both ends.",
        "낱말 하나가 빠져 있고, 단서는 빈칸 앞에 있을 수도 뒤에 있을 수도 있습니다. 한 신경망은 왼쪽에서만, 다른"
        " 신경망은 양쪽에서 읽습니다.",
    ),
    run,
)
