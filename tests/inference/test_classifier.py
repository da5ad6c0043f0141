"""From recordings of any length and kind, and a model folder, to probabilities."""

from __future__ import annotations

import shutil
import tracemalloc
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.library import front_end
from helpers.untrained import LABELS, TINY_INPUT, write_model, write_sound
from soundbench.core.errors import InputError
from soundbench.core.prefetch import mapped_in_threads, prefetched
from soundbench.core.storage import read_json, write_json
from soundbench.data.audio import open_audio, read_mono, resample, resampled_blocks, sample_blocks
from soundbench.features.clip_features import clip_features, stored_features
from soundbench.features.store import compute_features
from soundbench.inference.classifier import SUMMARIES, Classifier, Options, Prediction
from soundbench.inference.windows import ModelInput, cut, recording_windows
from soundbench.models.saved import find_models

LOGMEL = ModelInput(front_end("logmel64"), (64, 44))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", LABELS, **TINY_INPUT)


# --- windows ---------------------------------------------------------------------------------------------------------


@given(
    total=st.integers(0, 200),
    block=st.integers(1, 60),
    length=st.integers(1, 40),
    slack=st.integers(0, 5),
    overlap=st.floats(0, 0.95),
)
def test_windows_cover_a_recording_in_order_for_all_block_sizes(
    total: int, block: int, length: int, slack: int, overlap: float
) -> None:
    samples, step = np.arange(total, dtype=np.float32), max(1, round(length * (1 - overlap)))
    blocks = [samples[start : start + block] for start in range(0, total, block)]
    windows = list(cut(blocks, length, length + slack, overlap))
    if total <= length + slack:
        assert [start for start, _ in windows] == [0]
        assert windows[0][1].tolist() == samples.tolist()
        return
    starts = [start for start, _ in windows]
    assert all(part.tolist() == samples[start : start + length].tolist() for start, part in windows)
    assert starts[:-1] == list(range(0, step * (len(starts) - 1), step))
    assert starts[-1] == total - length
    assert all(0 < after - before <= step for before, after in pairwise(starts))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_blocks_are_resampled_as_the_whole(tmp_path: Path, rate: int) -> None:
    path = write_sound(tmp_path / "long.wav", 9.3, rate, channels=2)
    with open_audio(path) as file:
        blocks = np.concatenate(list(resampled_blocks(sample_blocks(file), rate, 22050)))
    assert np.array_equal(blocks, resample(*read_mono(path), 22050))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("logmel64", {}),
        ("logmel80-log1p", {}),
        ("logmel64-square", {}),
        ("ast", {}),
        ("mfcc20", {}),
        ("logmel64", {"duration": 0.7}),
        ("logmel64", {"duration": 0.7, "resize": [32, 32]}),
    ],
)
def test_features_are_those_of_training(tmp_path: Path, name: str, changes: dict[str, Any]) -> None:
    settings = front_end(name) | changes
    kinds = [("a.wav", 44100, 1), ("b.flac", 44100, 2), ("c.ogg", 44100, 1), ("d.mp3", 44100, 1)]
    if settings["sample_rate"]:
        kinds += [("e.wav", 22050, 2), ("f.wav", 48000, 1), ("g.wav", 16000, 1)]
    rows = []
    for number, (file, rate, channels) in enumerate(kinds):
        path = write_sound(tmp_path / file, 0.3 + 0.1 * number, rate, channels, number)
        rows.append((path.stem, path, soundfile.info(path).duration, rate))
    pd.DataFrame(rows, columns=["clip", "path", "seconds", "sample_rate"]).to_csv(tmp_path / "clips.csv", index=False)
    compute_features(tmp_path / "clips.csv", settings, tmp_path / "all.npy", tmp_path / "all.csv", 1)
    stored = np.load(tmp_path / "all.npy")
    for (_, path, seconds, _), expected in zip(rows, stored, strict=True):
        windows = list(recording_windows(str(path), [ModelInput(settings, stored.shape[1:])], 0.5))
        assert np.array_equal(windows[0].features[0], expected)
        if not settings.get("duration"):
            assert [(window.start, window.end) for window in windows] == [(0, pytest.approx(seconds, abs=1e-3))]


