"""Log-mel spectrogram of CLAP, equal to transformers' ClapFeatureExtractor.

Y. Wu et al., "Large-scale contrastive language-audio pretraining with feature fusion and keyword-to-caption
augmentation", ICASSP 2023. Longer clips are cropped to their beginning, where the original takes crops at random.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends.logmel import FLOOR
from soundbench.features.front_ends.whisper import power_frames
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

    from soundbench.features.graphs import FrameGraph

SETTINGS = {
    "sample_rate": {
        "description": "Sample rate (Hz); the encoder was trained at this rate.",
        "type": "integer",
        "const": 48000,
        "default": 48000,
    },
    "n_mels": {"description": "Number of mel filters.", "type": "integer", "minimum": 1, "default": 64},
    "fmin": {"description": "Lower edge of the lowest filter (Hz).", "type": "number", "minimum": 0, "default": 50},
    "fmax": {
        "description": "Upper edge of the highest filter (Hz).",
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": 24000,
        "default": 14000,
    },
    "filters": {
        "description": "`slaney`, or `htk` for encoders with feature fusion (`-fused`).",
        "enum": ["slaney", "htk"],
        "default": "slaney",
    },
    "frames": {
        "description": (
            "Number of frames of 10 ms. Clips are cropped to it. Shorter ones are repeated as often as they fit, and "
            "then padded with silence. 1001 frames are 10 s."
        ),
        "type": "integer",
        "minimum": 3,
        "default": 1001,
    },
    "normalise": {"description": "Values are stored as they are.", "const": "none", "default": "none"},
}
N_FFT = 1024  # samples
HOP = 480  # samples; 10 ms at 48 kHz


def bins(settings: Settings) -> int:
    """The number of mel filters."""
    return settings["n_mels"]


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The spectrogram in dB ``(mels, frames)``, float32; ``settings["frames"]`` frames."""
    import torch

    length = (settings["frames"] - 1) * HOP
    samples = np.tile(samples, max(1, length // max(1, len(samples))))[:length]
    padded = torch.from_numpy(np.pad(samples, (0, length - len(samples))))
    return _decibels(_filters(*_shape(settings, sample_rate)) @ power_frames(padded, N_FFT, HOP))


def _decibels(power: torch.Tensor) -> torch.Tensor:
    return power.clamp(min=FLOOR).log10() * 10


def _shape(settings: Settings, sample_rate: int) -> tuple[float, float, int, int, str]:
    return settings["fmin"], settings["fmax"], settings["n_mels"], sample_rate, settings["filters"]


@lru_cache(maxsize=4)
def _filters(fmin: float, fmax: float, n_mels: int, sample_rate: int, scale: str) -> torch.Tensor:
    """The mel filters ``(mels, bins)``. Those of HTK have a peak of 1, those of Slaney an area of 1."""
    from torchaudio.functional import melscale_fbanks

    norm = "slaney" if scale == "slaney" else None
    return melscale_fbanks(N_FFT // 2 + 1, fmin, fmax, n_mels, sample_rate, norm=norm, mel_scale=scale).T.contiguous()


def graph(settings: Settings, sample_rate: int, frames: int | None) -> FrameGraph:
    """The same with operations that ONNX has."""
    import torch

    from soundbench.features.graphs import FrameGraph, fourier_kernel

    tensors = {
        "kernel": fourier_kernel(torch.diag(torch.hann_window(N_FFT)), N_FFT),
        "filters": _filters(*_shape(settings, sample_rate)),
    }
    return FrameGraph(partial(_in_graph, length=(settings["frames"] - 1) * HOP), tensors)


def _in_graph(
    samples: torch.Tensor, kernel: torch.Tensor, filters: torch.Tensor, *, length: int
) -> tuple[torch.Tensor, None]:
    """``(batch, samples)`` to ``(batch, mels, frames)``; repetitions and silence count as the clip's own."""
    import torch
    from torch.nn.functional import pad

    from soundbench.features.graphs import power_spectrum

    size = samples.shape[1]
    positions = torch.arange(length, device=samples.device)
    own = (positions < length // size * size) | (positions < size)
    repeated = samples[:, positions % size] * own
    mirrored = pad(repeated[:, None], (N_FFT // 2, N_FFT // 2), mode="reflect")[:, 0]
    return _decibels(filters @ power_spectrum(mirrored, kernel, HOP)), None
