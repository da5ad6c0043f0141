"""Properties of the recordings that predict the labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.library import configuration
from soundbench.data.audio import write_audio
from soundbench.data.inspection import inspect_clip
from soundbench.data.recording_traits import recording_traits
from soundbench.evaluation.confounds import MEASURED, confounds, predict_labels, sentence

RATE = 16000
VIEW = configuration()["datasets"]["synthetic"]


def sound(cutoff: float, seed: int = 0, gain: float = 0.1) -> np.ndarray:
    """A second of noise without anything above ``cutoff`` Hz."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(0, gain, RATE))
    spectrum[int(cutoff) + 1 :] = 0
    return np.fft.irfft(spectrum, RATE).astype(np.float32)


def study(cutoffs: dict[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measurements and a split in four folds of twelve clips per label, whose bandwidth the label decides."""
    rows, values = [], []
    for label, cutoff in cutoffs.items():
        for number in range(12):
            traits = recording_traits(sound(cutoff, len(rows)), RATE)
            values.append(traits | {"seconds": 1.0, "sample_rate": RATE, "channels": 1})
            roles = {f"fold{fold}": "test" if number % 4 == fold - 1 else "train" for fold in range(1, 5)}
            rows.append({"clip": f"{label}{number}", "label": label, "group": f"{label}{number}", **roles})
    split = pd.DataFrame(rows)
    return pd.DataFrame(values, index=split["clip"])[list(MEASURED)], split


def test_measurements_are_what_they_say(tmp_path: Path) -> None:
    quiet, silence = sound(2000), np.zeros(RATE // 2, np.float32)
    clip = np.concatenate([silence, quiet, silence[: RATE // 4]]) + np.float32(0.02)
    write_audio(tmp_path / "clip.wav", clip, RATE)
    found = inspect_clip(str(tmp_path / "clip.wav"))
    assert found.silence_before == pytest.approx(0.5, abs=0.011)
    assert found.silence_after == pytest.approx(0.25, abs=0.011)
    assert found.constant_offset == pytest.approx(0.02, abs=0.001)
    assert recording_traits(quiet, RATE)["bandwidth"] == pytest.approx(2000, abs=150)
    level = 10 * np.log10(np.mean(np.square(quiet)))
    assert recording_traits(quiet, RATE)["mean_level"] == pytest.approx(level, abs=0.1)
    assert recording_traits(np.zeros(10, np.float32), RATE)["bandwidth"] == 0


@pytest.mark.slow
def test_a_label_with_a_bandwidth_of_its_own_is_found() -> None:
    table = confounds(*study({"a": 2000, "b": 4000, "c": 6000}), VIEW).set_index("measured")
    assert table.loc["bandwidth", "uar"] == 1
    assert table.loc["all", "predicts"]
    assert (table["p_holm"] >= table["p"]).all()
    assert table["predicts"].equals(table["p_holm"] < 0.05)
    assert table["chance"].eq(1 / 3).all()
    assert "seconds" not in table.index  # the same in all clips
    assert "highest frequency with energy (Hz) 100.0 %" in sentence(table.reset_index())


@pytest.mark.slow
def test_equal_recordings_predict_nothing() -> None:
    table = confounds(*study({"a": 4000, "b": 4000, "c": 4000}), VIEW).set_index("measured")
    assert not table.loc["all", "predicts"]
    assert not table.loc["bandwidth", "predicts"]


def test_labels_may_be_numbers() -> None:
    values, split = study({"007": 2000, "10": 4000, "9": 6000})
    table = predict_labels(values[["bandwidth"]].to_numpy(float), split)
    assert (table["predicted"] == table["label"]).all()
