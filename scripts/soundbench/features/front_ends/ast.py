"""Filter bank of the Audio Spectrogram Transformer, equal to transformers' ASTFeatureExtractor.

Y. Gong, Y.-A. Chung and J. Glass, "AST: Audio Spectrogram Transformer", Interspeech 2021.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends import TRIM
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

    from soundbench.features.graphs import FrameGraph

SETTINGS = {
    **TRIM,
    "sample_rate": {
        "description": "Sample rate (Hz); the filter bank is defined at this rate.",
        "type": "integer",
        "const": 16000,
        "default": 16000,
    },
    "n_mels": {
        "description": "Number of mel filters in Kaldi's filter bank.",
        "type": "integer",
        "minimum": 1,
        "default": 128,
    },
    "frames": {
        "description": "Number of frames of 10 ms. Clips are cropped to it, or padded with zeros.",
        "type": "integer",
        "minimum": 1,
        "default": 1024,
    },
    "normalise": {"description": "As with `logmel`.", "enum": ["clip", "dataset", "fixed"], "default": "fixed"},
    "mean": {
        "description": "As with `logmel`; the default is AudioSet's mean, as published with AST.",
        "type": ["number", "null"],
        "default": -4.2677393,
    },
    "std": {
        "description": ("As with `logmel`; the default is twice AudioSet's deviation, as published with AST."),
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": 9.1379948,
    },
}
WINDOW = 400  # samples; 25 ms at 16 kHz, as in Kaldi
HOP = 160  # samples; 10 ms at 16 kHz, as in Kaldi
N_FFT = 512  # the power of two above the window
LOWEST = 20.0  # Hz: the lower edge of Kaldi's lowest filter
PREEMPHASIS = 0.97


def bins(settings: Settings) -> int:
    """The number of mel filters."""
    return settings["n_mels"]


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """Kaldi's log filter bank ``(mels, frames)``, cropped, or padded with zeros, to ``settings["frames"]``."""
    import torch
    from torchaudio.compliance.kaldi import fbank

    wave = torch.from_numpy(np.pad(samples, (0, max(0, WINDOW - len(samples)))))
    bank = fbank(wave[None], sample_frequency=sample_rate, window_type="hanning", num_mel_bins=settings["n_mels"])
    bank = bank[: settings["frames"]]
    return torch.nn.functional.pad(bank, (0, 0, 0, settings["frames"] - len(bank))).T


def decibel(settings: Settings) -> float:
    """By how much each value grows when a clip gets 1 dB louder: values are natural logarithms of power."""
    return math.log(10) / 10


def frequencies(settings: Settings, sample_rate: int) -> list[float]:
    """The frequency (Hz) in the middle of each filter: evenly spaced on Kaldi's mel scale."""
    low, high = (math.log1p(edge / 700) for edge in (LOWEST, sample_rate / 2))
    places = ((number + 1) / (settings["n_mels"] + 1) for number in range(settings["n_mels"]))
    return [700 * math.expm1(low + (high - low) * place) for place in places]


def graph(settings: Settings, sample_rate: int, frames: int | None) -> FrameGraph:
    """The same with operations that ONNX has.

    Kaldi takes the mean off each frame, applies pre-emphasis and Hann's window, and transforms it; all of these are
    linear and go into one convolution.
    """
    import torch
    from torch.nn.functional import pad
    from torchaudio.compliance.kaldi import get_mel_banks

    from soundbench.features.graphs import FrameGraph, fourier_kernel

    steps = torch.eye(WINDOW, dtype=torch.float64)
    steps = steps - steps.mean(dim=0)
    steps = steps - PREEMPHASIS * torch.cat([steps[:1], steps[:-1]])
    steps = steps * torch.hann_window(WINDOW, periodic=False, dtype=torch.float64)[:, None]
    filters, _ = get_mel_banks(settings["n_mels"], N_FFT, sample_rate, LOWEST, 0.0, 100.0, -500.0, 1.0)
    tensors = {"kernel": fourier_kernel(steps, N_FFT), "filters": pad(filters, (0, 1))}
    return FrameGraph(partial(_in_graph, frames=settings["frames"]), tensors)


def _in_graph(
    samples: torch.Tensor, kernel: torch.Tensor, filters: torch.Tensor, *, frames: int
) -> tuple[torch.Tensor, None]:
    """``(batch, samples)`` to ``(batch, mels, frames)``; frames beyond the clip are zero, and count as its own."""
    import torch
    from torch.nn.functional import pad

    from soundbench.features.graphs import power_spectrum

    length = (frames - 1) * HOP + WINDOW
    mels = filters @ power_spectrum(pad(samples, (0, length))[:, :length], kernel, HOP)
    starts = torch.arange(frames, device=samples.device) * HOP
    # A clip that is shorter than a window is padded to one.
    own = (starts + WINDOW <= samples.shape[1]) | (starts == 0)
    return mels.clamp(min=torch.finfo(torch.float32).eps).log() * own, None
