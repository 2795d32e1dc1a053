"""Chapter: one to many, many to one, many to many, each from a real run."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unroll.inspect import trace
from unroll.lab.lesson import Chapter, Claim, Lesson, Part, Text
from unroll.lab.training import AtEveryStep, AtTheEnd, generator, percent, train
from unroll.layers import GRU
from unroll.report.charts import Axis, AxisKind, Chart, Curve, Plot

_SIZE, _STEPS = 32, 300
#: What one symbol unfolds into: the names of digits.
_NAMES = ("one", "two", "three", "four", "five", "seven")
_NUMBERS = ("1", "2", "3", "4", "5", "7")
_END = "·"
_LETTERS = sorted({letter for name in _NAMES for letter in name} | {_END})
_LONGEST = max(map(len, _NAMES)) + 1
_BITS = 8


class _Speller(nn.Module):
    """One symbol goes in at the first step and nothing after it; a letter comes out at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = GRU(len(_NAMES), _SIZE)
        self.head = nn.Linear(_SIZE, len(_LETTERS))

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, names) to (T, B, letters)."""
        scores: Tensor = self.head(self.layer(x)[0])
        return scores


class _Turner(nn.Module):
    """Reads a row to its end, then writes: the state at the end of reading is all that the writer gets."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = GRU(_KINDS, 2 * _SIZE)
        self.writer = GRU(1, 2 * _SIZE)
        self.head = nn.Linear(2 * _SIZE, _KINDS)

    def forward(self, x: Tensor) -> Tensor:
        """(T, B, K) to (T, B, K)."""
        _, state = self.reader(x)
        scores: Tensor = self.head(self.writer(x.new_ones(*x.shape[:2], 1), state)[0])
        return scores


_KINDS, _LENGTH = 4, 4


