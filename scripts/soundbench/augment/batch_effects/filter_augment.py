"""FilterAugment: make random ranges of bins louder or quieter, as other rooms and microphones do.

H. Nam, S.-H. Kim and Y.-H. Park, "FilterAugment: an acoustic environmental data augmentation method", ICASSP 2022, in
its linear form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from soundbench.augment.batch_values import BINS, Batch

POSITION = 80
NEEDS = ("decibel",)
VALUE = {
    "description": (
        "Each clip is filtered at random (FilterAugment): the gain at the edges of random bands is drawn, and changes "
        "linearly between them. For front-ends in dB or natural logarithms."
    ),
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "gain": {
            "description": "Largest gain or loss (dB).",
            "type": "number",
            "exclusiveMinimum": 0,
            "default": 6,
        },
        "bands": {
            "description": "Smallest and largest number of bands.",
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": "integer", "minimum": 1},
            "default": [3, 5],
        },
        "width": {"description": "Smallest number of bins per band.", "type": "integer", "minimum": 1, "default": 6},
    },
}


def apply(batch: Batch, settings: dict[str, Any]) -> Batch:
    """Draw the bands for the whole batch, as the authors do, and the gains at their edges for each clip."""
    features = batch.features
    edges = _edges(max(2, features.shape[BINS]), settings).to(features.device)  # a single bin is an edge
    gains = (2 * torch.rand(len(features), len(edges), device=features.device) - 1) * settings["gain"]
    bins = torch.arange(features.shape[BINS], device=features.device)
    upper = torch.searchsorted(edges, bins).clamp(min=1)
    share = (bins - edges[upper - 1]) / (edges[upper] - edges[upper - 1])
    curves = torch.lerp(gains[:, upper - 1], gains[:, upper], share)
    return replace(batch, features=features + batch.decibel * curves[:, None, :, None])


def _edges(bins: int, settings: dict[str, Any]) -> torch.Tensor:
    """The first bin, the bins between random bands of at least ``width`` bins, and the last bin."""
    low, high = settings["bands"]
    width = min(settings["width"], bins - 1)
    number = min(int(torch.randint(low, max(low, high) + 1, ())), (bins - 1) // width)
    spare = torch.randint(bins - number * width, (number - 1,)).sort().values
    inner = spare + width * torch.arange(1, number)
    return torch.cat([torch.tensor([0]), inner, torch.tensor([bins - 1])]).float()
