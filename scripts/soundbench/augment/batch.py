"""On-the-fly augmentation: changes each training batch anew, on the device that trains.

An effect is a function ``(features, settings) -> features`` on ``(batch, 1, bins, frames)`` that draws from torch's
global random numbers, which library functions use too. :class:`OnlineAugmentation` lends them a state that follows
from its own generator alone and puts the previous one back: nothing else that is random in training notices, and
whoever restores the generator's state goes on as if there had been no interruption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.functional import one_hot

MASKED_SHARE = 0.5  # a mask hides at most this share of the features of a clip
HINGE = 0.6  # of the bins, counted from the lowest, move by vtlp's factor: 4.8 of 8 kHz in the paper
BINS, FRAMES = 2, 3  # the axes of a batch of features
STREAM = 2**32  # added to the seed, so that these are not the numbers that decide the order of clips


def _uniform(features: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """A number a clip, ``(batch, 1, 1, 1)``."""
    return low + (high - low) * torch.rand(len(features), 1, 1, 1, device=features.device)


def _at(features: torch.Tensor, places: torch.Tensor, axis: int) -> torch.Tensor:
    """Each clip at its own bins or frames: ``places`` are whole numbers of such that exist, ``(batch, 1, bins, 1)`` or
    ``(batch, 1, 1, frames)``."""
    return features.gather(axis, places.long().expand(-1, *features.shape[1:]))


def _between(features: torch.Tensor, places: torch.Tensor, axis: int) -> torch.Tensor:
    """As :func:`_at`, interpolating linearly; beyond the last the last."""
    last = features.shape[axis] - 1
    before = places.floor().clamp(max=last)
    after = (before + 1).clamp(max=last)
    return torch.lerp(_at(features, before, axis), _at(features, after, axis), places - before)


def _quietest(features: torch.Tensor) -> torch.Tensor:
    return features.amin(dim=(1, BINS, FRAMES), keepdim=True)


def stretch(features: torch.Tensor, rates: list[float]) -> torch.Tensor:
    """Play each clip at a rate of the range ``rates``, interpolating between frames; the rest is its quietest value."""
    last = features.shape[FRAMES] - 1
    places = torch.arange(last + 1, device=features.device) * _uniform(features, *rates)
    return torch.where(places <= last, _between(features, places, FRAMES), _quietest(features))


def vtlp(features: torch.Tensor, factors: list[float]) -> torch.Tensor:
    """Move the bins of each clip by a factor of the range ``factors``, as a longer or shorter vocal tract would.

    N. Jaitly and G. E. Hinton, "Vocal tract length perturbation (VTLP) improves speech recognition", ICML workshop
    2013, on bins of the features instead of Hz: up to a hinge they move by the factor, and above it so that the
    highest stays where it is.
    """
    last = features.shape[BINS] - 1
    bins = torch.arange(last + 1, device=features.device)[:, None]
    factor = _uniform(features, *factors)
    hinge = HINGE * last * factor.clamp(max=1) / factor
    above = last - (last - bins) * (last - hinge * factor) / (last - hinge)
    return _between(features, torch.where(bins <= hinge, bins * factor, above), BINS)


def crop(features: torch.Tensor, share: float) -> torch.Tensor:
    """Pad both ends by ``share`` of the frames with the clip's quietest value, and crop back at a random place.

    As in Y. Tokozume, Y. Ushiku and T. Harada, "Learning from between-class examples", ICLR 2018.
    """
    last = features.shape[FRAMES] - 1
    places = torch.arange(last + 1, device=features.device) + (_uniform(features, -share, share) * last).round()
    cropped = _at(features, places.clamp(0, last), FRAMES)
    return torch.where((places >= 0) & (places <= last), cropped, _quietest(features))


def roll(features: torch.Tensor, share: float) -> torch.Tensor:
    """Rotate each clip in time by at most ``share`` of its frames."""
    frames = features.shape[FRAMES]
    places = torch.arange(frames, device=features.device) + (_uniform(features, -share, share) * frames).round()
    return _at(features, places % frames, FRAMES)


def spec_augment(features: torch.Tensor, settings: dict[str, int]) -> torch.Tensor:
    """Mask bins and frames with the mean (D. Park et al., "SpecAugment", Interspeech 2019, without the warping)."""
    from torchaudio.functional import mask_along_axis_iid

    for name, axis in (("freq", BINS), ("time", FRAMES)):
        for _ in range(settings[f"{name}_masks"]):
            features = mask_along_axis_iid(features, settings[f"{name}_width"], 0.0, axis, MASKED_SHARE)
    return features


EFFECTS: dict[str, Callable[[torch.Tensor, Any], torch.Tensor]] = {
    "stretch": stretch,
    "vtlp": vtlp,
    "crop": crop,
    "roll": roll,
    "spec_augment": spec_augment,
}


def mixup(features: torch.Tensor, targets: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each clip and its target with another of the batch (H. Zhang et al., "mixup", ICLR 2018).

    Args:
        targets: ``(batch, classes)``, shares of classes. A clip's own share is the larger one.
    """
    concentration = torch.full((len(features),), alpha, device=features.device)
    own = torch.distributions.Beta(concentration, concentration, validate_args=False).sample()
    own = torch.maximum(own, 1 - own)
    others = torch.randperm(len(features), device=features.device)
    mixed = torch.lerp(features[others], features, own[:, None, None, None])
    return mixed, torch.lerp(targets[others], targets, own[:, None])


class OnlineAugmentation:
    """The on-the-fly augmentation of a model recipe, with random numbers of its own.

    Args:
        settings: ``training.augment`` of the recipe; empty for none.
        decibel: what 1 dB is in the values of the features, for ``gain``.
    """

    def __init__(self, settings: dict[str, Any], classes: int, decibel: float, seed: int) -> None:
        self.settings, self.classes, self.decibel = settings, classes, decibel
        self.generator = torch.Generator().manual_seed(STREAM + seed)

    @contextmanager
    def _own_random_numbers(self, device: torch.device) -> Iterator[None]:
        seed = int(torch.randint(2**62, (), generator=self.generator))
        with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
            # Not torch.manual_seed, which spends a millisecond on devices that are not there.
            torch.default_generator.manual_seed(seed)
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield

    def __call__(self, features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Change a training batch.

        Args:
            features: ``(batch, 1, bins, frames)``, normalised.
            targets: ``(batch,)``, class numbers.

        Returns:
            Pictures of the same shape, and targets: with mixup ``(batch, classes)`` shares, else as they were.
        """
        if not self.settings:
            return features, targets
        with self._own_random_numbers(features.device):
            for name, effect in EFFECTS.items():
                if name in self.settings:
                    features = effect(features, self.settings[name])
            if gain := self.settings.get("gain"):
                features = features + _uniform(features, -gain, gain) * self.decibel
            if alpha := self.settings.get("mixup"):
                features, targets = mixup(features, one_hot(targets, self.classes).float(), alpha)
        return features, targets
