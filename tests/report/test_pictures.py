"""Pictures in the report stand in the page itself."""

from __future__ import annotations

import base64

from unroll.report.charts import Picture, Pictures


def test_a_picture_is_its_own_address() -> None:
    source = Picture("a dog", b"\xff\xd8\xff").source
    kind, _, content = source.partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(content) == b"\xff\xd8\xff"
    assert Pictures("maps", [Picture("a", b"")]).kind == "pictures"
