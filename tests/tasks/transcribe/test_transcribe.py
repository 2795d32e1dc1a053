"""From recordings to a trained transcriber and back: data of every form, what is wrong with them, and what is said."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import unroll
from data.audio.sounds import spoken, wav_bytes, write_folder, write_wav
from unroll.cli.app import run
from unroll.data.audio.recording import Recording, read_recording
from unroll.data.audio.resample import resample
from unroll.errors import ConfigError, DataError

SMALL = {"hidden_size": 8, "epochs": 1, "progress": False, "baselines": False}


def manifest(path: Path, rows: list[tuple[str, str]], columns: tuple[str, str] = ("audio", "text")) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in rows), "utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writerows([columns, *rows])
    return path


def names(folder: Path) -> list[tuple[str, str]]:
    return [(path.name, path.stem.partition("_")[0]) for path in sorted(folder.glob("*.wav"))]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[unroll.api.Model, Path]:
    """A model that has learnt tones and reads forwards only, and its data."""
    folder = tmp_path_factory.mktemp("tones")
    write_folder(folder / "data", 40, longest=2)
    model = unroll.train(
        folder / "data",
        out=folder / "run",
        bidirectional=False,
        cell="gru",
        hidden_size=16,
        num_layers=1,
        epochs=20,
        settings={
            **{"model.bands": 12, "model.dropout": 0, "model.masks": 0, "model.delay": 2},
            **{"training.learning_rate": 0.05, "training.average": 0, "training.batch_size": 4},
            "training.schedule": "constant",
        },
        progress=False,
    )
    return model, folder / "data"


def test_tones_are_learnt_and_the_report_shows_them(trained) -> None:
    model, _ = trained
    scores = model.evaluate()
    assert scores["word_accuracy"].value >= 0.8
    assert scores["wer"].value < scores.baselines["most frequent transcript"]["wer"].value
    assert model.task == "transcribe"
    page = model.report.html
    for text in ("Recordings and where their letters are", "data:image/png;base64", "Errors by kind", "WER"):
        assert text in page


def test_predictions_from_paths_samples_and_files_are_the_same(trained) -> None:
    model, data = trained
    path = sorted(data.glob("*.wav"))[7]
    samples, rate = soundfile.read(path, dtype="int16")
    first = model.predict([str(path)])[0]
    assert first.words[0]["word"] == first.text
    assert 0 <= first.words[0]["start"] < first.words[0]["end"] <= first.seconds + 0.2
    for other in (
        model.predict([(samples, rate)])[0],
        model.predict((samples, rate))[0],
        model.predict([{"audio": samples / 32768, "rate": rate}])[0],
        model.predict(path)[0],
        model.predict(str(path))[0],
    ):
        assert (other.text, other.words) == (first.text, first.words)
    every = model.predict(data)
    assert len(every) == 40
    assert sum(Path(one.audio).stem.startswith(one.text + "_") for one in every) >= 34


def test_other_rates_and_channels_are_heard_as_well(trained, tmp_path: Path) -> None:
    model, _ = trained
    source = spoken("ba", rate=48000, seed=99).astype(np.float32)
    heard = [model.predictor.features(Recording(resample(source, 48000, 8000), 8000, 1))]
    for rate, subtype in ((16000, "PCM_24"), (44100, "PCM_32"), (48000, "FLOAT")):
        sound = resample(source, 48000, rate)
        path = tmp_path / f"{rate}.wav"
        soundfile.write(path, np.stack([sound, sound], axis=1), rate, subtype=subtype)
        heard.append(model.predictor.features(read_recording(path, 10)))
        assert model.predict([str(path)])[0].text == model.predict([(resample(source, 48000, 8000), 8000)])[0].text
    for other in heard[1:]:
        # The highest band lies where one filter after another cuts off.
        assert np.abs(other[:-1] - heard[0][: len(other) - 1])[:, :-1].max() < 0.3


def test_the_command_writes_the_words_of_a_stream(trained, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    model, data = trained
    path = sorted(data.glob("*.wav"))[3]
    raw = path.read_bytes()
    expected = model.predict([str(path)])[0].text

    def said(content: bytes, *options: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        code = run(["transcribe", str(model.path), *options])
        return code, *capsys.readouterr()

    assert said(raw) == (0, expected + "\n", "")
    assert said(raw[44:], "--raw", "--rate", "8000") == (0, expected + "\n", "")
    code, text, words = said(raw[:-20])
    assert (code, text) == (0, expected + "\n")
    assert "the header promises" in words
    code, _, words = said(b"no sound")
    assert code == 2
    assert words.startswith("unroll: error: standard input: ")
    assert said(raw, "--raw")[0] == 2
    assert said(raw, "--raw", "--rate", "8000", "--bits", "12")[0] == 2
    assert said(wav_bytes(np.empty(0), 8000)) == (0, "\n", "")


def test_a_fresh_process_loads_it(trained) -> None:
    model, data = trained
    path = sorted(data.glob("*.wav"))[3]
    code = f"import unroll; print(unroll.load({str(model.path)!r}).predict([{str(path)!r}])[0].text)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == model.predict([str(path)])[0].text


@pytest.mark.parametrize("name", ["list.tsv", "list.csv", "list.jsonl"])
def test_manifests_are_read_with_paths_beside_them(name: str, tmp_path: Path) -> None:
    write_folder(tmp_path / "wavs", 20)
    columns = ("audio_filepath", "text") if name.endswith("jsonl") else ("path", "sentence")
    path = manifest(tmp_path / name, names(tmp_path / "wavs"), columns)
    check = unroll.check(path)
    assert not check.errors
    assert f"the transcript in '{columns[1]}' of the recordings in '{columns[0]}'" in check.reason
    model = unroll.train(path, **SMALL)
    assert model.config["data"]["target"] == columns[1]


def test_folders_are_read_in_all_their_forms(tmp_path: Path) -> None:
    beside = write_folder(tmp_path / "beside", 20)
    for path in beside.glob("*.wav"):
        path.with_suffix(".txt").write_text("two  words\n", "utf-8")
    assert "letters: ' dorstw'" in " ".join(f.text for f in unroll.check(beside).findings)
    for number in range(20):
        write_wav(tmp_path / "classes" / ("yes" if number % 2 else "no") / f"{number}.wav", spoken("ab", seed=number))
    assert "letters: 'enosy'" in " ".join(f.text for f in unroll.check(tmp_path / "classes").findings)
    write_folder(tmp_path / "parts" / "train", 20)
    write_folder(tmp_path / "parts" / "test", 5)
    assert "test: 5 rows" in " ".join(f.text for f in unroll.check(tmp_path / "parts").findings)
    named = write_folder(tmp_path / "named", 12)
    manifest(named / "metadata.csv", names(named), ("file_name", "transcription"))
    assert "'transcription' of the recordings in 'file_name'" in unroll.check(named).reason


def test_samples_in_memory_train(tmp_path: Path) -> None:
    rows = [
        {"audio": spoken("ab"[n % 2], seed=n).astype(np.float32), "rate": 8000, "text": "ab"[n % 2]} for n in range(20)
    ]
    model = unroll.train(rows, **SMALL)
    assert model.task == "transcribe"
    assert isinstance(model.predict(rows[:2])[0].text, str)


def faulty(folder: Path) -> Path:
    """A manifest whose lines 22 and on are wrong, each in its own way."""
    write_folder(folder, 20)
    sound = spoken("abc")
    files = {
        "gone.wav": None,
        "text.wav": b"no sound",
        "none.wav": wav_bytes(np.empty(0), 8000),
        "cut.wav": wav_bytes(sound, 8000)[:-500],
        "silent.wav": wav_bytes(np.zeros(4000), 8000),
        "clipped.wav": wav_bytes(np.clip(sound * 9, -1, 1), 8000),
        "short.wav": wav_bytes(sound[:400], 8000),
        "untold.wav": wav_bytes(sound, 8000),
    }
    rows = names(folder)
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
        rows.append((name, {"short.wav": "abcabcabcabc", "untold.wav": ""}.get(name, "abc")))
    return manifest(folder / "list.tsv", rows)


def test_check_lists_every_fault_with_file_and_line(tmp_path: Path) -> None:
    path = faulty(tmp_path)
    found = unroll.check(path)
    lines: dict[int, tuple[str, str, str]] = {}
    for finding in found.findings:
        # The first of a line is the task's own.
        lines.setdefault(finding.line or 0, (finding.level, finding.text, finding.advice))
    expected = [
        (22, "gone.wav: No such file", "broken=drop"),
        (23, "text.wav: cannot be read", "broken=drop"),
        (24, "none.wav: no samples", "broken=drop"),
        (25, "cut.wav: the header promises 0.44 s of sound, the file holds 0.41 s", "broken=drop"),
        (26, "silent.wav: silence", "silent=drop"),
        (27, "clipped.wav: clipped", "clipped=drop"),
        (28, "short.wav: the transcript needs 12 steps", "unfit=drop"),
        (29, "untold.wav: no transcript", "unfit=drop"),
    ]
    for line, text, advice in expected:
        assert lines[line][1].startswith(text), lines[line]
        assert advice in lines[line][2]
        assert lines[line][0] == ("warning" if "clipped" in text else "error")
    assert all(finding.path == path for finding in found.errors)


def test_train_stops_at_each_kind_until_an_option_covers_it(tmp_path: Path) -> None:
    path = faulty(tmp_path)
    settings: dict[str, object] = {}
    stops = [
        (r"list.tsv:22: gone.wav: .*; 2 such \(recordings that cannot be read\).*--set model.broken=drop", "broken"),
        (r"list.tsv:26: silent.wav: silence.*1 such \(silent recordings\).*--set model.silent=drop", "silent"),
        (r"list.tsv:28: short.wav: .*1 such .*--set model.unfit=drop", "unfit"),
    ]
    for message, key in stops:
        with pytest.raises(DataError, match=message):
            unroll.train(path, settings=settings, **SMALL)
        settings[f"model.{key}"] = "drop"
    said: list[str] = []
    unroll.train(path, settings=settings, say=said.append, **SMALL)
    text = "\n".join(said)
    assert "left out: 7 recordings" in text
    assert "clipped recordings: 1 (keep)" in text


def test_letters_outside_the_alphabet(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", 20, letters="ab")
    write_wav(folder / "aç_77.wav", spoken("ab"))
    assert any("'ç' (U+00E7)" in finding.text for finding in unroll.check(folder).warnings)
    with pytest.raises(DataError, match=r"aç_77.wav:1: letters outside the alphabet: 'ç' \(U\+00E7\); 1 such"):
        unroll.train(folder, settings={"model.alphabet": "ab"}, **SMALL)
    for option, note in (
        ("drop", "left out: 1 recording"),
        ("cut", "transcripts with letters outside the alphabet: 1 (cut)"),
    ):
        said: list[str] = []
        settings = {"model.alphabet": "ab", "model.outside": option}
        model = unroll.train(folder, settings=settings, say=said.append, **SMALL)
        assert note in "\n".join(said)
        assert model.predictor.saved.letters == ("a", "b")


def test_a_record_that_is_none_is_refused(trained, tmp_path: Path) -> None:
    model, _ = trained
    with pytest.raises(DataError, match=r"nowhere.wav: No such file"):
        model.predict([str(tmp_path / "nowhere.wav")])
    with pytest.raises(DataError, match=r"a record needs 'audio'.*got sound"):
        model.predict([{"sound": 3}])
    with pytest.raises(DataError, match="floats must lie between -1 and 1, got 9000"):
        model.predict([{"audio": np.full(100, 9000.0), "rate": 8000}])
    with pytest.raises(DataError, match="expected 1,000 to 768,000 samples per second, got 3"):
        model.predict([(np.zeros(100), 3)])
    silent = model.predict([(np.zeros(4000), 8000)])[0]
    assert silent.problems[0].startswith("silence")
    assert model.predict([(np.zeros(0), 8000)])[0].text == ""


def test_too_many_bands_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--set model.bands: 200 bands are too many for 8000"):
        unroll.train(write_folder(tmp_path, 20), settings={"model.bands": 200}, **SMALL)


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", 20)
    options = {"hidden_size": 8, "baselines": False, "progress": False, "settings": {"training.batch_size": 8}}
    whole = unroll.train(folder, out=tmp_path / "whole", epochs=3, **options)

    class Stop(Exception):
        pass

    def stop(epoch: object) -> None:
        raise Stop

    with pytest.raises(Stop):
        unroll.train(folder, out=tmp_path / "cut", epochs=3, callbacks=[stop], **options)
    resumed = unroll.train(folder, resume=tmp_path / "cut", progress=False)
    for a, b in zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True):
        assert a.equal(b)


def test_transcripts_of_another_alphabet_are_no_score(trained, tmp_path: Path) -> None:
    model, data = trained
    paths = [str(path) for path in sorted(data.glob("*.wav"))[:3]]
    (tmp_path / "cyrillic.tsv").write_text("path\ttext\n" + "".join(f"{path}\tбв\n" for path in paths), "utf-8")
    with pytest.raises(DataError, match=r"cyrillic\.tsv:2: none of 3 transcripts holds a letter that the model writes"):
        model.evaluate(tmp_path / "cyrillic.tsv")
    # One letter that it does not know is an error of the model's like any other.
    (tmp_path / "odd.tsv").write_text("path\ttext\n" + "".join(f"{path}\ta☃\n" for path in paths), "utf-8")
    assert model.evaluate(tmp_path / "odd.tsv")["cer"].value >= 0.5


def test_sound_from_a_pipe_is_trained_on_and_scored(trained, tmp_path: Path) -> None:
    """Its header does not say how long it is: said, and no reason to stop."""
    model, data = trained
    path = sorted(data.glob("*.wav"))[3]
    raw = path.read_bytes()
    at = raw.index(b"data") + 4
    (tmp_path / "piped.wav").write_bytes(raw[:at] + b"\xff\xff\xff\xff" + raw[at + 4 :])
    (tmp_path / "m.tsv").write_text("path\ttext\npiped.wav\tab\n" + f"{path}\tab\n" * 9, "utf-8")
    checked = unroll.check(tmp_path / "m.tsv", task="transcribe")
    assert not checked.errors
    assert [finding.line for finding in checked.warnings if "does not say how long" in finding.text] == [2]
    assert model.evaluate(tmp_path / "m.tsv")["cer"].value <= 1.5
