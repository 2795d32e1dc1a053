"""EfficientNet-Lite0 as an encoder of photographs: cells of features, no classes.

Shapes: B batch, H and W pixels, S = ceil(H / 32) * ceil(W / 32) cells.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Features of a cell.
FEATURES = 1280
#: Pixels of each side that it was trained with.
SIDE = 224
#: What is taken from a pixel of 0 to 255, and what it is divided by.
_MIDDLE, _SPREAD = 127.0, 128.0
_EPSILON = 1e-3


class _Stage(NamedTuple):
    """Blocks of one size: kernel, stride of the first one, how much wider a block is inside, channels, how many."""

    kernel: int
    stride: int
    wider: int
    channels: int
    blocks: int


#: Tan, Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks", table 1.
_STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)
_STEM = 32


class EfficientNetLite0(nn.Module):
    """The network up to its last convolution.

    Source: Tan, Le 2019, section 4; "Lite" as published by its authors: ReLU6 in place of swish, no
    squeeze-and-excite. Padding is TensorFlow's: where it is odd, the end gets more. Parameters have the names that timm
    gives those of `tf_efficientnet_lite0`; its classifier is left out.

    Example:
        >>> import torch
        >>> from unroll.models.efficientnet import EfficientNetLite0
        >>> tuple(EfficientNetLite0().eval()(torch.zeros(1, 3, 64, 96, dtype=torch.uint8)).shape)
        (1, 6, 1280)
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = _Conv(3, _STEM, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(_STEM, eps=_EPSILON)
        stages, size = [], _STEM
        for stage in _STAGES:
            blocks: list[nn.Module] = []
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                if stage.wider == 1:
                    blocks.append(_Separable(size, stage.channels, stage.kernel, stride))
                else:
                    blocks.append(_Inverted(size, stage.channels, stage.kernel, stride, size * stage.wider))
                size = stage.channels
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = _Conv(size, FEATURES, 1)
        self.bn2 = nn.BatchNorm2d(FEATURES, eps=_EPSILON)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, S, 1280) features of the cells, row by row, from (B, 3, H, W) pixels from 0 to 255."""
        x = (pixels.to(self.bn1.weight.dtype) - _MIDDLE) / _SPREAD
        x = functional.relu6(self.bn1(self.conv_stem(x)))
        x = functional.relu6(self.bn2(self.conv_head(self.blocks(x))))
        return x.flatten(2).transpose(1, 2)


class _Conv(nn.Conv2d):
    """A convolution without bias whose output has ceil(size / stride) places."""

    def __init__(self, size: int, channels: int, kernel: int, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__(size, channels, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pads = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[-2:]]
        if any(pads):
            x = functional.pad(x, (pads[1] // 2, pads[1] - pads[1] // 2, pads[0] // 2, pads[0] - pads[0] // 2))
        return super().forward(x)


class _Separable(nn.Module):
    """A depthwise convolution and one of single places."""

    def __init__(self, size: int, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = _Conv(size, size, kernel, stride=stride, groups=size)
        self.bn1 = nn.BatchNorm2d(size, eps=_EPSILON)
        self.conv_pw = _Conv(size, channels, 1)
        self.bn2 = nn.BatchNorm2d(channels, eps=_EPSILON)
        self.residual = stride == 1 and size == channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn2(self.conv_pw(functional.relu6(self.bn1(self.conv_dw(x)))))
        return x + y if self.residual else y


class _Inverted(nn.Module):
    """Wider inside than outside: single places, depthwise, single places, the last without nonlinearity."""

    def __init__(self, size: int, channels: int, kernel: int, stride: int, inside: int) -> None:
        super().__init__()
        self.conv_pw = _Conv(size, inside, 1)
        self.bn1 = nn.BatchNorm2d(inside, eps=_EPSILON)
        self.conv_dw = _Conv(inside, inside, kernel, stride=stride, groups=inside)
        self.bn2 = nn.BatchNorm2d(inside, eps=_EPSILON)
        self.conv_pwl = _Conv(inside, channels, 1)
        self.bn3 = nn.BatchNorm2d(channels, eps=_EPSILON)
        self.residual = stride == 1 and size == channels

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu6(self.bn1(self.conv_pw(x)))
        y = functional.relu6(self.bn2(self.conv_dw(y)))
        z: Tensor = self.bn3(self.conv_pwl(y))
        return x + z if self.residual else z


def cells_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of cells of a picture."""
    return -(-height // 32), -(-width // 32)


def load_timm(network: EfficientNetLite0, weights: dict[str, Tensor]) -> None:
    """Fill a network with weights by timm's names.

    Raises:
        ValueError: a name is missing, or a shape is another; says which.
    """
    wanted = {name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}
    for name, tensor in wanted.items():
        if name not in weights:
            raise ValueError(f"no '{name}' in it")
        if weights[name].shape != tensor.shape:
            raise ValueError(f"'{name}' has shape {tuple(weights[name].shape)}, expected {tuple(tensor.shape)}")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(weights[name])