@pytest.mark.parametrize(("name", "frames"), [("whisper", 100), ("clap", 101)])
def test_a_recording_that_fills_the_frames_is_one_window(tmp_path: Path, name: str, frames: int) -> None:
    settings = front_end(front_end=name, frames=frames)
    path = str(write_sound(tmp_path / "a.wav", 1.0, settings["sample_rate"]))
    (window,) = recording_windows(path, [ModelInput(settings, (settings["n_mels"], frames))], 0.5)
    trained = stored_features(path, clip_features(path, settings), frames, settings)[0]
    assert np.array_equal(window.features[0], trained)


def test_silence_is_trimmed_as_in_training_and_times_stay_those_of_the_recording(tmp_path: Path) -> None:
    sound = 0.1 * np.random.default_rng(0).normal(size=30000)
    padded = np.concatenate([np.zeros(200_000), sound, np.zeros(150_000), sound, np.zeros(190_000)])
    soundfile.write(tmp_path / "padded.wav", padded, 44100)
    settings = front_end("logmel64") | {"trim": True}
    table = pd.DataFrame({"clip": ["padded"], "path": [tmp_path / "padded.wav"], "seconds": [len(padded) / 44100]})
    table.assign(sample_rate=44100).to_csv(tmp_path / "clips.csv", index=False)
    compute_features(tmp_path / "clips.csv", settings, tmp_path / "all.npy", tmp_path / "all.csv", 1)
    stored = np.load(tmp_path / "all.npy")
    windows = list(recording_windows(str(tmp_path / "padded.wav"), [ModelInput(settings, stored.shape[1:])], 0.5))
    assert len(windows) == 1
    assert np.array_equal(windows[0].features[0], stored[0])
    assert (windows[0].start, windows[0].end) == pytest.approx((200_000 / 44100, 410_000 / 44100), abs=1e-3)
    frames = pd.read_csv(tmp_path / "all.csv")["frames"][0]
    assert frames == 1 + 210_000 // 2 // 512


def test_windows_of_several_front_ends_are_cut_at_the_same_times(tmp_path: Path) -> None:
    sound = np.concatenate([np.zeros(9000), 0.1 * np.random.default_rng(0).normal(size=35100)])
    soundfile.write(tmp_path / "one.wav", sound, 44100)
    soundfile.write(tmp_path / "four.wav", np.tile(sound, 4), 44100)
    texture = ModelInput(front_end("texture"), (974, 1))  # it trims each window; its own windows would last 30 s
    (alone,), (trimmed,) = ([*recording_windows(str(tmp_path / "one.wav"), [each], 0.5)] for each in (LOGMEL, texture))
    (both,) = recording_windows(str(tmp_path / "one.wav"), [LOGMEL, texture], 0.5)
    assert (both.start, both.end) == (0, 1)
    assert np.array_equal(both.features[0], alone.features[0])
    assert both.features[1] == pytest.approx(trimmed.features[0], rel=1e-3, abs=1e-3)
    alone, both = (
        [*recording_windows(str(tmp_path / "four.wav"), each, 0.5)] for each in ([LOGMEL], [LOGMEL, texture])
    )
    assert [window.start for window in both] == pytest.approx([window.start for window in alone], abs=1e-3)
    assert np.abs(both[0].features[1] - trimmed.features[0]).mean() < 0.1  # the window is 2 ms shorter


def test_a_window_of_silence_and_a_click_is_not_trimmed_away(tmp_path: Path) -> None:
    sound = 0.1 * np.random.default_rng(0).normal(size=44100)
    silence = np.zeros(44100)
    click = [0.5]  # its neighbours in the window are silent, and it is shorter than a hop of any front-end
    soundfile.write(tmp_path / "click.wav", np.concatenate([sound, silence, silence, click, silence, silence]), 44100)
    inputs = [LOGMEL, ModelInput(front_end("texture"), (974, 1))]
    windows = [*recording_windows(str(tmp_path / "click.wav"), inputs, 0.5)]
    assert windows[-1].end == pytest.approx(5, abs=1e-3)
    assert all(np.isfinite(values).all() for window in windows for values in window.features)


