"""Masks over random ranges of bins and of frames.

D. Park et al., "SpecAugment", Interspeech 2019, without warping.
"""

from __future__ import annotations

from dataclasses import replace

from soundbench.augment.batch_values import BINS, FRAMES, Batch

POSITION = 90
HIDES_END = True
NEEDS = ("mean",)
VALUE = {
    "description": "Masks over random ranges of bins and of frames (SpecAugment). For features that are normalised.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "freq_masks": {"description": "Number of masks over bins.", "type": "integer", "minimum": 0, "default": 2},
        "freq_width": {
            "description": "Largest number of bins per mask.",
            "type": "integer",
            "minimum": 1,
            "default": 8,
        },
        "time_masks": {"description": "Number of masks over frames.", "type": "integer", "minimum": 0, "default": 2},
        "time_width": {
            "description": "Largest number of frames per mask.",
            "type": "integer",
            "minimum": 1,
            "default": 32,
        },
    },
}
MASKED_SHARE = 0.5  # the largest share of a clip's bins or frames that one mask covers


def apply(batch: Batch, settings: dict[str, int]) -> Batch:
    """Replace the masked values by 0, the mean of normalised features."""
    from torchaudio.functional import mask_along_axis_iid

    features = batch.features
    for name, axis in (("freq", BINS), ("time", FRAMES)):
        for _ in range(settings[f"{name}_masks"]):
            features = mask_along_axis_iid(features, settings[f"{name}_width"], 0.0, axis, MASKED_SHARE)
    return replace(batch, features=features)
