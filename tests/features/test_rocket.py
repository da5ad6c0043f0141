"""Random convolutions: the statistics of the same kernels, at any level and length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from helpers.library import front_end
from soundbench.features.front_ends import logmel, rocket

RATE = 16000


def noise(seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32)


def vector(samples: np.ndarray, **changes: Any) -> np.ndarray:
    settings = front_end(front_end="rocket", **changes)
    found = rocket.compute(samples, RATE, settings)
    assert found.shape == (rocket.bins(settings), 1)
    assert found.dtype == torch.float32
    return found[:, 0].numpy()


@pytest.mark.parametrize("changes", [{}, {"n_mels": 8, "kernels": 1}])
@pytest.mark.parametrize("samples", [noise(), noise(0.01), np.zeros(RATE, np.float32), np.zeros(0, np.float32)])
def test_size_is_known_before_and_values_are_finite(changes: dict[str, Any], samples: np.ndarray) -> None:
    assert np.isfinite(vector(samples, **changes)).all()


def test_statistics_are_those_of_a_convolution() -> None:
    """torch's own convolution, one kernel after the other, gives the same three statistics."""
    spectrogram = np.random.default_rng(1).standard_normal((8, 200)).astype(np.float32)
    for kernels in rocket._kernels(8, 2):
        positions, count, _ = kernels.weights.shape
        found = rocket._statistics(rocket._responses(spectrogram, kernels), kernels).reshape(3, positions, count)
        thresholds = kernels.thresholds.reshape(positions, count)
        for position in range(positions):
            for number in range(count):
                rows = torch.from_numpy(spectrogram[position : position + kernels.height])[None]
                weights = torch.from_numpy(kernels.weights[position, number]).reshape(1, kernels.height, rocket.LENGTH)
                padding = kernels.dilation * (rocket.LENGTH // 2)
                response = torch.nn.functional.conv1d(rows, weights, dilation=kernels.dilation, padding=padding)[0, 0]
                deviation = response.std(correction=0)
                above = (response > thresholds[position, number] * deviation).float().mean()
                expected = torch.stack([above, response.max() / deviation, deviation.log()])
                assert found[:, position, number] == pytest.approx(expected.numpy(), abs=6e-3)


def test_kernels_ignore_a_constant_and_have_the_same_strength() -> None:
    for kernels in rocket._kernels(16, 3):
        assert np.abs(kernels.weights.sum(axis=-1)).max() < 1e-5
        assert np.linalg.norm(kernels.weights, axis=-1) == pytest.approx(1, abs=1e-5)


def test_level_does_not_matter() -> None:
    assert vector(0.01 * noise()) == pytest.approx(vector(noise()), abs=2e-2)


def test_order_in_time_matters() -> None:
    """Rising and falling tones have the same spectrum over the whole clip."""
    time = np.arange(2 * RATE) / RATE
    rising = np.sin(2 * np.pi * (500 * time + 500 * time**2)).astype(np.float32)
    assert np.abs(vector(rising) - vector(rising[::-1].copy())).max() > 1


def test_short_clip_is_repeated() -> None:
    short = noise(0.2)
    assert (vector(short) == vector(np.resize(short, RATE // 2))).all()


def test_no_mel_filter_is_empty_within_the_limits_of_the_settings() -> None:
    lowest = rocket.SETTINGS["sample_rate"]["minimum"]
    most = rocket.SETTINGS["n_mels"]["maximum"]
    for rate in range(lowest, 100000, 100):
        assert not list(logmel.problems(rocket._logmel({"sample_rate": rate, "n_mels": most}), rate))
