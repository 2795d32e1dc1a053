"""The live page: for this machine's browsers, for as long as the training lasts."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from report.browser import Browser, missing
from unroll.viewer.live import HOST, LiveView
from unroll.viewer.log import LogReader

HEARD = {
    "running": True,
    "said": ["epoch 1: loss 0.5"],
    "warnings": ["<img src=x onerror=alert(1)>"],
    "curves": [{"name": "training loss", "log": False, "x": [1, 2, 3], "y": [3.0, None, 1.25]}],
}


def ask(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.putrequest(method, path, skip_host=True)
    for name, value in {"Host": parts.netloc, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read(), dict(answer.headers)
    connection.close()
    return found


def test_live_view_answers_its_own_page_and_nobody_else() -> None:
    with LiveView("a run", lambda: HEARD) as view:
        parts = urlsplit(view.address)
        page, now = parts.path, f"{parts.path}now"
        assert parts.hostname == HOST == "127.0.0.1"
        status, body, headers = ask(view.address, page)
        assert status == 200
        assert b"connect-src 'self'" in body
        assert headers["X-Frame-Options"] == "DENY"
        assert json.loads(ask(view.address, now)[1]) == HEARD
        assert ask(view.address, now, Origin=f"http://{parts.netloc}")[0] == 200
        for other in ("evil.example", f"localhost:{parts.port}", f"evil.example:{parts.port}", ""):
            assert ask(view.address, now, Host=other)[0] == 403, other
        for origin in ("http://evil.example", "null", f"https://{parts.netloc}"):
            assert ask(view.address, now, Origin=origin)[0] == 403, origin
        assert ask(view.address, "/")[0] == 404
        assert ask(view.address, "/guess/now")[0] == 404
        assert ask(view.address, now, method="POST")[0] == 501


def test_live_view_listens_on_the_loopback_address_alone_and_ends_with_its_block() -> None:
    with LiveView("a run", lambda: HEARD) as view:
        port = urlsplit(view.address).port or 0
        listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        assert [place for place in listening if place.endswith(f":{port:04X}")][:1] == [f"0100007F:{port:04X}"]
        assert f"00000000:{port:04X}" not in listening
    with pytest.raises(ConnectionRefusedError), socket.create_connection((HOST, port), timeout=5):
        pass


def test_log_reader_reads_on_and_leaves_a_line_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    reader = LogReader(path)
    assert reader.heard()["curves"] == []
    path.write_text('{"steps": 1, "loss": 2.0, "gradient_norm": 0.5}\n{"steps": 2, "loss": 1', encoding="utf-8")
    assert reader.heard()["curves"][0] == {"name": "training loss", "log": False, "x": [1.0], "y": [2.0]}
    with path.open("a", encoding="utf-8") as file:
        file.write('.5, "gradient_norm": null}\n')
        file.write('{"steps": 2, "epoch": 1, "loss": 1.75, "metrics": {"accuracy": 0.5, "loss": null}}\n')
        file.write('{"steps": 2, "inside": {"layer 1, forward/reach": 14, "layer 1, forward/i saturated": 0.1}}\n')
    heard = reader.heard()
    curves = {curve["name"]: curve["y"] for curve in heard["curves"]}
    assert curves == {
        "training loss": [2.0, 1.5],
        "gradient before clipping": [0.5, None],
        "validation accuracy": [0.5],
        "validation loss": [None],
        "layer 1, forward: steps that the gradient reaches back": [14.0],
    }
    assert heard["said"] == ["epoch 1: loss 1.75, accuracy 0.5"]
    path.write_text('{"steps": 1, "loss": 9.0, "gradient_norm": 1}\n', encoding="utf-8")
    assert reader.heard()["curves"][0]["y"] == [9.0], "a resumed run begins its log anew"


def test_log_reader_sends_few_points_and_always_the_newest(tmp_path: Path) -> None:
    lines = [json.dumps({"steps": step, "loss": step / 2, "gradient_norm": 1.0}) for step in range(1, 4001)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    curve = LogReader(tmp_path / "log.jsonl").heard()["curves"][0]
    assert 300 <= len(curve["x"]) <= 600
    assert (curve["x"][-1], curve["y"][-1]) == (4000, 2000.0)
    assert curve["x"] == sorted(curve["x"])


def test_live_page_follows_and_says_when_training_has_ended(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    with Browser(tmp_path / "profile") as browser:
        with LiveView("<b>run</b>", lambda: HEARD) as view:
            browser.visit(view.address, 1200)
            browser.wait("return document.querySelectorAll('#live .uplot').length === 1")
            text = browser.run("return document.querySelector('main').innerText")
            assert "<b>run</b>" in text
            assert "<img src=x onerror=alert(1)>" in text
            assert re.search(r"training loss\s+1.25", text)
            browser.key("d")
            assert [line for line in browser.said() if "favicon" not in line] == []
        browser.wait("return document.querySelector('#live').dataset.running === 'false'")
        assert "Training has ended" in browser.run("return document.querySelector('#live').innerText")
