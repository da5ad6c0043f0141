"""Log-mel spectrogram of Whisper, equal to transformers' WhisperFeatureExtractor.

A. Radford et al., "Robust speech recognition via large-scale weak supervision", ICML 2023.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends.logmel import FLOOR, mel_bands
from soundbench.features.mel_filters import mel_frequencies
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

    from soundbench.features.graphs import FrameGraph

SETTINGS = {
    "sample_rate": {
        "description": "Sample rate (Hz); the encoder was trained at this rate.",
        "type": "integer",
        "const": 16000,
        "default": 16000,
    },
    "n_mels": {
        "description": "Number of mel filters: 80, or 128 for `large-v3`.",
        "type": "integer",
        "minimum": 1,
        "default": 80,
    },
    "frames": {
        "description": (
            "Number of frames of 10 ms. Clips are cropped to it, or padded with silence. The encoders that are "
            "published take 3000 frames (30 s)."
        ),
        "type": "integer",
        "minimum": 2,
        "default": 3000,
    },
    "normalise": {"description": "Values are stored as they are.", "const": "none", "default": "none"},
}
N_FFT = 400  # samples; 25 ms at 16 kHz
HOP = 160  # samples; 10 ms at 16 kHz
WINDOW = HOP  # the frame that is centred at the end of a clip is left out, so 3000 frames are 30 s
HIGHEST = 8000.0  # Hz: the upper edge of the highest filter
RANGE = 8.0  # powers of ten below the loudest value of a clip, where values are cut off


def bins(settings: Settings) -> int:
    """The number of mel filters."""
    return settings["n_mels"]


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The spectrogram ``(mels, frames)``, float32; ``settings["frames"]`` frames."""
    import torch

    length = settings["frames"] * HOP
    padded = torch.nn.functional.pad(torch.from_numpy(samples[:length]), (0, max(0, length - len(samples))))
    power = power_frames(padded, N_FFT, HOP)[:, :-1]
    bands = mel_bands(sample_rate, N_FFT, settings["n_mels"], 0.0, HIGHEST)
    return _scaled(torch.cat([band @ power[chosen] for chosen, band in bands]))


def power_frames(samples: torch.Tensor, n_fft: int, hop: int) -> torch.Tensor:
    """Squared magnitudes ``(bins, frames)`` of centred frames; the signal is mirrored at its ends."""
    import torch

    spectrum = torch.stft(samples, n_fft, hop, window=torch.hann_window(n_fft), return_complex=True)
    return spectrum.real.square() + spectrum.imag.square()


def _scaled(mels: torch.Tensor) -> torch.Tensor:
    """Powers ``(..., mels, frames)`` on the encoder's logarithmic scale."""
    logarithm = mels.clamp(min=FLOOR).log10()
    return (logarithm.maximum(logarithm.amax(dim=(-2, -1), keepdim=True) - RANGE) + 4) / 4


def frequencies(settings: Settings, sample_rate: int) -> list[float]:
    """The frequency (Hz) in the middle of each mel filter."""
    return mel_frequencies(settings["n_mels"], 0.0, HIGHEST)


def graph(settings: Settings, sample_rate: int, frames: int | None) -> FrameGraph:
    """The same with operations that ONNX has."""
    import torch
    from torchaudio.functional import melscale_fbanks

    from soundbench.features.graphs import FrameGraph, fourier_kernel

    filters = melscale_fbanks(
        N_FFT // 2 + 1, 0.0, HIGHEST, settings["n_mels"], sample_rate, norm="slaney", mel_scale="slaney"
    )
    tensors = {"kernel": fourier_kernel(torch.diag(torch.hann_window(N_FFT)), N_FFT), "filters": filters.T.contiguous()}
    return FrameGraph(partial(_in_graph, frames=settings["frames"]), tensors)


def _in_graph(
    samples: torch.Tensor, kernel: torch.Tensor, filters: torch.Tensor, *, frames: int
) -> tuple[torch.Tensor, None]:
    """``(batch, samples)`` to ``(batch, mels, frames)``; the silence after the clip counts as its own."""
    from torch.nn.functional import pad

    from soundbench.features.graphs import power_spectrum

    padded = pad(pad(samples, (0, frames * HOP))[:, None, : frames * HOP], (N_FFT // 2, N_FFT // 2), mode="reflect")
    return _scaled(filters @ power_spectrum(padded[:, 0], kernel, HOP)[:, :, :-1]), None
