"""Between-class mixing: mix two clips of different classes so that each is as loud in the mixture as its label counts.

Y. Tokozume, Y. Ushiku and T. Harada, "Learning from between-class examples for deep sound recognition", ICLR 2018. They
add samples, x = (t x1 + (1 - t) x2) / √(t² + (1 - t)²), which adds powers where the sounds are not correlated:
P = (t² P1 + (1 - t)² P2) / (t² + (1 - t)²). So stored spectrograms can be mixed as well. Their loss is the
Kullback-Leibler divergence from the shares (r, 1 - r). It differs from the cross-entropy by a number that the network
does not change, so the gradients are those of ``cross_entropy``.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch.nn.functional import pad

from soundbench.augment.batch_values import BINS, FRAMES, MIXED_LABELS, Batch, mix_targets, uniform

POSITION = 60
WAVEFORMS = True
NEEDS = ("decibel",)
MIXES_TARGETS = True
VALUE = {
    "description": (
        "Each clip is mixed with a clip of another class in this share of the batches (between-class learning). Powers "
        "are added, with weights that take the levels of both clips into account, so that the share of each label is "
        "its share of the mixture. For samples, and front-ends in dB or natural logarithms. It cannot be combined "
        "with `mixup`, and needs about twice the epochs. Instead of the number, `{probability: NUMBER, labels: union}` "
        "gives a mixture all labels of both clips as a whole, for the task `multi-label`."
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
QUIETEST = 1e-8  # the lowest power, and the lowest weight of a power: -80 dB, as the authors chose


def apply(batch: Batch, value: float | dict[str, Any]) -> Batch:
    """Draw a partner with another target and a share r ~ U(0, 1) for each clip."""
    probability = value["probability"] if isinstance(value, dict) else value
    features = batch.features
    if torch.rand(()) >= probability:
        return batch
    others = _partners(batch.targets)
    share = uniform(features, 1e-3, 1 - 1e-3)
    mixed = _mix_samples(batch, others, share) if batch.sample_rate else _mix_powers(batch, others, share)
    return replace(batch, features=mixed, targets=mix_targets(batch, others, share[:, 0, 0, 0], value))


def _mix_powers(batch: Batch, others: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    powers = batch.features * (NEPER / batch.decibel)  # logarithms; they lack a constant that does not change mixtures
    own = _weight(_levels(powers, batch.frequencies), others, share)
    weights = (2 * own.log(), 2 * (1 - own).log())
    mixed = torch.logaddexp(powers + weights[0], powers[others] + weights[1]) - torch.logaddexp(*weights)
    return mixed * (batch.decibel / NEPER)


def _mix_samples(batch: Batch, others: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    samples = batch.features
    own = _weight(_sample_levels(samples.flatten(1), batch.sample_rate)[:, None, None, None], others, share)
    return (own * samples + (1 - own) * samples[others]) / (own.square() + (1 - own).square()).sqrt()


def _weight(loudness: torch.Tensor, others: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """The weight t of each clip's amplitudes: 1 / (1 + 10^((G1 - G2) / 20) (1 - r) / r)."""
    return torch.sigmoid((loudness[others] - loudness) / 2 + share.logit())


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


def _sample_levels(samples: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """The same of samples ``(batch, samples)``, ``(batch,)``; frames have the lengths that the authors chose."""
    size = 2048 if sample_rate < 32000 else 4096
    samples = pad(samples, (0, max(0, size - samples.shape[1])))
    window = torch.hann_window(size, device=samples.device)
    spectra = torch.stft(samples, size, size // 2, window=window, center=False, return_complex=True)
    frequencies = torch.linspace(0, sample_rate / 2, size // 2 + 1, device=samples.device)
    weights = _a_weights(frequencies).clamp(min=QUIETEST)
    return (spectra.abs().square() * weights[:, None]).sum(dim=1).amax(dim=1).clamp(min=QUIETEST).log()


def _a_weights(frequencies: torch.Tensor) -> torch.Tensor:
    """The weights of powers at frequencies (Hz) after IEC 61672-1."""
    square = frequencies.square()
    low = (square + 20.6**2) * ((square + 107.7**2) * (square + 737.9**2)).sqrt()
    return (1.2589 * 12194**2 * square.square() / (low * (square + 12194**2))).square()
