"""A phase vocoder: it changes how fast a sound is played, and keeps its pitch. Results equal those of librosa 0.11.

J. L. Flanagan and R. M. Golden, "Phase vocoder", Bell System Technical Journal 45, 1966. When librosa is first used, it
compiles functions, which takes 20 s of CPU time.
"""

from __future__ import annotations

import numpy as np

N_FFT = 2048  # samples per frame
HOP = N_FFT // 4  # samples from one frame to the next
WINDOW = 0.5 + 0.5 * np.cos(np.linspace(-np.pi, np.pi, N_FFT + 1)[:-1])  # Hann's, periodic
ADVANCE = 2 * np.pi * HOP * np.fft.rfftfreq(N_FFT)  # how far the phase of each bin's frequency moves in one hop


def stretch(samples: np.ndarray, rate: float) -> np.ndarray:
    """``(samples,)`` float32, played ``rate`` times as fast: ``(round(samples / rate),)`` float32."""
    return _overlap_add(_at_rate(_spectra(samples), rate), round(len(samples) / rate))


def _spectra(samples: np.ndarray) -> np.ndarray:
    """``(frames, bins)`` complex64, and two silent frames, between which the last frames are interpolated."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, N_FFT // 2), N_FFT)[::HOP]
    spectra = np.zeros((len(frames) + 2, len(ADVANCE)), np.complex64)
    for spectrum, frame in zip(spectra, frames, strict=False):
        spectrum[:] = np.fft.rfft(WINDOW * frame)
    return spectra


def _at_rate(spectra: np.ndarray, rate: float) -> np.ndarray:
    """Spectra at every ``rate``-th frame. Magnitudes are interpolated between two frames, phases are accumulated."""
    times = np.arange(0, len(spectra) - 2, rate)
    stretched = np.empty((len(times), spectra.shape[1]), np.complex64)
    phase = np.angle(spectra[0])
    for spectrum, time in zip(stretched, times, strict=True):
        first, second = spectra[int(time)], spectra[int(time) + 1]
        share = time % 1
        spectrum[:] = np.exp(1j * phase) * ((1 - share) * np.abs(first) + share * np.abs(second))
        change = np.angle(second) - np.angle(first) - ADVANCE
        phase += ADVANCE + (change - 2 * np.pi * np.round(change / (2 * np.pi)))
    return stretched


def _overlap_add(spectra: np.ndarray, length: int) -> np.ndarray:
    """The sound ``(length,)`` float32 of ``(frames, bins)``: the sum of its frames over the sum of squared windows."""
    size = max(HOP * (len(spectra) - 1) + N_FFT, N_FFT // 2 + length)
    samples, weights = np.zeros((2, size), np.float32)
    for frame, spectrum in enumerate(spectra):
        part = slice(frame * HOP, frame * HOP + N_FFT)
        samples[part] += WINDOW * np.fft.irfft(spectrum)
        weights[part] += WINDOW**2
    weights[weights <= np.finfo(np.float32).tiny] = 1  # silence after the last frame
    return (samples / weights)[N_FFT // 2 :][:length]
