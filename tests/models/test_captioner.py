"""EfficientNet-Lite0 by timm's names, and the captioner: closed forms, and rows that do not see those beside them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from unroll.cells import LSTMCell
from unroll.errors import ConfigError
from unroll.layers import Attention, Recurrent, Score, Stack
from unroll.models.attention_decoder import AttentionDecoder
from unroll.models.captioner import Captioner, SmallPictures
from unroll.models.efficientnet import FEATURES, EfficientNetLite0, _Conv, cells_of, load_timm


def captioner(*, encoder: SmallPictures | None = None, features: int = 5) -> Captioner:
    torch.manual_seed(0)
    body = Stack([Recurrent(LSTMCell(8, 6), batch_first=True)])
    decoder = AttentionDecoder(
        9, body, Attention(6, 4, score=Score.ADDITIVE, size=4), summary_size=4, input_feeding=True
    )
    return Captioner(encoder, features, (2, 3), decoder, size=4).double().eval()


def test_the_backbone_has_the_names_and_shapes_of_timm() -> None:
    names = {name: tuple(tensor.shape) for name, tensor in EfficientNetLite0().state_dict().items()}
    assert names["conv_stem.weight"] == (32, 3, 3, 3)
    assert names["blocks.0.0.conv_pw.weight"] == (16, 32, 1, 1)
    assert names["blocks.2.1.conv_dw.weight"] == (240, 1, 5, 5)
    assert names["blocks.5.3.conv_pwl.weight"] == (192, 1152, 1, 1)
    assert names["conv_head.weight"] == (FEATURES, 320, 1, 1)
    # What timm counts for tf_efficientnet_lite0, without its classifier of 1,000 classes.
    assert sum(tensor.numel() for tensor in EfficientNetLite0().parameters()) == 4_652_008 - 1_281_000


@pytest.mark.parametrize(("side", "kernel", "stride"), [(7, 3, 2), (8, 3, 2), (9, 5, 2), (8, 5, 1), (8, 1, 1)])
def test_odd_padding_goes_to_the_end_as_in_tensorflow(side: int, kernel: int, stride: int) -> None:
    layer = _Conv(2, 3, kernel, stride=stride).double()
    x = torch.randn(1, 2, side, side, dtype=torch.float64)
    out = -(-side // stride)
    total = max((out - 1) * stride + kernel - side, 0)
    padded = functional.pad(x, (total // 2, total - total // 2) * 2)
    by_hand = torch.stack(
        [
            (padded[0, :, a * stride : a * stride + kernel, b * stride : b * stride + kernel] * layer.weight).sum(
                (1, 2, 3)
            )
            for a in range(out)
            for b in range(out)
        ],
        dim=1,
    ).reshape(1, 3, out, out)
    torch.testing.assert_close(layer(x), by_hand)


def test_cells_come_row_by_row_and_a_picture_does_not_see_another() -> None:
    torch.manual_seed(0)
    model = EfficientNetLite0().eval()
    pixels = torch.randint(0, 256, (2, 3, 64, 96), dtype=torch.uint8)
    with torch.no_grad():
        both, alone = model(pixels), model(pixels[1:])
    assert tuple(both.shape[1:]) == (6, FEATURES)
    assert cells_of(64, 96) == (2, 3)
    torch.testing.assert_close(both[1:], alone)


def test_weights_are_taken_by_name_and_others_are_refused() -> None:
    torch.manual_seed(1)
    given, taken = EfficientNetLite0(), EfficientNetLite0()
    weights = {name: t for name, t in given.state_dict().items() if "num_batches" not in name}
    load_timm(taken, {**weights, "classifier.weight": torch.zeros(1000, 1280)})
    assert all(torch.equal(a, b) for a, b in zip(given.parameters(), taken.parameters(), strict=True))
    with pytest.raises(ValueError, match=r"'bn1.weight' has shape \(3,\), expected \(32,\)"):
        load_timm(taken, {**weights, "bn1.weight": torch.zeros(3)})
    del weights["bn2.bias"]
    with pytest.raises(ValueError, match=r"no 'bn2.bias' in it"):
        load_timm(taken, weights)


def test_the_cost_is_that_of_each_text_by_itself() -> None:
    model = captioner()
    cells = torch.randn(2, 6, 5, dtype=torch.float64)
    texts = torch.tensor([[3, 4, 5], [6, 7, 0]])
    both = model(cells, texts, torch.tensor([3, 2]))
    first = model(cells[:1], texts[:1], torch.tensor([3]))
    second = model(cells[1:], texts[1:, :2], torch.tensor([2]))
    torch.testing.assert_close(both.tokens, first.tokens + second.tokens)
    torch.testing.assert_close(both.looks, first.looks + second.looks)


def test_the_doubly_stochastic_term_by_hand() -> None:
    model = captioner()
    cells = torch.randn(1, 6, 5, dtype=torch.float64)
    text = torch.tensor([[3, 4]])
    steps = model.decoder(functional.pad(text, (1, 0)), model.read(cells))
    looked = steps.weights[0].detach().sum(dim=0).tolist()
    # Three steps over six cells: half a look for each would cost nothing.
    by_hand = sum((weight - 0.5) ** 2 for weight in looked)
    assert model(cells, text, torch.tensor([2])).looks.item() == pytest.approx(by_hand)


def test_where_a_cell_is_matters() -> None:
    model = captioner()
    cells = torch.zeros(1, 6, 5, dtype=torch.float64)
    values = model.read(cells).memory.values[0]
    assert len({tuple(row.tolist()) for row in values}) == 6


def test_small_pictures_have_the_cells_that_are_said() -> None:
    encoder = SmallPictures().double()
    for height, width in ((20, 28), (8, 8), (33, 47)):
        cells = encoder.eval()(torch.zeros(1, 3, height, width, dtype=torch.uint8))
        rows, columns = encoder.cells(height, width)
        assert tuple(cells.shape) == (1, rows * columns, encoder.output_size)


def test_a_decoder_of_other_cells_is_refused() -> None:
    model = captioner()
    with pytest.raises(ConfigError, match="looks at 4 features, the cells have 3"):
        Captioner(None, 5, (2, 3), model.decoder, size=3)
