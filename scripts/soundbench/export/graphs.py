"""A trained model with its front-end as one network, made of operations of ONNX.

The steps after the front-end follow :func:`soundbench.features.clip_features.fixed_size` line by line, with masks
instead of slices, because the length of the sound is not known when the graph is written.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import interpolate

from soundbench.features.front_ends import FRONT_ENDS
from soundbench.features.normalisation import Normalisation
from soundbench.features.settings import Settings, by_group, feature_bins, frame_count
from soundbench.tasks.task import Task


def _stretched(features: torch.Tensor, frames: int) -> torch.Tensor:
    """Resize the last axis, of any length, to ``frames``, bilinear with antialiasing.

    The weights of torch's ``interpolate`` are computed as a matrix: triangles as wide as the larger of both spacings.
    """
    ones = torch.ones_like(features[0, 0])
    scale = ones.sum() / frames
    offsets = (ones.cumsum(0) - 0.5)[:, None] - (torch.arange(frames, device=features.device) + 0.5) * scale
    weights = (1 - offsets.abs() / scale.clamp(min=1)).clamp(min=0)
    return features @ (weights / weights.sum(dim=0))


class FeatureGraph(nn.Module):
    """Computes the stored features of a clip from its samples: the front-end, then ``fixed_size``, rounded to float16.

    Args:
        sample_rate: the sample rate of the samples (Hz).
        shape: the shape of the features, ``(bins, frames)``.
    """

    def __init__(self, settings: Settings, sample_rate: int, shape: tuple[int, int]) -> None:
        super().__init__()
        self.by_clip = settings["normalise"] == "clip"
        self.size = settings.get("resize")
        self.own_length = self.size is not None and not settings["duration"]
        self.frames = shape[1]
        frames = None if self.own_length else self._unresized(settings, sample_rate)
        self.front_end = FRONT_ENDS.load(settings["front_end"]).graph(settings, sample_rate, frames)
        if self.size is not None:
            self.register_buffer("rows", _resizing(feature_bins(settings), self.size[0]))
            if frames is not None:
                self.register_buffer("columns", _resizing(frames, self.size[1]).T.contiguous())

    def _unresized(self, settings: Settings, sample_rate: int) -> int:
        return self.frames if self.size is None else frame_count(settings["duration"], sample_rate, settings)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Map ``(batch, samples)`` to ``(batch, bins, frames)``."""
        features, own = self.front_end(samples)
        own = torch.ones_like(features[0, 0], dtype=torch.bool) if own is None else own
        if self.by_clip:
            features = _normalised(features, own)
        quietest = features.where(own, torch.inf).amin(dim=(1, 2), keepdim=True)
        features = features.where(own, quietest)
        if self.size is not None:
            features = self.rows @ features
            features = _stretched(features, self.size[1]) if self.own_length else features @ self.columns
        return features.half().float()


def _normalised(features: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """Normalise each clip to zero mean and unit deviation over its own frames."""
    count = own.sum() * features.shape[1]
    mean = (features * own).sum(dim=(1, 2), keepdim=True) / count
    variance = ((features - mean).square() * own).sum(dim=(1, 2), keepdim=True) / count
    return (features - mean) / variance.sqrt().clamp(min=1e-5)


def _resizing(size: int, new_size: int) -> torch.Tensor:
    """The matrix ``(new_size, size)`` of a bilinear resizing with antialiasing."""
    return interpolate(torch.eye(size)[None, None], (new_size, size), mode="bilinear", antialias=True)[0, 0]


class Classifier(nn.Module):
    """A trained network with its normalisation and activation; with ``features``, it takes samples as its input."""

    def __init__(self, network: nn.Module, normalise: Normalisation, features: nn.Module | None, task: Task) -> None:
        super().__init__()
        self.network = network
        self.normalise = normalise
        self.features = features
        self.task = task

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """Map samples ``(batch, samples)``, or features ``(batch, bins, frames)``, to probabilities
        ``(batch, classes)``."""
        features = sound if self.features is None else self.features(sound)
        return self.task.activate(self.network(self.normalise(features).unsqueeze(1)))


def has_graph(settings: Settings) -> bool:
    """Whether a front-end has a graph. Trimming has none, because a graph cannot decide how long a sound is, and
    ``normalise: group`` has none, because a sound has no group."""
    known = hasattr(FRONT_ENDS.load(settings["front_end"]), "graph")
    return known and not settings.get("trim") and not by_group(settings)
