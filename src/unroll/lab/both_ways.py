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
def _best(model: GapModel, left: str, right: str) -> list[tuple[str, float]]:
    """The three likeliest words for the gap."""
    words = ["well", *left.split(), "the", *right.split()]
    ids = torch.tensor([[_IDS[word] for word in words]])
    at = 1 + len(left.split())
    shares = model.scores(model.contexts(ids, torch.tensor([len(words)]))[0, at : at + 1]).softmax(dim=1)[0]
    values, places = shares.topk(3)
    return [(_WORDS[int(place)], float(value)) for value, place in zip(values, places, strict=True)]


def run(seed: int) -> Lesson:
    """Train a model that reads one way and one that reads both."""
    models = {"one": _trained(_model(seed, both=False), seed), "both": _trained(_model(seed, both=True), seed)}
    right = {name: {"before": _right(model, _BEFORE), "after": _right(model, _AFTER)} for name, model in models.items()}
    names = {"one": Text("from the left only", "왼쪽에서만"), "both": Text("from both ends", "양쪽에서")}

    def scores(language: str) -> list[dict[str, object]]:
        reads = Text("reads", "읽는 방향").of(language)
        clue = Text("clue before the gap", "단서가 빈칸 앞에"), Text("clue behind the gap", "단서가 빈칸 뒤에")
        return [
            {
                reads: names[name].of(language),
                clue[0].of(language): percent(own["before"]),
                clue[1].of(language): percent(own["after"]),
            }
            for name, own in right.items()
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
                "Sentences with a gap that weather, table or bridge may fill. In half of them the clue stands"
                " before the gap, in the other half behind it. A network that reads from the left knows only what"
                " stands before. One that reads from both ends joins what comes from the left with what comes from"
                f" the right. Each was trained on {_UPDATES * _ROWS} sentences. With the clue before the gap they"
                f" are right in {percent(one['before'])} and {percent(both['before'])} of new sentences, with the"
                f" clue behind it in {percent(one['after'])} and {percent(both['after'])}. Guessing one of three"
                " gives 33 %.",
                "빈칸에 weather, table, bridge 가운데 하나가 들어가는 문장들입니다. 절반은 단서가 빈칸 앞에, 절반은"
                " 뒤에 있습니다. 왼쪽에서 읽는 신경망은 앞에 있는 것만 압니다. 양쪽에서 읽는 신경망은 왼쪽에서 온 것과"
                f" 오른쪽에서 온 것을 합칩니다. 각각 문장 {_UPDATES * _ROWS}개로 학습했습니다. 단서가 앞에 있으면"
                f" 새 문장의 {percent(one['before'])}와 {percent(both['before'])}를, 뒤에 있으면"
                f" {percent(one['after'])}와 {percent(both['after'])}를 맞힙니다. 셋 가운데 하나를 찍으면 33 %입니다.",
            ),
            None,
            scores,
        ),
        Part(
            Text("What each of them guesses", "저마다 고르는 낱말"),
            Text(
                "The three likeliest words for the gap, with their probabilities.",
                "빈칸에 가장 그럴듯한 세 낱말과 그 확률입니다.",
            ),
            None,
            guesses,
        ),
    ]
    claims = [
        Claim(
            Text(
                "Where the clue comes first, reading one way is enough.", "단서가 앞에 있으면 한쪽으로 읽어도 충분하다."
            ),
            one["before"] > 0.9,
            Text(
                f"one way {percent(one['before'])}, both {percent(both['before'])}",
                f"한쪽 {percent(one['before'])}, 양쪽 {percent(both['before'])}",
            ),
        ),
        Claim(
            Text(
                "Where the clue comes after the gap, only reading from both ends helps.",
                "단서가 빈칸 뒤에 있으면 양쪽에서 읽어야만 안다.",
            ),
            one["after"] < 0.5 and both["after"] > 0.9,
            Text(
                f"one way {percent(one['after'])}, both {percent(both['after'])}",
                f"한쪽 {percent(one['after'])}, 양쪽 {percent(both['after'])}",
            ),
        ),
    ]
    return Lesson(parts, claims)


CHAPTER = Chapter(
    "both-ways",
    Text("What reading from both ends adds", "양쪽에서 읽으면 무엇이 나아질까"),
    Text(
        "The same sentences with a gap, read one way and both ways.",
        "빈칸이 있는 같은 문장을 한쪽으로, 그리고 양쪽으로 읽습니다.",
    ),
    run,
)
