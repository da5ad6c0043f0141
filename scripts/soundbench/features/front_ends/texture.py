"""Statistics of sound texture: one vector per clip.

Rain, fire and engines sound the same at any time. They differ in how the envelopes of their frequency bands are
distributed, how fast these envelopes fluctuate, and which of them fluctuate together. Such statistics are from
J. McDermott and E. Simoncelli, "Sound texture perception via statistics of the auditory periphery", Neuron 71, 2011.
D. Ellis, X. Zeng and J. McDermott classify with them in "Classifying soundtracks with audio texture features", ICASSP
2011.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends import VECTOR_SETTINGS
from soundbench.features.settings import Settings
from soundbench.features.unit_level import unit_level

if TYPE_CHECKING:
    import torch

VECTOR = True
HOP = 160  # samples; 10 ms at 16 kHz
SETTINGS = {
    "sample_rate": {
        "description": "Clips are resampled to this rate (Hz).",
        "type": "integer",
        "minimum": 2000,
        "default": 16000,
    },
    "bands": {
        "description": "Number of frequency bands, evenly spaced on the ERB scale.",
        "type": "integer",
        "minimum": 3,
        "maximum": 100,
        "default": 32,
    },
    **VECTOR_SETTINGS,
}
LOWEST = 50.0  # Hz, the lower edge of the lowest band
HIGHEST = 0.97  # of half the sample rate, the upper edge of the highest band
ENVELOPE_RATE = 400  # Hz
COMPRESSION = 0.3  # exponent of the envelopes, as of the ear
MODULATIONS = 0.5 * 2 ** np.arange(0, 9, 0.75)[:12]  # Hz, edges of bands of the speed of fluctuation
NEIGHBOURS = (1, 2, 3, 5, 8, 11, 16, 21)  # bands that are so far apart are correlated
NEAR = (1, 2)  # the same at each speed of fluctuation, of which every second edge counts
MOMENTS = 4
TINY = 1e-6  # a share of the power, and an envelope, below which nothing is heard


def bins(settings: Settings) -> int:
    """The number of statistics."""
    bands = settings["bands"]
    speeds = len(MODULATIONS) - 1
    together = sum(max(bands - distance, 0) for distance in NEIGHBOURS)
    at_speeds = len(MODULATIONS[2::2]) * sum(bands - distance for distance in NEAR)
    return bands * (MOMENTS + speeds) + together + at_speeds


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The vector ``(bins, 1)`` of a clip, float32; it does not depend on the level of the clip.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.
    """
    import torch

    envelopes = _envelopes(unit_level(samples, sample_rate), sample_rate, settings["bands"])
    return torch.from_numpy(_statistics(envelopes).astype(np.float32))[:, None]


def _filters(bands: int, sample_rate: int, length: int) -> list[tuple[int, np.ndarray]]:
    """The gain of each band at the bins of a Fourier transform of ``length``, from the first one that it lets through.

    Each band is half a cosine wide, and reaches from the centre of the band below to that of the band above.
    """
    frequencies = np.fft.rfftfreq(length, 1 / sample_rate)
    position = erb_numbers(frequencies)
    lowest, highest = erb_numbers(np.array([LOWEST, HIGHEST * sample_rate / 2]))
    centres, width = np.linspace(lowest, highest, bands + 2, retstep=True)
    found = []
    for centre in centres[1:-1]:
        first, last = np.searchsorted(position, (centre - width, centre + width))
        found.append((int(first), np.cos(np.pi / 2 * (position[first:last] - centre) / width)))
    return found


def erb_numbers(frequencies: np.ndarray) -> np.ndarray:
    """How many equivalent rectangular bandwidths of the ear are below each frequency in Hz.

    B. Glasberg and B. Moore, "Derivation of auditory filter shapes from notched-noise data", Hearing Research 47, 1990.
    """
    return 21.4 * np.log10(1 + 0.00437 * frequencies)


def _envelopes(samples: np.ndarray, sample_rate: int, bands: int) -> np.ndarray:
    """The compressed envelope of each band, ``(bands, frames)`` at :data:`ENVELOPE_RATE`."""
    from scipy import fft

    length = fft.next_fast_len(len(samples), real=True)
    spectrum = fft.rfft(samples, length)
    frames = round(ENVELOPE_RATE * length / sample_rate)
    found = []
    for first, gain in _filters(bands, sample_rate, length):
        # The band is moved down to 0 Hz, which leaves its envelope as it is and needs few samples.
        size = fft.next_fast_len(max(2 * len(gain), 2 * frames))
        band = spectrum[first : first + len(gain)] * gain
        envelope = np.abs(fft.ifft(band, size)) * (2 * size / length)
        slow = fft.rfft(envelope**COMPRESSION)[: frames // 2 + 1]
        found.append(fft.irfft(slow, frames) * (frames / size))
    kept = int(len(samples) / sample_rate * ENVELOPE_RATE)
    return np.maximum(np.stack(found)[:, :kept], TINY)


def _statistics(envelopes: np.ndarray) -> np.ndarray:
    """All statistics of the envelopes ``(bands, frames)``, one after the other."""
    mean = envelopes.mean(axis=1)
    centred = envelopes - mean[:, None]
    deviation = np.maximum(centred.std(axis=1), 1e-9)
    standard = centred / deviation[:, None]
    moments = [
        np.log(mean),
        np.log(deviation / mean),
        (standard**3).mean(axis=1),
        np.log(np.maximum((standard**4).mean(axis=1), TINY)),
    ]
    correlations = standard @ standard.T / standard.shape[1]
    together = [np.diag(correlations, distance) for distance in NEIGHBOURS if distance < len(mean)]
    return np.concatenate([*moments, *together, *_of_modulations(standard)])


def _of_modulations(standard: np.ndarray) -> list[np.ndarray]:
    """The power of each speed of fluctuation in each band, and the correlation of near bands at each speed."""
    from scipy import fft

    spectrum = fft.rfft(standard, axis=1)
    frequencies = fft.rfftfreq(standard.shape[1], 1 / ENVELOPE_RATE)
    edges = np.searchsorted(frequencies, MODULATIONS)
    power = np.abs(spectrum) ** 2
    power /= np.maximum(power.sum(axis=1, keepdims=True), TINY)
    shares = [np.log(power[:, low:high].sum(axis=1) + TINY) for low, high in pairwise(edges)]
    together = []
    for low, high in pairwise(edges[::2]):
        part = spectrum[:, low:high]
        part = part / np.sqrt(np.maximum((np.abs(part) ** 2).sum(axis=1, keepdims=True), TINY))
        correlations = (part @ part.conj().T).real
        together += [np.diag(correlations, distance) for distance in NEAR]
    return shares + together
