"""Functionals: one vector per clip, of a size that is known before, with the values that their names promise."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from helpers.library import configuration, front_end
from soundbench.core.errors import InputError
from soundbench.features.front_ends import functionals, opensmile
from soundbench.features.settings import frame_count, window_lengths
from soundbench.features.store import compute_features

RATE = 16000


def voice(pitch: float = 140.0, seconds: float = 1.0) -> np.ndarray:
    """A harmonic tone in a little noise, float32."""
    time = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 12))
    return (0.1 * tone + 0.001 * np.random.default_rng(0).standard_normal(len(time))).astype(np.float32)


def vector(samples: np.ndarray, **changes: Any) -> np.ndarray:
    settings = front_end(front_end="functionals", **changes)
    found = functionals.compute(samples, RATE, settings)
    assert found.shape == (functionals.bins(settings), 1)
    return found[:, 0].numpy()


@pytest.mark.parametrize("changes", [{}, {"f0": None}, {"n_mfcc": 13, "n_fft": 1024}])
@pytest.mark.parametrize("seconds", [0.004, 1.0])
def test_size_is_known_before(changes: dict[str, Any], seconds: float) -> None:
    assert np.isfinite(vector(voice(seconds=seconds), **changes)).all()


def test_silence_has_finite_values() -> None:
    assert np.isfinite(vector(np.zeros(RATE, np.float32))).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["yin", "pyin"])
def test_pitch_is_in_semitones_above_the_lowest(method: str) -> None:
    mean = vector(voice(130.0), f0=method)[-functionals.PITCH_STATISTICS]
    assert mean == pytest.approx(12, abs=0.2)  # 65 Hz is the lowest
    assert vector(voice(260.0), f0=method)[-functionals.PITCH_STATISTICS] == pytest.approx(24, abs=0.2)


def test_level_moves_the_energy_and_not_the_shape() -> None:
    settings = front_end("functionals")
    energy = functionals.STATISTICS * (settings["n_mfcc"] + functionals.SHAPES - 1)  # its mean
    centroid = functionals.STATISTICS * settings["n_mfcc"]
    quiet = vector(0.5 * voice())
    loud = vector(voice())
    assert loud[energy] - quiet[energy] == pytest.approx(20 * np.log10(2), abs=0.01)
    assert loud[centroid] == pytest.approx(quiet[centroid], rel=1e-3)


def test_vectors_are_stored_in_32_bits_without_padding(tmp_path: Path) -> None:
    rows = []
    for number, seconds in enumerate((0.3, 0.5)):
        path = tmp_path / f"clip{number}.wav"
        soundfile.write(path, voice(seconds=seconds), RATE)
        rows.append((path.stem, path, "a", number, 1, seconds, RATE))
    columns = ["clip", "path", "label", "group", "fold", "seconds", "sample_rate"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "clips.csv", index=False)
    settings = front_end("functionals")
    compute_features(tmp_path / "clips.csv", settings, tmp_path / "orig.npy", tmp_path / "orig.csv", 1)
    array = np.load(tmp_path / "orig.npy")
    assert array.dtype == np.float32
    assert array.shape == (2, functionals.bins(settings), 1)
    samples, _ = soundfile.read(tmp_path / "clip1.wav", dtype="float32")
    assert (array[1, :, 0] == vector(samples)).all()


def test_recordings_of_any_length_are_one_vector() -> None:
    settings = front_end("functionals")
    assert frame_count(7.0, RATE, settings) == 1
    assert window_lengths(1, RATE, settings) == (30 * RATE, 30 * RATE)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(InputError) as refusal:
        configuration(features={"own": {"front_end": "functionals", "fmin": 600, "n_mfcc": 65}})
    assert refusal.value.problems == [
        "features.own.fmin: 600 Hz is not below fmax, 500 Hz",
        "features.own.n_mfcc: 65 is larger than the number of mel filters, 64",
    ]


def test_opensmile_is_asked_for_only_where_it_is_used() -> None:
    if find_spec("opensmile"):
        pytest.skip("opensmile is installed here")
    with pytest.raises(InputError, match=r"features\.own\.front_end: the package opensmile is not installed"):
        configuration(features={"own": {"front_end": "opensmile"}})
    configuration()


@pytest.mark.parametrize("feature_set", sorted(opensmile.SIZES))
def test_opensmile_gives_as_many_values_as_are_said_before(feature_set: str) -> None:
    pytest.importorskip("opensmile")
    settings = front_end(front_end="opensmile", feature_set=feature_set)
    assert opensmile.compute(voice(), RATE, settings).shape == (opensmile.bins(settings), 1)
