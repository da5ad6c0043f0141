"""Mel filters and their checks, without torch."""

from __future__ import annotations

import math
from collections.abc import Iterator

from soundbench.features.settings import Settings


def filter_problems(settings: Settings, sample_rate: int) -> Iterator[str]:
    """Frequencies and numbers of mel filters that do not fit the sample rate (Hz)."""
    nyquist = sample_rate / 2
    fmin = settings["fmin"]
    fmax = settings["fmax"] or nyquist
    if fmax > nyquist:
        yield f"fmax: {fmax} Hz is above half the sample rate, {nyquist:g} Hz"
    elif fmin >= fmax:
        yield f"fmin: {fmin} Hz is not below fmax, {fmax:g} Hz"
    elif empty := empty_filters(sample_rate, settings["n_fft"], settings["n_mels"], fmin, fmax):
        yield (
            f"n_mels: {empty} of {settings['n_mels']} mel filters would be empty, because they lie between the "
            f"bins of n_fft {settings['n_fft']} at {sample_rate} Hz; choose fewer mels or a larger n_fft"
        )


def empty_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> int:
    """The number of Slaney's mel filters that contain no bin of the Fourier transform; their output is always zero."""
    low = _hz_to_mel(fmin)
    high = _hz_to_mel(fmax)
    edges = [_mel_to_hz(low + (high - low) * number / (n_mels + 1)) for number in range(n_mels + 2)]
    bins = [edge * n_fft / sample_rate for edge in edges]
    first_bins = (math.floor(left) + 1 for left in bins[:-2])
    return sum(first >= right for first, right in zip(first_bins, bins[2:], strict=True))


def mel_frequencies(n_mels: int, fmin: float, fmax: float) -> list[float]:
    """The frequency (Hz) in the middle of each of Slaney's mel filters."""
    low = _hz_to_mel(fmin)
    high = _hz_to_mel(fmax)
    return [_mel_to_hz(low + (high - low) * (number + 1) / (n_mels + 1)) for number in range(n_mels)]


def _hz_to_mel(frequency: float) -> float:
    """M. Slaney, "Auditory Toolbox", 1998: linear up to 1 kHz, logarithmic above."""
    return frequency * 3 / 200 if frequency < 1000 else 15 + 27 * math.log(frequency / 1000) / math.log(6.4)


def _mel_to_hz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)
