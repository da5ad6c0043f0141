"""Between-class mixing: mix two clips of different classes so that each is as loud in the mixture as its label counts.

Y. Tokozume, Y. Ushiku and T. Harada, "Learning from between-class examples for deep sound recognition", ICLR 2018. They
add samples, which adds powers where the sounds are not correlated: P = (t² P1 + (1 - t)² P2) / (t² + (1 - t)²). So
stored spectrograms can be mixed. Their loss is the Kullback-Leibler divergence from the shares (r, 1 - r). It differs
from the cross-entropy by a number that the network does not change, so the gradients are those of ``cross_entropy``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch

from soundbench.augment.batch_values import BINS, FRAMES, MIXED_LABELS, Batch, mix_targets, uniform

POSITION = 60
NEEDS = ("decibel",)
MIXES_TARGETS = True
VALUE = {
    "description": (
        "Each clip is mixed with a clip of another class in this share of the batches (between-class learning). Powers "
        "are added, with weights that take the levels of both clips into account, so that the share of each label is "
        "its share of what is heard. For front-ends in dB or natural logarithms; it replaces `mixup`, and needs about "
        "twice the epochs. Instead of the number, `{probability: NUMBER, labels: union}` gives a mixture all labels of "
        "both clips as a whole, for the task `multi-label`."
    ),
    "type": ["number", "object"],
    "exclusiveMinimum": 0,
    "maximum": 1,
    "additionalProperties": False,
    "required": ["probability"],
    "properties": {
        "probability": {
            "description": "Share of the batches that are mixed.",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
        },
        "labels": MIXED_LABELS,
    },
}
NEPER = math.log(10) / 10  # the logarithm of power that corresponds to 1 dB


def apply(batch: Batch, value: float | dict[str, Any]) -> Batch:
    """Draw a partner with another target and a share r ~ U(0, 1) for each clip."""
    probability = value["probability"] if isinstance(value, dict) else value
    features = batch.features
    if torch.rand(()) >= probability:
        return batch
    powers = features * (NEPER / batch.decibel)  # logarithms; a constant is missing, which the mixture does not change
    others = _partners(batch.targets)
    share = uniform(features, 1e-3, 1 - 1e-3)
    loudness = _levels(powers, batch.frequencies)
    # t of the paper's amplitudes: 1 / (1 + 10^((G1 - G2) / 20) (1 - r) / r)
    own = torch.sigmoid((loudness[others] - loudness) / 2 + share.logit())
    weights = (2 * own.log(), 2 * (1 - own).log())
    mixed = torch.logaddexp(powers + weights[0], powers[others] + weights[1]) - torch.logaddexp(*weights)
    targets = mix_targets(batch, others, share[:, 0, 0, 0], value)
    return replace(batch, features=mixed * (batch.decibel / NEPER), targets=targets)


def _partners(targets: torch.Tensor) -> torch.Tensor:
    """For each clip the number of a random clip with other targets; of any clip where all are alike."""
    different = (targets[:, None] != targets[None]).any(dim=2).float()
    different[different.sum(dim=1) == 0] = 1
    return torch.multinomial(different, 1)[:, 0]


def _levels(powers: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """The A-weighted level of the loudest frame of each clip, ``(batch, 1, 1, 1)``, as a natural logarithm of power.

    Bins without known frequencies all have the same weight.
    """
    if len(frequencies) > 1:
        # Mel filters give densities of power, so that each counts by its width.
        weights = _a_weights(frequencies) * torch.gradient(frequencies)[0]
        powers = powers + weights.clamp(min=1e-12).log()[:, None]
    return powers.logsumexp(dim=BINS, keepdim=True).amax(dim=FRAMES, keepdim=True)


def _a_weights(frequencies: torch.Tensor) -> torch.Tensor:
    """The weights of powers at frequencies (Hz) after IEC 61672-1."""
    square = frequencies.square()
    low = (square + 20.6**2) * ((square + 107.7**2) * (square + 737.9**2)).sqrt()
    return (1.2589 * 12194**2 * square.square() / (low * (square + 12194**2))).square()
