"""Sound texture: the statistics say how fast and how together bands fluctuate, at any level and length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from helpers.library import front_end
from soundbench.features.front_ends import texture

RATE = 16000
SPEEDS = len(texture.MODULATIONS) - 1


def noise(seconds: float = 4.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * RATE)).astype(np.float32)


def fluctuating(speed: float, seconds: float = 4.0) -> np.ndarray:
    """Noise whose level rises and falls ``speed`` times per second, in all bands together."""
    time = np.arange(round(seconds * RATE)) / RATE
    return noise(seconds) * (1 + 0.9 * np.sin(2 * np.pi * speed * time)).astype(np.float32)


def vector(samples: np.ndarray, **changes: Any) -> np.ndarray:
    settings = front_end(front_end="texture", **changes)
    found = texture.compute(samples, RATE, settings)
    assert found.shape == (texture.bins(settings), 1)
    return found[:, 0].numpy()


def parts(samples: np.ndarray) -> dict[str, np.ndarray]:
    """The statistics of a clip by kind; those of speeds as ``(speeds, bands)``."""
    bands = 32
    together = sum(bands - distance for distance in texture.NEIGHBOURS)
    sizes = {"moments": 4 * bands, "together": together, "speeds": SPEEDS * bands}
    values = np.split(vector(samples), np.cumsum(list(sizes.values())))
    found = dict(zip([*sizes, "together_at_speeds"], values, strict=True))
    return found | {"speeds": found["speeds"].reshape(SPEEDS, bands), "moments": found["moments"].reshape(4, bands)}


@pytest.mark.parametrize("changes", [{}, {"bands": 3}, {"bands": 100}])
@pytest.mark.parametrize("samples", [noise(), noise(0.01), np.zeros(RATE, np.float32), np.zeros(0, np.float32)])
def test_size_is_known_before_and_values_are_finite(changes: dict[str, Any], samples: np.ndarray) -> None:
    assert np.isfinite(vector(samples, **changes)).all()


@pytest.mark.parametrize("speed", [3.0, 11.0, 60.0])
def test_speed_of_fluctuation_has_most_power_in_its_band(speed: float) -> None:
    found = parts(fluctuating(speed))["speeds"]
    expected = np.searchsorted(texture.MODULATIONS, speed) - 1
    assert (found.argmax(axis=0)[8:] == expected).all()  # lower bands are too narrow to fluctuate as fast


def test_bands_that_fluctuate_together_are_correlated() -> None:
    alone = parts(noise())["together"]
    together = parts(fluctuating(4.0))["together"]
    assert np.abs(alone[31:]).mean() < 0.1  # bands next to each other overlap
    assert together.mean() > 0.5


def test_rare_clicks_have_long_tails_and_a_tone_is_steady() -> None:
    clicks = 0.01 * noise()
    clicks[:: RATE // 2] = 30
    tone = np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE).astype(np.float32)
    skewness = parts(clicks)["moments"][2]
    assert (skewness > 3 * parts(noise())["moments"][2]).mean() > 0.9
    mean, spread = parts(tone)["moments"][:2]
    loudest = mean.argmax()
    lowest, own, highest = texture.erb_numbers(np.array([texture.LOWEST, 1000, texture.HIGHEST * RATE / 2]))
    assert np.linspace(lowest, highest, 34)[loudest + 1] == pytest.approx(own, abs=0.5)
    assert spread[loudest] < -2 < parts(noise())["moments"][1][loudest]


def test_level_does_not_matter() -> None:
    assert vector(0.01 * noise()) == pytest.approx(vector(noise()), abs=1e-3)


def test_short_clip_is_repeated() -> None:
    short = noise(0.2)
    assert (vector(short) == vector(np.resize(short, RATE // 2))).all()
