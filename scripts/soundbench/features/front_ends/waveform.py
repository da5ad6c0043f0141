"""The samples of a clip themselves, for encoders that take raw audio: one bin, and one frame per sample."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from soundbench.features.front_ends import TRIM
from soundbench.features.settings import Settings

if TYPE_CHECKING:
    import torch

    from soundbench.features.graphs import FrameGraph

WAVEFORM = True
SETTINGS = {
    **TRIM,
    "sample_rate": {
        "description": "Clips are resampled to this rate (Hz). It should be the rate that the encoder was trained at.",
        "type": "integer",
        "minimum": 1000,
        "default": 16000,
    },
    "duration": {
        "description": "Clips are cropped to this length (s). null: models take clips padded to the longest clip of "
        "the source, or crops of them.",
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "default": None,
    },
    "normalise": {
        "description": (
            "`clip`: the samples of each clip get zero mean and unit variance, as by the feature extractor of "
            "wav2vec 2.0 (`do_normalize`). `none`: samples are taken as they are."
        ),
        "enum": ["clip", "none"],
        "default": "clip",
    },
}
WINDOW = 1  # a frame is a sample
HOP = 1


def bins(settings: Settings) -> int:
    """One: the amplitude."""
    return 1


def compute(samples: np.ndarray, sample_rate: int, settings: Settings) -> torch.Tensor:
    """The samples as features ``(1, samples)``, float32."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]


def graph(settings: Settings, sample_rate: int, frames: int | None) -> FrameGraph:
    """The same with operations that ONNX has."""
    from soundbench.features.graphs import FrameGraph

    duration = settings["duration"]
    kept = round(duration * sample_rate) if duration else None
    return FrameGraph(partial(_in_graph, frames=frames, kept=kept), {})


def _in_graph(
    samples: torch.Tensor, *, frames: int | None, kept: int | None
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """``(batch, samples)`` to ``(batch, 1, frames)``, and which of them are the clip's own."""
    import torch
    from torch.nn.functional import pad

    if frames is None:
        return samples[:, None], None
    own = torch.arange(frames, device=samples.device) < samples.shape[1]
    if kept is not None:
        own = own & (torch.arange(frames, device=samples.device) < kept)
    return pad(samples, (0, frames))[:, None, :frames], own
