"""Log-mel spectrogram, equal to librosa's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends import TRIM
from soundbench.features.mel_filters import filter_problems, mel_frequencies
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

    from soundbench.features.graphs import FrameGraph

SETTINGS = {
    **TRIM,
    "sample_rate": {
        "description": "Clips are resampled to this rate (Hz); null: each file keeps its own rate.",
        "type": ["integer", "null"],
        "minimum": 1000,
        "default": 22050,
    },
    "n_fft": {"description": "Samples per Fourier transform.", "type": "integer", "minimum": 16, "default": 1024},
    "win_length": {
        "description": "Samples of the Hann window; null: n_fft.",
        "type": ["integer", "null"],
        "minimum": 2,
        "default": None,
    },
    "hop_length": {
        "description": "Samples from one frame to the next.",
        "type": "integer",
        "minimum": 1,
        "default": 512,
    },
    "n_mels": {"description": "Number of mel filters.", "type": "integer", "minimum": 1, "default": 64},
    "fmin": {"description": "Lower edge of the lowest filter (Hz).", "type": "number", "minimum": 0, "default": 0},
    "fmax": {
        "description": "Upper edge of the highest filter (Hz); null: half the sample rate.",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    "power": {
        "description": ("Exponent of the magnitudes before the mel filters: 2 for power, 1 for amplitude."),
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 4,
        "default": 2,
    },
    "scale": {
        "description": (
            "`db`: decibels relative to 1, not below -100. `log`: natural logarithm with the same floor. "
            "`log1p`: logarithm of 1 + value."
        ),
        "enum": ["db", "log", "log1p"],
        "default": "db",
    },
    "duration": {
        "description": (
            "Clips are cropped to this length (s), and shorter clips are padded with their own quietest "
            "value. null: models take clips padded to the longest clip of the source, or crops of them."
        ),
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    "resize": {
        "description": (
            "Bins × frames that the features of each clip are resized to, for models with a fixed input "
            "size. Without `duration`, each clip's own length is stretched to it. null: not resized."
        ),
        "type": ["array", "null"],
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "integer", "minimum": 1},
        "default": None,
    },
    "normalise": {
        "description": (
            "The features get zero mean and unit deviation: over the data set's training clips "
            "(`dataset`), over each clip by itself (`clip`), or by the constants `mean` and `std` "
            "(`fixed`). `group`: each bin gets them over the clips of each group, such as a speaker. This also reads "
            "test clips, without their labels. The report marks such models as transductive; they cannot predict new "
            "recordings, and their data sets cannot augment."
        ),
        "enum": ["clip", "dataset", "fixed", "group"],
        "default": "dataset",
    },
    "mean": {
        "description": "With `normalise: fixed`: this is subtracted from each value.",
        "type": ["number", "null"],
        "default": None,
    },
    "std": {
        "description": "With `normalise: fixed`: each value is then divided by this.",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
}
MEL_BAND = 16  # filters per matrix product; the product of all filters would spend most of its time on zeros
FLOOR = 1e-10  # the smallest power before the logarithm, as `amin` in librosa
NEPER = math.log(10) / 10  # of power, in 1 dB


def bins(settings: Settings) -> int:
    """The number of mel filters."""
    return settings["n_mels"]


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """A log-mel spectrogram.

    In dB, it equals ``librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None)``.

    Args:
        samples: ``(samples,)`` at ``sample_rate`` Hz.

    Returns:
        ``(mels, frames)`` float32; frames are centred, and the signal is padded with zeros.
    """
    import torch

    n_fft = settings["n_fft"]
    power = settings["power"]
    padded = torch.nn.functional.pad(torch.from_numpy(samples), (n_fft // 2, n_fft // 2))
    frames = padded.unfold(0, n_fft, settings["hop_length"]) * _window(n_fft, settings["win_length"] or n_fft)
    spectrum = torch.fft.rfft(frames)
    # abs() would compute a square root that is squared again; a sum over a last axis of two is four times as slow.
    magnitudes = spectrum.real.square().add_(spectrum.imag.square())
    if power != 2:
        magnitudes.pow_(power / 2)
    fmax = settings["fmax"] or sample_rate / 2
    bands = mel_bands(sample_rate, n_fft, settings["n_mels"], settings["fmin"], fmax)
    mels = torch.cat([band @ magnitudes.T[bins] for bins, band in bands])
    return _scaled(mels, settings["scale"], power)


@lru_cache(maxsize=16)
def _window(n_fft: int, win_length: int) -> torch.Tensor:
    import torch

    window = torch.hann_window(win_length)
    left = (n_fft - win_length) // 2
    return torch.nn.functional.pad(window, (left, n_fft - win_length - left))


@lru_cache(maxsize=16)
def mel_bands(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> list[tuple[slice, torch.Tensor]]:
    """Slaney's mel filters in bands of :data:`MEL_BAND` filters, equal to ``librosa.filters.mel`` (M. Slaney,
    "Auditory Toolbox", 1998).

    Returns:
        For each band the slice of FFT bins that it needs, and its filters ``(filters, bins)`` on them.
    """
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(n_fft // 2 + 1, fmin, fmax, n_mels, sample_rate, norm="slaney", mel_scale="slaney").T
    bands = []
    for band in filters.split(MEL_BAND):
        nonzero = band.any(dim=0).nonzero().flatten()
        bins = slice(int(nonzero[0]), int(nonzero[-1]) + 1)
        bands.append((bins, band[:, bins].contiguous()))
    return bands


def _scaled(mels: torch.Tensor, scale: str, power: float) -> torch.Tensor:
    """Convert magnitudes to the power of ``power`` to a logarithmic scale, in place."""
    if scale == "log1p":
        return mels.log1p_()
    mels.clamp_(min=FLOOR ** (power / 2))
    return mels.log10_().mul_(20 / power) if scale == "db" else mels.log_()


def decibel(settings: Settings) -> float | None:
    """The increase of every value when a clip gets 1 dB louder; None for ``log1p``, where it differs by value."""
    return {"db": 1.0, "log": NEPER * settings["power"] / 2}.get(settings["scale"])


def problems(settings: Settings, sample_rate: int | None) -> Iterator[str]:
    """Lengths and filters that do not fit each other."""
    if (settings["win_length"] or 0) > settings["n_fft"]:
        yield f"win_length: {settings['win_length']} is longer than n_fft, {settings['n_fft']}"
    if sample_rate is not None:
        yield from filter_problems(settings, sample_rate)


def frequencies(settings: Settings, sample_rate: int) -> list[float]:
    """The frequency (Hz) in the middle of each mel filter."""
    return mel_frequencies(settings["n_mels"], settings["fmin"], settings["fmax"] or sample_rate / 2)


def graph(settings: Settings, sample_rate: int, frames: int | None) -> FrameGraph:
    """The same with operations that ONNX has; the Fourier transform is a convolution."""
    import torch
    from torchaudio.functional import create_dct, melscale_fbanks

    from soundbench.features.graphs import FrameGraph, fourier_kernel

    n_fft = settings["n_fft"]
    fmax = settings["fmax"] or sample_rate / 2
    mels = (settings["fmin"], fmax, settings["n_mels"], sample_rate)
    tensors = {
        "kernel": fourier_kernel(torch.diag(_window(n_fft, settings["win_length"] or n_fft)), n_fft),
        "filters": melscale_fbanks(n_fft // 2 + 1, *mels, norm="slaney", mel_scale="slaney").T.contiguous(),
    }
    if "n_mfcc" in settings:
        tensors["cosines"] = create_dct(settings["n_mfcc"], settings["n_mels"], norm="ortho").T
    duration = settings["duration"]
    kept = round(duration * sample_rate) if duration else None
    return FrameGraph(partial(_in_graph, settings=settings, frames=frames, kept=kept), tensors)


def _in_graph(
    samples: torch.Tensor,
    kernel: torch.Tensor,
    filters: torch.Tensor,
    cosines: torch.Tensor | None = None,
    *,
    settings: Settings,
    frames: int | None,
    kept: int | None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """``(batch, samples)`` to ``(batch, bins, frames)``, and which frames are the clip's own: ``(frames,)``.

    Args:
        frames: how many there are to be; None: as many as the clip has.
        kept: samples that the clip is cropped to.
    """
    from soundbench.features.graphs import framed, power_spectrum

    padded, own = framed(samples, settings["n_fft"], settings["hop_length"], frames, kept)
    power = settings["power"]
    scale = settings["scale"]
    magnitudes = power_spectrum(padded, kernel, settings["hop_length"])
    mels = filters @ (magnitudes if power == 2 else magnitudes.pow(power / 2))
    if scale == "log1p":
        scaled = mels.log1p()
    else:
        mels = mels.clamp(min=FLOOR ** (power / 2))
        scaled = mels.log10() * (20 / power) if scale == "db" else mels.log()
    return (scaled if cosines is None else cosines @ scaled), own
