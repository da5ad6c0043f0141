"""Measurements of how a clip was recorded and cut, which do not describe its content."""

from __future__ import annotations

from typing import Any

import numpy as np

FRAME = 2048  # samples per spectrum
RANGE = 75.0  # dB below the strongest frequency: what is weaker does not count as energy
QUIET = 50.0  # dB below the loudest 10 ms: what is weaker at the ends of a clip counts as silence
FLOOR = 1e-12  # of power, before a logarithm: -120 dB of full scale

# What each measurement is, with its unit.
TRAITS = {
    "bandwidth": "highest frequency with energy (Hz)",
    "mean_level": "level (dB of full scale)",
    "noise_floor": "level of the quietest tenth of the clip (dB of full scale)",
    "silence_before": "silence at the start (s)",
    "silence_after": "silence at the end (s)",
    "constant_offset": "constant offset (share of full scale)",
}


def recording_traits(samples: np.ndarray, sample_rate: int) -> dict[str, Any]:
    """Every measurement of :data:`TRAITS`.

    Args:
        samples: ``(samples,)`` in [-1, 1] at ``sample_rate`` Hz; at least one.
    """
    offset = float(samples.mean(dtype=np.float64))
    wave = samples.astype(np.float64) - offset
    window = max(1, sample_rate // 100)
    starts = np.arange(0, len(wave), window)
    sizes = np.diff(np.append(starts, len(wave)))
    # Of each window without its own mean: an offset that is not the same everywhere is no sound either.
    power = np.maximum(np.add.reduceat(np.square(wave), starts) - np.square(np.add.reduceat(wave, starts)) / sizes, 0)
    power = power / sizes
    audible = np.flatnonzero(power > max(float(power.max()) * 10 ** (-QUIET / 10), FLOOR))
    first = int(audible[0]) if len(audible) else len(power)
    last = int(audible[-1]) if len(audible) else -1
    return {
        "bandwidth": bandwidth(wave, sample_rate),
        "mean_level": _decibels(float(np.square(wave).mean())),
        "noise_floor": _decibels(float(np.quantile(power, 0.1))),
        "silence_before": float(starts[first] if first < len(starts) else len(wave)) / sample_rate,
        "silence_after": float(sizes[last + 1 :].sum()) / sample_rate,
        "constant_offset": offset,
    }


def bandwidth(samples: np.ndarray, sample_rate: int) -> float:
    """The highest frequency (Hz) whose mean power is at most :data:`RANGE` dB below that of the strongest; 0 in
    silence."""
    size = min(FRAME, len(samples))
    window = np.hanning(size)
    power = np.zeros(FRAME // 2 + 1)
    for start in range(0, len(samples) - size + 1, size):  # one by one, so that a long clip needs no more memory
        power += np.square(np.abs(np.fft.rfft(samples[start : start + size] * window, FRAME)))
    strong = np.flatnonzero(power > power.max() * 10 ** (-RANGE / 10))
    return float(strong[-1] * sample_rate / FRAME) if len(strong) else 0.0


def _decibels(power: float) -> float:
    return float(10 * np.log10(max(power, FLOOR)))
