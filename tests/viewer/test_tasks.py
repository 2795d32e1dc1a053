"""What the page holds of models of every shape: tags, forecasts, writers and what they look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import unroll
from tasks.caption.squares import draw_squares
from unroll.cells import LSTMCell
from unroll.inspect import trace
from unroll.layers import Attention
from unroll.models.attention_decoder import AttentionDecoder
from unroll.models.encoders import recurrent_stack
from unroll.tasks.reread import logits_of
from viewer.test_look import scene

QUICK: dict[str, Any] = {"epochs": 1, "hidden_size": 8, "baselines": False, "progress": False, "say": lambda _: None}


def test_page_of_a_tagger_has_a_tag_and_a_reason_for_each_word() -> None:
    tokens = [["Anna", "lives", "in", "New", "York"], ["Kim", "lives", "here"]] * 15
    tags = [["B-PER", "O", "O", "B-LOC", "I-LOC"], ["B-PER", "O", "O"]] * 15
    model = unroll.train((tokens, tags), **QUICK)
    (view,) = scene(unroll.look(model, "Anna lives here").html)["views"]
    assert view["tokens"] == ["Anna", "lives", "here"]
    assert view["tags"] == model.predict("Anna lives here")[0].tags
    assert view["answer"] == ""
    saliency = {one["name"]: one for one in view["saliency"]}
    assert (saliency["gradient x input"]["rows"]["rows"], saliency["gradient x input"]["rows"]["columns"]) == (3, 3)
    assert saliency["occlusion"]["rows"] is None
    assert {lag["name"] for lag in view["lags"]} == {layer["name"] for layer in view["layers"]}
    assert all(one["en"]["what"] and one["ko"]["what"] != one["en"]["what"] for one in view["diagnosis"])


def test_page_of_a_forecaster_says_what_moves_the_forecast() -> None:
    t = np.arange(120)
    model = unroll.train({"t": t, "y": np.sin(t / 3) + t / 50}, target="y", task="forecast", horizon=3, **QUICK)
    (view,) = scene(unroll.look(model, {"t": t, "y": np.sin(t / 3) + t / 50}).html)["views"]
    assert view["decides"] == "forecast"
    assert (view["unit"], len(view["series"]["names"])) == ("step", 1)
    values = {one["name"]: np.array(one["values"]) for one in view["saliency"]}
    assert all(len(row) == len(view["tokens"]) for row in values.values())
    assert np.corrcoef(values["integrated gradients"], values["occlusion"])[0, 1] > 0.7
    assert view["lags"][0]["timescale"] > 0


def test_page_of_a_detector_is_about_the_whole_stream() -> None:
    times = [f"2024-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00" for hour in range(500)]
    stream = {"time": times, "value": np.sin(np.arange(500) / 5) + 0.05 * np.random.default_rng(0).normal(size=500)}
    (view,) = scene(unroll.look(unroll.train(stream, task="detect", **QUICK), stream).html)["views"]
    assert (len(view["tokens"]), view["decides"]) == (499, "forecast")
    assert view["lags"][0]["values"][0] == 1.0
    assert len(view["saliency"][0]["values"]) == 499


def test_page_of_an_answerer_says_the_answer() -> None:
    rows = [
        {"story": f"Mary went to the {place}. John is here.", "question": "Where is Mary?", "answer": place}
        for place in ["kitchen", "garden", "office"] * 20
    ]
    model = unroll.train(rows, task="answer", **QUICK)
    (view,) = scene(unroll.look(model, rows[0]).html)["views"]
    assert view["answer"] == model.predict([rows[0]])[0].answer
    assert view["tokens"] == ["Mary", "went", "to", "the", "kitchen", ".", "John", "is", "here", "."]
    assert {one["name"] for one in view["saliency"]} == {"gradient x input", "integrated gradients", "occlusion"}
    assert view["diagnosis"]


def test_page_of_a_reader_of_stories_has_a_step_for_each_sentence() -> None:
    rows = [
        {"story": f"Mary went to the {place}.\nJohn is here.", "question": "Is Mary in the garden?", "answer": answer}
        for place, answer in [("kitchen", "no"), ("garden", "yes")] * 30
    ]
    model = unroll.train(rows, task="answer", **QUICK)
    (view,) = scene(unroll.look(model, rows[0]).html)["views"]
    assert view["tokens"] == ["Mary went to the kitchen.", "John is here."]
    assert view["answer"].startswith(model.predict([rows[0]])[0].answer)
    assert {len(one["values"]) for one in view["saliency"]} == {2}
    assert view["lags"]


def test_page_of_a_transcriber_follows_every_letter() -> None:
    times = np.arange(2000) / 8000
    sounds = [np.sin(2 * np.pi * pitch * times).astype(np.float32) for pitch in (400, 900)] * 20
    records = [
        {"audio": sound, "sampling_rate": 8000, "text": text}
        for sound, text in zip(sounds, ["a", "b"] * 20, strict=True)
    ]
    model = unroll.train(records, task="transcribe", **QUICK)
    (view,) = scene(unroll.look(model, records[0]).html)["views"]
    assert view["lags"]
    assert len(view["saliency"][0]["values"]) == len(view["tokens"])


@pytest.fixture(scope="module")
def translator() -> unroll.Model:
    rows = [{"source": f"Haus Nummer {n}", "target": f"house number {n}"} for n in range(60)]
    settings = {"model.embedding_size": 8, "model.vocabulary": 300}
    return unroll.train(rows, task="translate", settings=settings, **QUICK)


def test_page_of_a_translator_has_both_sides_and_where_it_looks(translator: unroll.Model) -> None:
    (view,) = scene(unroll.look(translator, "Haus Nummer 7").html)["views"]
    said = translator.predict("Haus Nummer 7")[0].translation
    (looked,) = view["matrices"]
    assert looked["rows"][-1] == "■"
    # A model of one epoch may write bytes that are no letter.
    assert "".join(looked["rows"][:-1]).strip("· ").startswith(said.rstrip("\N{REPLACEMENT CHARACTER}"))
    assert looked["columns"] == view["tokens"]
    assert "".join(view["tokens"]).replace(" ", "") == "HausNummer7"
    *read, written = view["layers"]
    assert written["tokens"] == looked["rows"]
    assert {layer["direction"] for layer in read} == {1, -1}
    assert all(layer["tokens"] is None for layer in read)
    assert view["decides"] == "written"
    assert len(view["lags"]) == len(view["layers"])


def test_weights_of_the_page_are_those_of_the_search(translator: unroll.Model) -> None:
    (found,) = trace(translator.predictor.followed("Haus Nummer 7").subject, ["Haus Nummer 7"]).attention
    (written,) = translator.predictor.translate(["Haus Nummer 7"])  # type: ignore[attr-defined]
    assert written.weights is not None
    np.testing.assert_allclose(found.weights, written.weights.numpy(), atol=1e-5)


def test_page_of_a_captioner_shows_where_each_word_looked(tmp_path: Path) -> None:
    draw_squares(tmp_path / "photos", 30)
    settings = {"model.embedding_size": 8, "model.longest": 6}
    model = unroll.train(str(tmp_path / "photos"), settings=settings, **QUICK)
    (view,) = scene(unroll.look(model, str(tmp_path / "photos" / "images" / "1.png")).html)["views"]
    said = model.predict(str(tmp_path / "photos" / "images" / "1.png"))[0]
    (image,) = view["images"]
    assert [label.strip() for label in image["labels"]] == [*(looked["word"] for looked in said.looked_at), "■"]
    assert (image["width"], image["height"], image["channels"]) == (24, 12, 3)
    assert image["maps"]["rows"] == len(image["labels"])
    assert image["mapWidth"] * image["mapHeight"] == image["maps"]["columns"]
    assert view["matrices"] == [], "cells of a picture are shown in the picture"
    assert len(view["layers"][0]["tracks"]) > 1, "with input feeding every step is seen"


@pytest.mark.parametrize("feeding", [False, True])
def test_logits_of_a_watched_decoder_are_those_of_the_decoder(feeding: bool) -> None:
    torch.manual_seed(0)
    body = recurrent_stack([(LSTMCell(8 if feeding else 4, 6),)])
    decoder = AttentionDecoder(11, body, Attention(6, 8), summary_size=8, input_feeding=feeding).eval()
    cells = torch.randn(2, 5, 8)
    state, target = decoder.start(cells, cells.mean(1)), torch.tensor([[3, 4, 9], [1, 2, 5]])
    whole = decoder(torch.cat([torch.zeros(2, 1, dtype=torch.int64), target], dim=1), state)
    torch.testing.assert_close(logits_of(decoder, state, target), decoder.logits(whole.features))
