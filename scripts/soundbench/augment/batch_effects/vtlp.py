"""Vocal tract length perturbation: move the bins of each clip by a random factor of a range.

N. Jaitly and G. E. Hinton, "Vocal tract length perturbation (VTLP) improves speech recognition", ICML workshop 2013,
applied to bins of the features instead of Hz. Bins below a hinge move by the factor. Bins above it move by less, so
that the highest bin does not move.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from soundbench.augment.batch_values import BINS, Batch, interpolate, uniform

POSITION = 30
VALUE = {
    "description": (
        "Vocal tract length perturbation: the bins of each clip are moved by a random factor of this range, as if the "
        "speaker had another size; the highest bin stays."
    ),
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "items": {"type": "number", "minimum": 0.5, "maximum": 2},
}
HINGE = 0.6  # the share of the bins, from the lowest, that move by the factor: 4.8 of 8 kHz in the paper


def apply(batch: Batch, factors: list[float]) -> Batch:
    """Interpolate between bins."""
    features = batch.features
    last = features.shape[BINS] - 1
    bins = torch.arange(last + 1, device=features.device)[:, None]
    factor = uniform(features, *factors)
    hinge = HINGE * last * factor.clamp(max=1) / factor
    above = last - (last - bins) * (last - hinge * factor) / (last - hinge)
    return replace(batch, features=interpolate(features, torch.where(bins <= hinge, bins * factor, above), BINS))