@pytest.mark.slow
def test_long_recordings_are_never_completely_in_memory(tmp_path: Path) -> None:
    def peak(seconds: float) -> int:
        path = write_sound(tmp_path / "long.flac", seconds, 44100)
        tracemalloc.start()
        try:
            assert sum(1 for _ in recording_windows(str(path), [LOGMEL], 0.0)) >= seconds - 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    assert peak(60) < 1.1 * peak(15)


def test_rate_that_does_not_fit_the_front_end_and_too_short_a_sound_are_told(tmp_path: Path) -> None:
    high = ModelInput(front_end("logmel80-log1p") | {"fmax": 6000}, (80, 100))
    low, short = write_sound(tmp_path / "low.wav", 1, 8000), write_sound(tmp_path / "short.wav", 0.004)
    with pytest.raises(InputError, match=r"low\.wav: its sample rate does not fit .* 4000 Hz"):
        list(recording_windows(str(low), [high], 0.5))
    with pytest.raises(InputError, match=r"short\.wav: is too short: it lasts 3\.99 ms, .* front-end, 23\.2 ms"):
        list(recording_windows(str(short), [LOGMEL], 0.5))


# --- reading and computing ahead -------------------------------------------------------------------------------------


def test_work_ahead_keeps_the_order_and_its_bounds() -> None:
    begun: list[int] = []

    def numbers(count: int) -> Any:
        begun.append(count)
        yield from range(count)

    lengths = [3, 0, 8, 16, 1, 30, 8, 2] * 4
    values = prefetched((numbers(length) for length in lengths), threads=3, depth=4)
    assert next(values) == 0
    assert len(begun) <= 5
    assert [0, *values] == [number for length in lengths for number in range(length)]
    assert list(mapped_in_threads(lambda value: value**2, iter(range(20)), 3)) == [
        (number, number**2) for number in range(20)
    ]


def test_an_error_in_a_thread_is_raised_where_its_value_is_due() -> None:
    def broken() -> Any:
        yield 1
        raise ValueError("here")

    values = prefetched((broken() for _ in range(9)), threads=2, depth=4)
    with pytest.raises(ValueError, match="here"):
        list(values)


# --- models ----------------------------------------------------------------------------------------------------------


def _lack_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _be_unfinished(folder: Path) -> None:
    _lack_weights(folder)
    (folder / "model.json").unlink()
    (folder / "checkpoint.pt").touch()


def _describe(folder: Path, **changes: Any) -> None:
    write_json(folder / "model.json", read_json(folder / "model.json") | changes)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_lack_weights, r"model: lacks model\.safetensors"),
        (lambda folder: (folder / "model.json").unlink(), r"model: lacks model\.json"),
        (_be_unfinished, r"model: its training is not finished; it holds a checkpoint, but no model\.safetensors and"),
        (lambda folder: (folder / "weights.bin").touch(), r"model: holds weights\.bin\. Pickles can run any code"),
        (lambda folder: (folder / "model.json").write_text("{"), r"model\.json: cannot be read as JSON"),
        (lambda folder: (folder / "model.json").write_text("[]"), r"model\.json: should hold a mapping"),
        (lambda folder: _describe(folder, labels=None), r"model\.json: labels: should be of type list"),
        (lambda folder: _describe(folder, recipe={"family": "os"}), r"model\.json: recipe\.family: 'os' is not one of"),
        (lambda folder: _describe(folder, front_end={}), r"model\.json: front_end\.front_end: is missing"),
        (lambda folder: _describe(folder, labels=["a", "b"]), r"model\.safetensors: does not fit model\.json"),
        (lambda folder: _describe(folder, recipe={"family": "cnn"}), r"model\.safetensors: does not fit model\.json"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\x80\x04N."), "cannot be read as safetensors"),
        (shutil.rmtree, "model: there is no such folder"),
    ],
)
def test_a_model_folder_that_cannot_be_used_is_refused_with_the_reason(model: Path, spoil: Any, reason: str) -> None:
    spoil(model)
    with pytest.raises(InputError, match=reason):
        Classifier(find_models(model))


