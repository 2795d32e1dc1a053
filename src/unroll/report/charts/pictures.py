"""Small pictures beside each other, each with a word under it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple


class Picture(NamedTuple):
    """One picture.

    Attributes:
        name: what stands under it.
        jpeg: the bytes of its file.
    """

    name: str
    jpeg: bytes

    @property
    def source(self) -> str:
        """The picture as an address that holds it whole.

        Example:
            >>> Picture("dog", b"abc").source
            'data:image/jpeg;base64,YWJj'
        """
        return f"data:image/jpeg;base64,{base64.b64encode(self.jpeg).decode('ascii')}"


@dataclass(frozen=True)
class Pictures:
    """Pictures that belong together, such as one picture with what each word of its caption looked at.

    Attributes:
        title: what they are, for those who do not see them.
        items: the pictures.
    """

    title: str
    items: Sequence[Picture]

    kind: ClassVar[str] = "pictures"