def _spelled(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    which = torch.randint(0, len(_NAMES), (rows,), generator=generator(seed))
    x = torch.zeros(_LONGEST, rows, len(_NAMES))
    x[0] = nn.functional.one_hot(which, len(_NAMES)).float()
    table = torch.tensor([[_LETTERS.index(letter) for letter in name.ljust(_LONGEST, _END)] for name in _NAMES])
    return x, table[which].T


def _bits(seed: int, rows: int) -> Tensor:
    return torch.randint(0, 2, (_BITS, rows), generator=generator(seed)).float()


def _majority(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    """Are more than half of the bits ones?"""
    bits = _bits(seed, rows)
    return bits.unsqueeze(2), (bits.sum(dim=0) > _BITS / 2).long()


def _changes(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    """At every step: is this bit another than the one before?"""
    bits = _bits(seed, rows)
    before = torch.cat([torch.zeros(1, rows), bits[:-1]])
    return bits.unsqueeze(2), (bits != before).long()


def _turned(seed: int, rows: int) -> tuple[Tensor, Tensor]:
    """The row from its end to its beginning."""
    ids = torch.randint(0, _KINDS, (_LENGTH, rows), generator=generator(seed))
    return nn.functional.one_hot(ids, _KINDS).float(), ids.flip(0)


def run(seed: int) -> Lesson:
    """Train one network of each shape."""

    def trained(model: nn.Module, draw: Any, steps: int) -> tuple[nn.Module, float]:
        found = train(model, draw, steps=steps, rate=1e-2, seed=seed)
        return found.model, found.accuracy

    torch.manual_seed(seed)
    speller, spelled = trained(_Speller(), _spelled, _STEPS)
    judge, judged = trained(AtTheEnd(GRU(1, _SIZE), _SIZE, 2), _majority, _STEPS)
    tagger, tagged = trained(AtEveryStep(GRU(1, _SIZE), _SIZE, 2), _changes, _STEPS)
    turner, turned = trained(_Turner(), _turned, 4 * _STEPS)

    def spelling(language: str) -> list[dict[str, object]]:
        x = torch.zeros(_LONGEST, len(_NAMES), len(_NAMES))
        x[0] = torch.eye(len(_NAMES))
        with torch.no_grad():
            written = speller(x).argmax(dim=2).T.tolist()
        digit = Text("digit", "숫자").of(language)
        goes_in, comes_out = Text("goes in", "들어가는 것").of(language), Text("comes out", "나오는 것").of(language)
        return [
            {goes_in: f"{digit} {_NUMBERS[number - 1]}", comes_out: " ".join(_LETTERS[letter] for letter in row)}
            for number, row in enumerate(written, start=1)
        ]

    def judging(language: str) -> list[Chart]:
        x, truth = _majority(seed + 5, 40)
        with torch.no_grad():
            after = torch.stack([judge(x[: step + 1]).softmax(dim=1)[:, 1] for step in range(_BITS)])
        rows = [int((truth == answer).nonzero()[0]) for answer in (1, 0)]
        curves = [
            Curve(
                " ".join(str(int(bit)) for bit in x[:, row, 0]),
                list(map(float, range(1, _BITS + 1))),
                [float(value) for value in after[:, row]],
                dots=True,
            )
            for row in rows
        ]
        return [
            Plot(
                Text(
                    "If the sequence ended here: are more than half ones?", "수열이 여기서 끝난다면 1이 절반을 넘는가?"
                ).of(language),
                curves,
                Axis(Text("bits read", "읽은 비트").of(language), AxisKind.WHOLE),
                Axis(Text("probability of yes", "그렇다고 답할 확률").of(language), AxisKind.SHARE, 0.0, 1.0),
                wide=True,
            )
        ]

    def tagging(language: str) -> list[dict[str, object]]:
        x, _ = _changes(seed + 7, 3)
        with torch.no_grad():
            answers = tagger(x).argmax(dim=2)
        step = Text("step", "시점").of(language)
        return [
            {step: kind, **{str(t + 1): int(value) for t, value in enumerate(values)}}
            for kind, values in (
                (Text("bit", "비트").of(language), x[:, 0, 0].tolist()),
                (Text("changed?", "바뀌었나?").of(language), answers[:, 0].tolist()),
            )
        ]

    def turning(language: str) -> list[dict[str, object]]:
        x, _ = _turned(seed + 9, 4)
        with torch.no_grad():
            answers = turner(x).argmax(dim=2)
        reads, writes = Text("reads", "읽은 것").of(language), Text("writes", "쓴 것").of(language)
        return [
            {
                reads: " ".join("abcd"[int(one)] for one in x[:, row].argmax(dim=1)),
                writes: " ".join("abcd"[int(one)] for one in answers[:, row]),
            }
            for row in range(4)
        ]

    def memory(language: str) -> list[Chart]:
        x = torch.zeros(_LONGEST, 1, len(_NAMES))
        x[0, 0, 2] = 1.0
        states = trace(speller, x).tracks[0].values["h"]
        moving = np.argsort(-states.std(axis=0))[:4]
        unit = Text("unit", "유닛").of(language)
        return [
            Plot(
                Text("Four units while “three” is written", "three를 쓰는 동안의 유닛 네 개").of(language),
                [
                    Curve(f"{unit} {number}", list(map(float, range(1, _LONGEST + 1))), states[:, number].tolist())
                    for number in moving
                ],
                Axis(Text("step", "시점").of(language), AxisKind.WHOLE),
                Axis(Text("state h", "상태 h").of(language), low=-1.0, high=1.0),
                wide=True,
            )
        ]

    parts = [
        Part(
            Text("One to many: a number becomes a word", "하나에서 여럿으로: 숫자가 낱말이 된다"),
            Text(
                "A number goes in at the first step and nothing after it; at every step a letter of its name comes out."
                " Only the state knows which number it was and how far the word has been written."
                f" {percent(spelled)} of the letters are right. An image captioner has this shape.",
                "첫 시점에 숫자 하나가 들어가고 그 뒤에는 아무것도 들어가지 않지만, 시점마다 이름의 글자가 하나씩"
                " 나옵니다. 어떤 숫자였는지, 어디까지 썼는지는 상태만 알고 있습니다. 글자의"
                f" {percent(spelled)}가 맞습니다. 이미지 캡션 모델이 이런 꼴입니다.",
            ),
            memory,
            spelling,
        ),
        Part(
            Text("Many to one: a sequence becomes an answer", "여럿에서 하나로: 수열이 답이 된다"),
            Text(
                f"The network reads {_BITS} bits, and after the last one it says whether more than half of them are"
                f" ones: {percent(judged)} right. Asking after every bit shows how it makes up its mind. A review"
                " classifier has this shape.",
                f"비트 {_BITS}개를 읽고 나서, 1이 절반을 넘는지 답합니다. 정답률은 {percent(judged)}입니다. 비트마다"
                " 물어보면 판단이 어떻게 바뀌어 가는지 보입니다. 리뷰 분류기가 이런 꼴입니다.",
            ),
            judging,
        ),
        Part(
            Text("Many to many, step by step", "여럿에서 여럿으로, 시점마다"),
            Text(
                "At every step the network says whether the bit differs from the one before it: 1 for yes, 0 for no."
                f" The first bit counts as changed if it is a 1. {percent(tagged)} of the answers are right. A"
                " part-of-speech tagger has this shape.",
                "시점마다 이 비트가 바로 앞의 비트와 다른지 답합니다. 다르면 1, 같으면 0입니다. 첫 비트는 1이면 바뀐"
                f" 것으로 칩니다. 답의 {percent(tagged)}가 맞습니다. 품사 태거가 이런 꼴입니다.",
            ),
            None,
            tagging,
        ),
        Part(
            Text("Many to many, first read and then write", "여럿에서 여럿으로, 다 읽고 나서 쓰기"),
            Text(
                f"One network reads {_LENGTH} letters to the end; a second one gets nothing but the last state of the"
                f" first, and writes the letters backwards. {percent(turned)} of the letters are right. A translator"
                " has this shape.",
                f"한 신경망이 글자 {_LENGTH}개를 끝까지 읽습니다. 둘째 신경망은 첫째의 마지막 상태만 받아서 글자를"
                f" 거꾸로 씁니다. 글자의 {percent(turned)}가 맞습니다. 번역기가 이런 꼴입니다.",
            ),
            None,
            turning,
        ),
    ]
    numbers = Text(
        f"right answers: one to many {percent(spelled)}, many to one {percent(judged)}, step by step {percent(tagged)},"
        f" first read and then write {percent(turned)}",
        f"정답률: 하나에서 여럿 {percent(spelled)}, 여럿에서 하나 {percent(judged)}, 시점마다 {percent(tagged)}, 읽고"
        f" 나서 쓰기 {percent(turned)}",
    )
    claims = [
        Claim(
            Text(
                "The same layer, a GRU, serves every shape of input and output.",
                "같은 층(GRU) 하나로 입력과 출력의 모든 꼴을 다룬다.",
            ),
            min(spelled, judged, tagged, turned) > 0.95,
            numbers,
        )
    ]
    return Lesson(parts, claims)


CHAPTER = Chapter(
    "shapes",
    Text("One to many, many to one, many to many", "하나에서 여럿, 여럿에서 하나, 여럿에서 여럿"),
    Text(
        "Four shapes of input and output, each with what a network did that was trained for it.",
        "입력과 출력의 네 가지 꼴을 봅니다. 꼴마다 학습한 신경망이 실제로 무엇을 읽고 쓰는지 보여 줍니다.",
    ),
    run,
)