@pytest.mark.slow
def test_models_are_found_at_every_level_and_all_their_problems_named(tmp_path: Path) -> None:
    for seed in (1, 2):
        for fold in (1, 2, 10):
            write_model(tmp_path / "cnn" / f"seed{seed}" / f"fold{fold}", LABELS, **TINY_INPUT)
    folders = [str(tmp_path / "cnn" / f"seed{seed}" / f"fold{fold}") for seed in (1, 2) for fold in (1, 2, 10)]
    assert find_models(tmp_path / "cnn") == folders
    assert find_models(tmp_path / "cnn" / "seed2") == folders[3:]
    assert find_models(folders[0]) == folders[:1]
    with pytest.raises(InputError, match="holds no model"):
        find_models(tmp_path)
    for folder in folders[1:3]:
        _lack_weights(Path(folder))
    with pytest.raises(InputError) as refused:
        find_models(tmp_path / "cnn")
    assert refused.value.problems == [f"{folder}: lacks model.safetensors" for folder in folders[1:3]]


@pytest.mark.slow
def test_models_are_averaged_if_they_agree(tmp_path: Path) -> None:
    folders = [str(write_model(tmp_path / f"fold{n}", LABELS, seed=n, **TINY_INPUT)) for n in (1, 2)]
    features = np.random.default_rng(0).normal(-40, 20, (5, 64, 44)).astype(np.float16)
    single = [Classifier([folder]).probabilities(features) for folder in folders]
    assert np.abs(single[0] - single[1]).max() > 1e-3
    assert Classifier(folders).probabilities(features) == pytest.approx(np.mean(single, axis=0), abs=1e-6)
    other = write_model(tmp_path / "other", ["cat", *LABELS[1:]], "mfcc20", shape=(20, 44))
    with pytest.raises(InputError, match=r"other: differs from .*fold1 in labels"):
        Classifier([*folders, str(other)])


@pytest.mark.parametrize("summary", SUMMARIES)
def test_a_recording_is_summarised_over_its_windows(model: Path, tmp_path: Path, summary: str) -> None:
    classifier, path = Classifier([str(model)]), str(write_sound(tmp_path / "a.wav", 4.2))
    options = Options(overlap=0.25, summary=summary, top_k=2, keep_windows=True)
    (found,) = classifier.predict([path], options, threads=2)
    windows = list(recording_windows(path, classifier.inputs, 0.25))
    probabilities = classifier.probabilities(np.stack([window.features[0] for window in windows]))
    assert len(windows) == 6
    assert found.probabilities == pytest.approx(getattr(probabilities, summary)(axis=0), abs=1e-6)
    ranked = list(found.ranked_windows())
    assert [(each.start, each.end) for each in ranked] == [(window.start, window.end) for window in windows]
    best = np.sort(probabilities, axis=1)[:, ::-1][:, :2]
    assert np.stack([each.probabilities for each in ranked]) == pytest.approx(best, abs=1e-6)
    assert found.end == pytest.approx(4.2)


@pytest.mark.slow
def test_predictions_do_not_depend_on_threads(model: Path, tmp_path: Path) -> None:
    paths = [str(write_sound(tmp_path / f"{n}.wav", 0.3 + n % 5, seed=n)) for n in range(25)]

    def predicted(threads: int) -> list[Prediction]:
        return list(Classifier([str(model)]).predict(paths, Options(), threads))

    one, three = predicted(1), predicted(3)
    assert [each.end for each in one] == pytest.approx([0.3 + n % 5 for n in range(25)], abs=1e-3)
    assert all(np.array_equal(a.probabilities, b.probabilities) for a, b in zip(one, three, strict=True))


def test_probabilities_of_a_network_are_softmax_of_its_logits(model: Path) -> None:
    classifier = Classifier([str(model)])
    features = np.random.default_rng(0).normal(-40, 20, (3, 64, 44)).astype(np.float16)
    with torch.inference_mode():
        logits = classifier.networks[0]((torch.from_numpy(features).float().unsqueeze(1) + 40) / 20)
    assert classifier.probabilities(features) == pytest.approx(logits.softmax(dim=1).numpy(), abs=1e-6)
